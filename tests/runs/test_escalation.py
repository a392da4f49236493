"""What escalation does about a model in use, and that it leaves a model alone that does well."""

import csv
import json
import subprocess
from pathlib import Path

import pytest

from tests.monitoring.receivers import http_receiver
from tests.support import Result, family_python, holdfast, tasks

DAY, NEXT = "2026-11-20", "2026-11-21"
MODEL = "judged"
ACTIONS = {"roll-back-model", "pause-promotion", "export-table"}
RULES = """
channels: {hook: {kind: webhook, url_env: HOOK_URL}}
rules:
  - {name: worse, severity: critical, when: {verdict: performance, decision: [fail]},
     message: "${performance.reasons}", channels: [hook]}
  - {name: drifted, severity: warning, when: {verdict: drift, decision: [fail]},
     message: "${drift.reasons}", channels: [hook]}
  - {name: unlike, severity: critical, when: {verdict: fairness, decision: [fail]},
     message: "${fairness.reasons}", channels: [hook]}
"""
# Versions 1 and 2 are the same model: the first was champion before the second.
TWO_CHAMPIONS = """
import json, sys
from holdfast.registry.promote_model.logic import Promotion, promote
from holdfast.registry.register_model.logic import Origin, register
from holdfast.verdict import Verdict
name, model, evidence = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
for _ in range(2):
    version = register(model, name, "challenger", {}, Origin(evidence)).version
    promote(Promotion(name, version, reason="a test"), Verdict("pass"))
"""
STATE = """
import json, sys
from holdfast.registry.records import read_ledger
from holdfast.tracking import tracking, version_of_alias
with tracking() as client:
    records = [(r.kind, r.version, r.previous, r.reason) for r in read_ledger(client, sys.argv[1])]
    print(json.dumps([version_of_alias(client, sys.argv[1], "champion"), records]))
"""
PROMOTE = """
import sys
from holdfast.errors import GateError
from holdfast.registry.promote_model.logic import Promotion, promote
from holdfast.verdict import Verdict
try:
    print(promote(Promotion(sys.argv[1], 2, reason="a test"), Verdict("pass")).version)
except GateError as error:
    print("GateError:", error)
"""


def registry(program: str, store: str, *arguments: str) -> str:
    """Run a program in the registry's environment, and return what it prints."""
    return subprocess.run(
        [family_python("registry"), "-c", program, *arguments],
        cwd=Path(store.removeprefix("sqlite:///")).parent, env={"MLFLOW_TRACKING_URI": store},
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


def copied(store: str, folder: Path) -> str:
    """Return the address of a copy of a store; the artifacts that it names stay where they are."""
    (folder / "mlflow.db").write_bytes(Path(store.removeprefix("sqlite:///")).read_bytes())
    return f"sqlite:///{folder / 'mlflow.db'}"


@pytest.fixture(scope="module")
def two_champions(trained, tmp_path_factory) -> str:
    """Return the address of a store in which version 2 is champion, and version 1 was before."""
    output, result = trained
    assert result.code == 0, result.stderr
    left = {
        f"{task}/{name}": artifact["uri"]
        for task, ran in tasks(result).items()
        for name, artifact in ran["outputs"].items()
        if isinstance(artifact, dict)
    }
    evidence = {
        "drift_detector": left["fit-drift-detector/detector"],
        "performance_baseline": left["fit-performance-baseline/baseline"],
    }
    store = copied(f"sqlite:///{output / 'mlflow.db'}", tmp_path_factory.mktemp("champions"))
    registry(TWO_CHAMPIONS, store, MODEL, left["train-xgboost/model"], json.dumps(evidence))
    return store


@pytest.fixture(scope="module")
def labelled(breast_cancer, tmp_path_factory) -> dict[str, Path]:
    """Return sources with the rows of a day, and with a row of the day after that is not meant.

    quiet: rows as in training, and sites that say nothing. In the others sites go by the size of
    the tumour; wrong: every other label is the other one; moved: textures are half as high again.
    """
    folder = tmp_path_factory.mktemp("labelled")
    with breast_cancer.open() as file:
        rows = list(csv.DictReader(file))
    other = {"malignant": "benign", "benign": "malignant"}
    made: dict[str, list[dict[str, str]]] = {"quiet": [], "wrong": [], "moved": []}
    for number, row in enumerate(rows):
        made["quiet"].append(row | {"day": DAY, "site": "AB"[number % 2]})
        by_size = row | {"day": DAY, "site": "A" if float(row["mean radius"]) > 14 else "B"}
        wrong = {"diagnosis": other[row["diagnosis"]]} if number % 2 else {}
        made["wrong"].append(by_size | wrong)
        made["moved"].append(by_size | {"mean texture": str(1.5 * float(row["mean texture"]))})
    for name, day in made.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, day[0])
            writer.writeheader()
            writer.writerows([*day, day[0] | {"day": NEXT}])
    return {name: folder / f"{name}.csv" for name in made}


def escalate(uri: Path, folder: Path, store: str) -> tuple[Result, list]:
    """Run the pipeline for the day; return what it left, and what was told."""
    with http_receiver() as hook:
        result = holdfast(
            "run", "escalation", "--json", "--output", folder,
            "-p", f"uri={uri}", "-p", f"model_name={MODEL}", "-p", f"alert_rules={RULES}",
            "-p", f"retraining_uri={folder / 'kept'}", "-p", 'sensitive=["site"]',
            "-p", f"window_end={NEXT}", "-p", "time_column=day",
            MLFLOW_TRACKING_URI=store, HOOK_URL=hook.url,
        )  # fmt: skip
    assert result.code == 0, result.stderr
    return result, [request.json for request in hook.requests]


def test_a_quiet_window_has_no_consequences(two_champions, labelled, tmp_path):
    store = copied(two_champions, tmp_path)
    result, told = escalate(labelled["quiet"], tmp_path, store)
    outputs = result.document["outputs"]
    assert outputs["window"] == f"{DAY}T00:00:00Z/{NEXT}T00:00:00Z"
    assert outputs["model_version"] == 2
    assert outputs["performance_decision"] == "pass"
    assert outputs["drift_decision"] in ("pass", "warn")
    assert outputs["fairness_decision"] in ("pass", "warn")
    assert (outputs["alert"], told) == ("quiet", [])
    assert not ACTIONS & set(tasks(result))
    assert not (tmp_path / "kept").exists()
    champion, records = json.loads(registry(STATE, store, MODEL))
    assert (champion, [kind for kind, *_ in records]) == (2, ["promotion", "promotion"])
    assert registry(PROMOTE, store, MODEL).strip() == "2"


def test_a_champion_that_lost_performance_and_is_unfair_is_taken_back_and_none_follows(
    two_champions, labelled, tmp_path
):
    store = copied(two_champions, tmp_path)
    result, told = escalate(labelled["wrong"], tmp_path, store)
    outputs = result.document["outputs"]
    decisions = outputs["performance_decision"], outputs["fairness_decision"]
    assert decisions == ("fail", "fail")
    assert outputs["drift_decision"] in ("pass", "warn")
    assert ACTIONS & set(tasks(result)) == {"roll-back-model", "pause-promotion"}
    assert not (tmp_path / "kept").exists()

    champion, records = json.loads(registry(STATE, store, MODEL))
    reason = f"Its performance dropped in {outputs['window']}."
    assert (outputs["model_version"], champion) == (2, 1)
    assert records[-1] == ["rollback", 1, 2, reason]
    refused = registry(PROMOTE, store, MODEL)
    assert refused.startswith("GateError")
    assert f"Groups were treated unlike in {outputs['window']}." in refused

    assert outputs["alert"] == "sent"
    words = {alert["rule"]: alert["text"] for alert in told}
    assert (len(told), set(words)) == (2, {"worse", "unlike"})
    assert "roc_auc" in words["worse"]
    assert "demographic_parity_difference" in words["unlike"]


def test_rows_that_drifted_are_kept_and_a_champion_that_answers_well_stays(
    two_champions, labelled, tmp_path
):
    store = copied(two_champions, tmp_path)
    result, told = escalate(labelled["moved"], tmp_path, store)
    outputs, ran = result.document["outputs"], tasks(result)
    assert (outputs["drift_decision"], outputs["fairness_decision"]) == ("fail", "fail")
    assert outputs["performance_decision"] in ("pass", "warn")
    assert ACTIONS & set(ran) == {"export-table", "pause-promotion"}
    champion, records = json.loads(registry(STATE, store, MODEL))
    assert (champion, len(records)) == (2, 2)

    (kept,) = (tmp_path / "kept").iterdir()
    assert kept.name == "window=20261120T000000Z-20261121T000000Z"
    manifest = json.loads((kept / "_manifest.json").read_text())
    # All rows of the day, and not that of the day after.
    assert (manifest["rows"], ran["export-table"]["outputs"]["rows"]) == (569, 569)
    # To be trained on: with their label, and without what the champion answered.
    names = {column["name"] for column in manifest["columns"]}
    assert "diagnosis" in names
    assert "prediction" not in names

    assert outputs["alert"] == "sent"
    words = {alert["rule"]: alert["text"] for alert in told}
    assert (len(told), set(words)) == (2, {"drifted", "unlike"})
    assert "mean texture" in words["drifted"]
