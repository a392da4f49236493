"""The tuning pipeline as a user runs it: alone, with workers, after a kill, and on PostgreSQL."""

import json
import subprocess

import pytest

from tests import everything
from tests.services import servers
from tests.support import ROOT, family_python, holdfast, tasks

SPACE = "n_estimators: {low: 5, high: 30}\nmax_depth: {low: 2, high: 4}"


def tune(uri, target, output, *more, **variables):
    """Run the tuning pipeline with --json."""
    return holdfast(
        "run", "tuning", "--json", "--output", output,
        "-p", f"uri={uri}", "-p", f"target={target}", *more, **variables,
    )  # fmt: skip


def small(*more):
    """Return a small search."""
    return ["-p", f"space={SPACE}", "-p", "folds=2", *more]


def test_a_run_ends_in_a_judged_model_with_the_best_parameters(breast_cancer, tmp_path):
    result = tune(breast_cancer, "diagnosis", tmp_path, *small("-p", "n_trials=4"))
    assert result.code == 0, result.stderr
    outputs = result.document["outputs"]
    assert outputs["decision"] == "pass"
    assert outputs["trials"] == 4
    assert set(json.loads(outputs["parameters"])) == {"n_estimators", "max_depth"}
    assert outputs["best_roc_auc"] > 0.95
    assert outputs["roc_auc"] > 0.95


def test_workers_search_in_one_study(breast_cancer, tmp_path):
    storage = tmp_path / "study.db"
    result = tune(
        breast_cancer, "diagnosis", tmp_path,
        *small("-p", "n_trials=4", "-p", "workers=[1, 2]", "-p", f"storage={storage}"),
    )  # fmt: skip
    assert result.code == 0, result.stderr
    searched = [name for name in tasks(result) if name.startswith("tune-hyperparameters")]
    assert len(searched) == 3
    assert 4 <= result.document["outputs"]["trials"] <= 5


def test_a_gate_that_is_not_reached_stops_the_run(breast_cancer, tmp_path):
    result = tune(
        breast_cancer, "diagnosis", tmp_path, *small("-p", "n_trials=1", "-p", "minimum=0.9999")
    )
    assert result.code == 1
    assert "does not reach the minimum of 0.9999" in result.document["error"]


def test_workers_share_a_study_in_postgresql_whose_password_is_in_no_parameter(tmp_path):
    if everything.postgresql() is None:
        pytest.skip("no PostgreSQL server: apt-get install postgresql")
    table = tmp_path / "table"
    program = (
        "import sys; from pathlib import Path; from tests.training.samples import bundled\n"
        "bundled(Path(sys.argv[1]), 'diabetes')"
    )
    python = family_python("training")
    subprocess.run([python, "-c", program, table], cwd=ROOT, check=True)
    with servers.database() as database:
        command = [python, "-m", "tests.training.tune_sample", table, database.uri]
        workers = [
            subprocess.Popen([*command, str(n), "6"], cwd=ROOT, env=database.variables,
                             stdout=subprocess.PIPE)
            for n in (1, 2)
        ]  # fmt: skip
        found = [worker.communicate(timeout=200)[0] for worker in workers]
        assert [worker.returncode for worker in workers] == [0, 0]
        again = subprocess.run(
            [*command, "0", "6"], cwd=ROOT, env=database.variables, check=True, capture_output=True
        )
    # The one who came last knows all; the first may have left before a last, better trial.
    assert again.stdout in found


@pytest.mark.real_data
def test_adult_is_tuned_to_0930_within_30_trials(real_table, tmp_path):
    result = tune(real_table("adult.parquet"), "class", tmp_path, "-p", "n_trials=30")
    assert result.code == 0, result.stderr
    outputs = result.document["outputs"]
    assert outputs["trials"] == 30
    assert outputs["roc_auc"] >= 0.930
