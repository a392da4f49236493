"""Ours against the whole of TFDV, run now on the same tables (tests/tfdv)."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from holdfast.errors import MachineError
from holdfast.local import environments
from tests.conftest import REAL_DATA
from tests.support import ROOT, family_python

LOCK = ROOT / "tests" / "tfdv" / "requirements.txt"
REAL = ["adult.parquet", "bike_hour.csv", "chicago_taxi.csv"]
TABLES = [
    *(pytest.param(name, marks=pytest.mark.real_data) for name in REAL),
    # Generated: 2,000 and 100,000 rows of what is seldom.
    "odd",
    "long",
]


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> dict:
    """Return what differs between ours and TFDV's, by table and question."""
    try:
        folder = environments.make("tfdv", LOCK, print)
    except MachineError as error:
        pytest.skip(f"the environment of the whole of TFDV could not be made: {error}")
    tables = tmp_path_factory.mktemp("tfdv")
    real = [REAL_DATA / name for name in REAL if (REAL_DATA / name).is_file()]
    run(folder / "bin" / "python", "tests.tfdv.theirs", tables, *real)
    return json.loads(run(family_python("validation"), "tests.tfdv.compare", tables))


def run(python: Path, module: str, *arguments: Path) -> str:
    """Run a module in another environment and return what it prints."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [python, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def agree(compared: dict, table: str, question: str, real_table) -> None:
    """Require that something was compared and nothing differs."""
    if table in REAL:
        real_table(table)
    found = compared[table.partition(".")[0]][question]
    assert found["differ"] == []
    assert found["compared"] > 0


@pytest.mark.parametrize("table", TABLES)
def test_every_exact_field_equals_tfdvs(compared, table, real_table):
    agree(compared, table, "exact fields", real_table)


@pytest.mark.parametrize("table", TABLES)
def test_median_quantiles_and_histograms_are_within_one_percent_of_rank(
    compared, table, real_table
):
    agree(compared, table, "ranks", real_table)


@pytest.mark.parametrize("table", TABLES)
def test_the_inferred_schema_equals_tfdvs(compared, table, real_table):
    agree(compared, table, "schema", real_table)


@pytest.mark.parametrize("table", TABLES)
def test_the_anomalies_of_a_changed_table_equal_tfdvs(compared, table, real_table):
    agree(compared, table, "anomalies", real_table)


@pytest.mark.parametrize("table", TABLES)
def test_drift_and_skew_are_what_tfdv_measures(compared, table, real_table):
    agree(compared, table, "drift and skew", real_table)
