"""No component runs what is in an artifact: pickles planted in the place of each artifact input."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from holdfast.images import FAMILIES, family_of
from tests.support import ROOT, family_python

# What a component does not look into, it takes as it is: bytes to be kept.
OPAQUE = {("export_artifact", "artifact")}
# A pickle of protocol 0 is plain text, and one file of text is a table of CSV with one column.
TEXT = "text"


def components_of(family: str) -> list[dict]:
    """Return the compiled components of a family, as `sweep` wants them."""
    found = []
    for file in sorted((ROOT / "compiled" / "components").glob("*.yaml")):
        spec = yaml.safe_load(file.read_text())
        container = next(iter(spec["deploymentSpec"]["executors"].values()))["container"]
        if family_of(container["image"]) != family:
            continue
        (component,) = spec["components"].values()
        inputs, outputs = component.get("inputDefinitions", {}), component["outputDefinitions"]
        artifacts = {
            name: (entry["artifactType"]["schemaTitle"], entry.get("isOptional", False),
                   entry.get("isArtifactList", False))
            for name, entry in inputs.get("artifacts", {}).items()
        }  # fmt: skip
        found.append({
            "name": file.stem,
            "source": container["command"][-1],
            "inputs": artifacts,
            "artifacts": list(outputs.get("artifacts", {})),
            "parameters": {
                name: value_of(entry) for name, entry in inputs.get("parameters", {}).items()
                if "defaultValue" not in entry
            },
        })  # fmt: skip
    return found


def value_of(entry: dict):
    """Return some value of a parameter's type."""
    kinds = {"STRING": "x", "LIST": ["x"], "STRUCT": {"x": 0.5}, "BOOLEAN": True}
    return kinds.get(entry["parameterType"], 1)


def sweep(family: str, folder) -> list[dict]:
    """Call the family's components in its environment; return what came of each call."""
    folder.mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MLFLOW_", "KUBE"))}
    # Nothing listens there: what comes before a registry or a cluster is asked is looked at.
    nowhere = {"KUBECONFIG": str(folder / "none"), "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
               "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}  # fmt: skip
    done = subprocess.run(
        [family_python(family), "-W", "ignore", "-m", "tests.security.sweep", folder],
        input=json.dumps(components_of(family)), capture_output=True, text=True,
        env={**kept, **nowhere, "_KFP_RUNTIME": "true", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return [
        json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"component"')
    ]


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    with ThreadPoolExecutor(2) as lanes:
        found = lanes.map(lambda family: sweep(family, folder / family), FAMILIES)
        return [call for calls in found for call in calls]


def test_every_artifact_input_of_every_component_was_tried(calls):
    tried = {(call["component"], call["input"]) for call in calls}
    wanted = {(c["name"], i) for f in FAMILIES for c in components_of(f) for i in c["inputs"]}
    assert tried == wanted


def test_no_planted_pickle_ever_runs(calls):
    assert [call for call in calls if call["ran"]] == []


def test_what_is_no_such_artifact_is_refused_as_a_mistake_in_the_input(calls):
    wrong = [
        call for call in calls
        if call["came"] != "refused"
        and not (call["came"] == "taken" and call["plant"] == TEXT)
        and not (call["came"] == "taken" and (call["component"], call["input"]) in OPAQUE)
    ]  # fmt: skip
    assert wrong == [], "\n".join(map(str, wrong))
