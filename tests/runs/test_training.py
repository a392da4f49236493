"""The training pipeline as a user runs it."""

import csv
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.support import ROOT, family_python, holdfast, tasks, train

METRICS = ("roc_auc", "accuracy", "log_loss")


def test_a_run_ends_in_a_registered_model_with_its_metrics(trained):
    _, result = trained
    assert result.code == 0, result.stderr
    outputs = result.document["outputs"]
    assert result.document["status"] == "SUCCEEDED"
    assert (outputs["model_name"], outputs["model_version"]) == ("cancer", 1)
    assert outputs["data_decision"] == outputs["model_decision"] == "pass"
    assert outputs["roc_auc"] > 0.97
    assert 0 < outputs["log_loss"] < 0.3


def test_the_document_lists_each_task_with_state_seconds_and_outputs(trained):
    _, result = trained
    assert set(result.document) == {"pipeline", "status", "seconds", "tasks", "outputs"}
    listed = tasks(result)
    assert list(listed)[:2] == ["resolve-source", "ingest-table"]
    assert len(listed) == 19
    assert all(t["status"] == "SUCCEEDED" and t["seconds"] > 0 for t in listed.values())
    rows = listed["split-table"]["outputs"]["test"]["metadata"]["rows"]
    assert rows == round(569 * 0.2)


def test_progress_goes_to_stderr_with_step_state_and_seconds(trained):
    _, result = trained
    assert "[ 1/19] resolve-source" in result.stderr
    assert result.stderr.count("succeeded") == 19


def test_reports_can_be_opened_by_a_browser_and_load_nothing(trained):
    _, result = trained
    page = Path(result.document["outputs"]["model_report"]["uri"])
    links = page.parents[1] / "reports"
    copy = links / "evaluate-model-report.html"
    assert copy.read_bytes() == page.read_bytes()
    # A browser would follow a link to a file without an ending, and show its source.
    assert not copy.is_symlink()
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert "src=" not in text
    assert "<link" not in text
    assert page.stat().st_size < 2_000_000


def test_a_second_run_is_version_two_takes_the_alias_and_tells_people_in_words(
    trained, breast_cancer
):
    output, _ = trained
    again = holdfast(
        "run", "training", "-p", f"uri={breast_cancer}", "-p", "target=diagnosis",
        "-p", "model_name=cancer", "--output", output,
    )  # fmt: skip
    assert again.code == 0
    for word in ("data_decision", "roc_auc", "model_version", "reports", "tracking store"):
        assert word in again.stdout
    with sqlite3.connect(output / "mlflow.db") as store:
        aliases = store.execute("SELECT alias, version FROM registered_model_aliases").fetchall()
    assert aliases == [("challenger", 2)]


def test_the_registered_model_is_loaded_and_asked_by_mlflow_alone(trained, breast_cancer):
    output, _ = trained
    program = (
        "import sys, mlflow, pandas as pd\n"
        "model = mlflow.pyfunc.load_model('models:/cancer@challenger')\n"
        "frame = pd.read_csv(sys.argv[1])\n"
        "print((model.predict(frame.drop(columns='diagnosis')) == frame.diagnosis).mean())\n"
        "print('holdfast' in sys.modules)\n"
    )
    # The training environment cannot open an MLflow store: the model files are taken from there.
    files = next((output / "mlruns").glob("*/models/*/artifacts/MLmodel")).parent
    program = program.replace("'models:/cancer@challenger'", repr(str(files)))
    done = subprocess.run(
        [family_python("training"), "-c", program, breast_cancer],
        capture_output=True,
        text=True,
        check=True,
    )
    share, ours = done.stdout.split()
    assert float(share) > 0.99
    assert ours == "False"


def test_a_gate_that_is_not_reached_stops_before_registering_and_says_why(breast_cancer, tmp_path):
    wanted = ("-p", "metric=accuracy", "-p", "minimum=0.9999", "-p", "on_undecided=fail")
    result = train(breast_cancer, "diagnosis", tmp_path, *wanted)
    assert result.code == 1
    assert result.document["status"] == "FAILED"
    assert list(tasks(result))[-1] == "check-verdict-2"
    assert "accuracy on the test rows is 0.9" in result.document["error"]
    assert "the minimum of 0.9999" in result.document["error"]
    assert not (tmp_path / "mlflow.db").exists()
    assert "Traceback" not in result.stderr


def test_three_classes_run_too(tmp_path):
    table = tmp_path / "wine.parquet"
    program = (
        "import sys; from sklearn.datasets import load_wine as load\n"
        "load(as_frame=True).frame.to_parquet(sys.argv[1])"
    )
    subprocess.run([family_python("training"), "-c", program, table], check=True)
    small = ("-p", "n_estimators=60", "-p", "max_depth=2")
    result = train(table, "target", tmp_path / "output", *small)
    assert result.code == 0, result.stderr
    assert set(METRICS) <= set(result.document["outputs"])


# It needs no Docker, but shares its run with what does, in that group.
@pytest.mark.docker
@pytest.mark.real_data
def test_adult_reaches_its_reference(adult):
    metrics = adult.document["outputs"]
    assert metrics["roc_auc"] >= 0.925
    assert metrics["accuracy"] == pytest.approx(0.8747, abs=0.003)
    assert metrics["log_loss"] == pytest.approx(0.2748, abs=0.003)


@pytest.mark.real_data
def test_taxi_with_a_derived_target_runs(real_table, tmp_path):
    with real_table("chicago_taxi.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["generous"] = float(row.pop("tips") or 0) > 0.2 * float(row["fare"] or 0)
    table = tmp_path / "taxi.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    result = train(table, "generous", tmp_path / "output")
    assert result.code == 0, result.stderr
    assert result.document["outputs"]["roc_auc"] >= 0.945


@pytest.mark.real_data
def test_bike_is_a_regression(real_table, tmp_path):
    result = train(real_table("bike_hour.csv"), "cnt", tmp_path)
    assert result.code == 0, result.stderr
    assert result.document["outputs"]["r2"] > 0.95


def test_ctrl_c_ends_the_run_and_its_step(breast_cancer, tmp_path):
    import signal
    import sys
    import time

    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast.cli", "run", "training", "-p", f"uri={breast_cancer}",
         "-p", "target=diagnosis", "--output", tmp_path],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # A shell's background job, as CI may be one, ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    for line in process.stderr:
        if "fit-transformer" in line:
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in rest
    assert "Traceback" not in rest
    # The step was told to stop, too; it may take a moment.
    for _ in range(100):
        left = subprocess.run(["pgrep", "-f", str(tmp_path)], capture_output=True).stdout
        if not left:
            break
        time.sleep(0.1)
    assert left == b""
