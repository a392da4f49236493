"""Promotion and rollback as a user runs them, and what every promotion waits for."""

import csv
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import ROOT, Result, family_python, holdfast, tasks

REGISTER = """
import sys
from holdfast.registry.register_model.logic import register
for model, alias in zip(sys.argv[1:], ("champion", "challenger")):
    register(model, "cancer", alias, {})
"""
ALIASES = """
import json
from mlflow import MlflowClient
print(json.dumps(MlflowClient().get_registered_model("cancer").aliases))
"""


def in_registry(program: str, store: str, folder: Path, *arguments: str) -> str:
    """Run a program where MLflow is; its files go beside the store."""
    done = subprocess.run(
        [family_python("registry"), "-c", program, *arguments], cwd=folder,
        env={"MLFLOW_TRACKING_URI": store}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


@pytest.fixture(scope="module")
def weak(breast_cancer, train_shortly, tmp_path_factory) -> str:
    """Return a model that has only two columns to go by."""
    folder = tmp_path_factory.mktemp("weak")
    with breast_cancer.open() as file:
        rows = list(csv.DictReader(file))
    with (folder / "two.csv").open("w", newline="") as file:
        kept = ["mean symmetry", "mean fractal dimension", "diagnosis"]
        writer = csv.DictWriter(file, kept, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    result = train_shortly(folder, uri=folder / "two.csv")
    assert result.code == 0, result.stderr
    return tasks(result)["train-xgboost"]["outputs"]["model"]["uri"]


def test_the_better_is_promoted_the_worse_refused_and_one_run_goes_back(trained, weak, tmp_path):
    outputs = {name: task["outputs"] for name, task in tasks(trained[1]).items()}
    good = outputs["train-xgboost"]["model"]["uri"]
    rows = outputs["split-table"]["test"]["uri"]
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    in_registry(REGISTER, store, tmp_path, weak, good)

    def run(pipeline: str, *more: str) -> Result:
        return holdfast(
            "run", pipeline, "--json", "--output", tmp_path, "-pmodel_name=cancer", *more,
            MLFLOW_TRACKING_URI=store,
        )  # fmt: skip

    def champion() -> int:
        return int(json.loads(in_registry(ALIASES, store, tmp_path))["champion"])

    labelled = (f"-puri={rows}/", "-ptarget=diagnosis")
    better = run("promotion", *labelled)
    assert better.code == 0, better.stderr
    told = better.document["outputs"]
    assert (told["version"], told["previous"], told["decision"]) == (2, 1, "pass")
    assert "in place of version 1: The challenger is better" in (
        Path(told["version_report"]["uri"]).read_text()
    )
    assert champion() == 2

    worse = run("promotion", "-pversion=1", *labelled)
    assert worse.code == 1
    assert "The challenger is worse: roc_auc is" in worse.document["error"]
    assert not {"check-parity", "promote-model"} & set(tasks(worse))
    assert champion() == 2

    back = run("rollback", "-preason=Complaints.")
    assert back.code == 0, back.stderr
    assert (back.document["outputs"]["version"], back.document["outputs"]["previous"]) == (1, 2)
    assert "deploy-model" not in tasks(back)
    assert champion() == 1


def steps_of(pipeline: str) -> dict[str, Any]:
    """Return the tasks beside which a pipeline promotes, by name."""
    text = (ROOT / "compiled" / "pipelines" / f"{pipeline}.yaml").read_text()
    spec = next(yaml.load_all(text, yaml.CSafeLoader))
    groups = [spec["root"], *spec["components"].values()]
    (found,) = [
        group["dag"]["tasks"]
        for group in groups
        if "promote-model" in group.get("dag", {}).get("tasks", {})
    ]
    return found


@pytest.mark.parametrize("pipeline", ["promotion", "deployment", "continuous_training"])
def test_nothing_is_promoted_whose_answers_over_http_differ(pipeline):
    steps = steps_of(pipeline)
    before, waiting = set(), ["promote-model"]
    while waiting:
        name = waiting.pop()
        before.add(name)
        waiting += set(steps[name].get("dependentTasks", [])) - before
    judged = [
        steps[name]["inputs"]["artifacts"]["verdict"]["taskOutputArtifact"]["producerTask"]
        for name in before
        if name.startswith("check-verdict") and "verdict" in steps[name]["inputs"]["artifacts"]
    ]
    assert "check-parity" in judged
