"""The monitoring pipelines as a user runs them, on both runners and in both branches."""

import csv
import json
import subprocess
from pathlib import Path

import pytest

from tests.monitoring.receivers import http_receiver
from tests.support import Result, family_python, holdfast, tasks

DAY, NEXT = "2026-11-20", "2026-11-21"
RULES = """
channels: {hook: {kind: webhook, url_env: HOOK_URL}}
rules:
  - {name: drifted, severity: warning, when: {verdict: drift, decision: [fail]},
     message: "$name drifted in $window: ${drift.reasons}", channels: [hook]}
"""
POLICY = "verdicts: {drift: [fail]}\ncooldown: 7d"


REGISTER = """
import json, sys
from holdfast.registry.register_model.logic import Origin, register
register(sys.argv[1], "cancer", "champion", {}, Origin(json.loads(sys.argv[2])))
"""


@pytest.fixture(scope="module")
def champion_in(trained):
    """Return a function that makes a store with a champion in a folder, and returns its address."""
    _, result = trained
    assert result.code == 0, result.stderr
    outputs = {name: task["outputs"] for name, task in tasks(result).items()}
    evidence = {
        "profile": outputs["profile-table"]["profile"]["uri"],
        "drift_detector": outputs["fit-drift-detector"]["detector"]["uri"],
        "performance_baseline": outputs["fit-performance-baseline"]["baseline"]["uri"],
    }

    def make(folder: Path) -> str:
        model = outputs["train-xgboost"]["model"]["uri"]
        command = [family_python("registry"), "-c", REGISTER, model, json.dumps(evidence)]
        store = f"sqlite:///{folder / 'mlflow.db'}"
        # Files go beside the store, where either runner finds them.
        subprocess.run(command, cwd=folder, env={"MLFLOW_TRACKING_URI": store}, check=True)
        return store

    return make


@pytest.fixture(scope="module")
def requests(breast_cancer, tmp_path_factory) -> dict[str, Path]:
    """Return the rows of a day as they were in training, and with all radii half as large again."""
    folder = tmp_path_factory.mktemp("requests")
    with breast_cancer.open() as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        row |= {"day": DAY, "id": str(number)}
    grown = [row | {"mean radius": str(1.5 * float(row["mean radius"]))} for row in rows]
    for name, made in (("same", rows), ("grown", grown)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, made[0])
            writer.writeheader()
            writer.writerows(made)
    return {name: folder / f"{name}.csv" for name in ("same", "grown")}


@pytest.fixture(scope="module")
def scored(champion_in, requests, tmp_path_factory) -> dict[str, Path]:
    """Return the folder with the predictions for each day's rows, as batch_inference wrote them."""
    output, folder = tmp_path_factory.mktemp("scoring"), tmp_path_factory.mktemp("predictions")
    champion = champion_in(output)
    for name, uri in requests.items():
        result = holdfast(
            "run", "batch_inference", "--json", "--output", output, "-p", f"uri={uri}",
            "-p", "model_name=cancer", "-p", f"predictions_uri={folder / name}/",
            "-p", f"quarantine_uri={folder / 'aside'}/", "-p", 'key=["id"]',
            "-p", "window_start=P1D", "-p", f"window_end={NEXT}", "-p", "time_column=day",
            MLFLOW_TRACKING_URI=champion,
        )  # fmt: skip
        assert result.code == 0, result.stderr
    return {name: folder / name for name in requests}


def watch(pipeline: str, folder: Path, output: Path, store: str, *more: str, **variables) -> Result:
    """Run one of the monitoring pipelines for the day."""
    return holdfast(
        "run", pipeline, "--json", "--output", output, "-p", f"uri={folder}/{{window}}/",
        "-p", "model_name=cancer", "-p", f"alert_rules={RULES}",
        "-p", f"retraining_policy={POLICY}", "-p", f"window_end={NEXT}", *more,
        MLFLOW_TRACKING_URI=store, **variables,
    )  # fmt: skip


def ran(result: Result) -> set[str]:
    """Return the names of the tasks that ran."""
    return set(tasks(result))


def retrain(breast_cancer: Path, runner: str) -> list[str]:
    """Return what a run that may retrain is told besides."""
    given = {"train_uri": breast_cancer, "target": "diagnosis", "n_estimators": 20}
    return ["--runner", runner, *(f"-p{name}={value}" for name, value in given.items())]


def runners():
    return ["venv", pytest.param("docker", marks=pytest.mark.docker)]


@pytest.mark.parametrize("runner", runners())
def test_a_quiet_day_ends_in_waiting(runner, champion_in, scored, breast_cancer, request, tmp_path):
    if runner == "docker":
        request.getfixturevalue("engine")
    more = retrain(breast_cancer, runner)
    store = champion_in(tmp_path)
    result = watch("continuous_training", scored["same"], tmp_path, store, *more)
    assert result.code == 0, result.stderr
    outputs = result.document["outputs"]
    assert outputs["window"] == f"{DAY}T00:00:00Z/{NEXT}T00:00:00Z"
    assert outputs["drift_decision"] in ("pass", "warn")
    assert outputs["performance_decision"] == "pass"
    assert (outputs["alert"], outputs["retraining"]) == ("quiet", "wait")
    assert not ran(result) & {"split-table", "train-xgboost", "compare-models", "promote-model"}


@pytest.mark.parametrize("runner", runners())
def test_a_day_that_drifted_is_told_and_retrained_for(
    runner, champion_in, scored, breast_cancer, request, tmp_path
):
    if runner == "docker":
        request.getfixturevalue("engine")
    # With as large a margin the challenger passes, whatever it is worth.
    more = [*retrain(breast_cancer, runner), "-pmargin=0.5"]
    with http_receiver() as hook:
        result = watch(
            "continuous_training", scored["grown"], tmp_path, champion_in(tmp_path), *more,
            HOOK_URL=hook.url,
        )  # fmt: skip
    assert result.code == 0, result.stderr
    outputs = result.document["outputs"]
    assert (outputs["drift_decision"], outputs["retraining"]) == ("fail", "retrain")
    assert outputs["alert"] == "sent"
    steps = list(tasks(result))
    ordered = ["split-table", "train-xgboost", "compare-models", "check-parity", "promote-model"]
    assert sorted(ordered, key=steps.index) == ordered
    (told,) = hook.requests
    assert "mean radius" in json.dumps(told.json)
