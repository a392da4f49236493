"""The batch inference pipeline as a schedule runs it: again and again, against MinIO and MLflow."""

import csv
import json
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support import family_python, holdfast, tasks, train

pytestmark = [pytest.mark.minio, pytest.mark.mlflow]
DAY = ("-p", "window_end=2026-11-21", "-p", "window_start=P1D", "-p", "time_column=seen")
FOLDER = "window=20261120T000000Z-20261121T000000Z"


@pytest.fixture(scope="module")
def champion(mlflow, breast_cancer, tmp_path_factory):
    """Train and register a champion with the profile of its training table."""
    done = train(
        breast_cancer, "diagnosis", tmp_path_factory.mktemp("champion"),
        "-p", "model_name=batch", "-p", "alias=champion", "-p", "n_estimators=20",
        MLFLOW_TRACKING_URI=mlflow,
    )  # fmt: skip
    assert done.code == 0, done.stderr
    return "batch"


@pytest.fixture
def days(breast_cancer, tmp_path) -> Path:
    """Write 40 rows for each of two days, with a number and a time, and without the target."""
    with breast_cancer.open(newline="") as file:
        rows = list(csv.DictReader(file))[:80]
    for number, row in enumerate(rows):
        row.pop("diagnosis")
        row["patient"] = number
        row["seen"] = f"2026-11-{20 + number // 40}T10:00:00"
    return write(rows, tmp_path / "days.csv")


def write(rows: list[dict], path: Path) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def change(path: Path, row: int, **values: object) -> Path:
    """Write other values into a row."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[row] |= values
    return write(rows, path)


@pytest.fixture
def lake(store, tmp_path):
    """Return a bucket's name of this test's own."""
    name = re.sub("[^a-z0-9]+", "-", tmp_path.name.lower()).strip("-")[:50]
    store.client().make_bucket(bucket_name=name)
    return name


@pytest.fixture
def infer(champion, mlflow, store, lake, tmp_path):
    """Return a function that stores a table and runs the pipeline on it."""

    def run(table: Path, *more: str):
        uri = store.put(lake, "in/days.csv", table)
        return holdfast(
            "run", "batch_inference", "--json", "--output", tmp_path / "output",
            "-p", f"uri={uri}", "-p", f"model_name={champion}",
            "-p", f"predictions_uri=s3://{lake}/scores", "-p", f"quarantine_uri=s3://{lake}/aside/",
            "-p", 'key=["patient"]', *more,
            MLFLOW_TRACKING_URI=mlflow, **store.variables,
        )  # fmt: skip

    return run


def objects(store, lake, prefix=""):
    """Return each object's version and time."""
    found = store.client().list_objects(lake, prefix=prefix, recursive=True)
    return {
        o.object_name: (o.etag, o.last_modified)
        for o in found
        if not o.object_name.startswith("in/")
    }


def rows_of(store, lake, prefix):
    """Read a table that was exported."""
    client = store.client()
    program = (
        "import sys, json; from holdfast.table import open_table\n"
        "rows = open_table(sys.argv[1]).read().to_pylist()\n"
        "print(json.dumps(rows, default=str))"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in objects(store, lake, f"{prefix}/"):
            file = Path(folder) / name.rpartition("/")[2]
            client.fget_object(bucket_name=lake, object_name=name, file_path=str(file))
        command = [family_python("data"), "-c", program, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_day_is_scored_and_written_once_and_again_where_its_rows_changed(
    infer, days, store, lake
):
    result = infer(days, *DAY)
    assert result.code == 0, result.stderr
    outputs = result.document["outputs"]
    assert (outputs["key"], outputs["exported_rows"], outputs["written"]) == (FOLDER, 40, True)
    assert (outputs["invalid_rows"], outputs["unscored_rows"]) == (0, 0)
    rows = rows_of(store, lake, f"scores/{FOLDER}")
    assert [row["patient"] for row in rows] == list(range(40))
    assert {(row["model_name"], row["model_version"]) for row in rows} == {("batch", 1)}
    # The end of the window, and not the time of the run: a second run writes the same.
    assert {row["predicted_at"] for row in rows} == {"2026-11-21 00:00:00+00:00"}
    assert {row["prediction"] for row in rows} == {"benign", "malignant"}

    before = objects(store, lake)
    again = infer(days, *DAY)
    assert again.code == 0, again.stderr
    written = [t["outputs"]["written"] for n, t in tasks(again).items() if "export-table" in n]
    assert written == [False, False, False]
    assert objects(store, lake) == before

    result = infer(change(days, 3, **{"mean radius": "25.0"}), *DAY)
    assert result.document["outputs"]["written"] is True
    changed = rows_of(store, lake, f"scores/{FOLDER}")
    assert [row["patient"] for row in changed] == list(range(40))
    assert (rows[3]["mean radius"] != 25, changed[3]["mean radius"]) == (True, 25)
    assert rows[0]["data_sha256"] != changed[0]["data_sha256"]
    # Nothing of the old table is left: a part and its manifest.
    assert len(objects(store, lake, f"scores/{FOLDER}/")) == 2


def test_bad_rows_are_set_aside_where_they_belong_and_the_counts_add_up(infer, days, store, lake):
    change(days, 2, **{"mean radius": "inf"})
    change(days, 5, **{"mean area": "-1"})
    rules = 'rules: [{rule: condition, sql: "\\"mean area\\" > 0", policy: quarantine}]'
    types = 'types={"patient": "string"}'
    result = infer(days, *DAY, "-p", f"expectations={rules}", "-p", types)
    assert result.code == 0, result.stderr
    outputs = result.document["outputs"]
    assert outputs["decision"] == "warn"
    counts = [outputs[name] for name in ("exported_rows", "invalid_rows", "unscored_rows")]
    assert counts == [38, 1, 1]
    (invalid,) = rows_of(store, lake, f"aside/invalid/{FOLDER}")
    (unscored,) = rows_of(store, lake, f"aside/unscored/{FOLDER}")
    assert (invalid["patient"], unscored["patient"]) == ("5", "2")
    assert unscored["quarantine_reasons"] == "infinite_number: mean radius"


def test_too_many_bad_rows_write_no_predictions_but_are_kept(infer, days, store, lake):
    for row in range(20, 30):
        change(days, row, **{"mean radius": "inf"})
    result = infer(days, *DAY)
    assert result.code == 1
    assert "10 of 40 rows could not be scored" in result.document["error"]
    assert len(rows_of(store, lake, f"aside/unscored/{FOLDER}")) == 10
    assert objects(store, lake, "scores/") == {}


def test_a_window_without_rows_has_an_empty_table_and_a_warning(infer, days, store, lake):
    result = infer(days, *DAY, "-p", "window_end=2020-01-01")
    assert result.code == 0, result.stderr
    outputs = result.document["outputs"]
    assert (outputs["decision"], outputs["exported_rows"]) == ("warn", 0)
    assert rows_of(store, lake, f"scores/{outputs['key']}") == []


def test_a_window_that_ends_before_it_starts_is_refused_and_nothing_is_written(
    infer, days, store, lake
):
    result = infer(days, *DAY, "-p", "window_start=2026-11-22")
    assert result.code == 2
    assert "`window_start` must lie before `window_end`" in result.document["error"]
    assert objects(store, lake) == {}
