"""Every component as a cluster's launcher calls it: KFP's executor, MinIO's URIs, no network.

The launcher downloads `minio://BUCKET/KEY` to `/minio/BUCKET/KEY`, and the executor derives one
from the other. The components run in the order of the training pipeline, each on what the one
before wrote, in its family's environment and in a network namespace that holds nothing.
"""

import json
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
import yaml

from holdfast import catalog
from holdfast.images import family_of
from tests.support import ROOT, family_python

NO_NETWORK = ["unshare", "--net"]


def can_run() -> bool:
    """Tell whether this user may write to /minio and cut the network."""
    return os.geteuid() == 0 and shutil.which("unshare") is not None


pytestmark = pytest.mark.skipif(not can_run(), reason="needs root, for /minio and unshare --net")


def plain(value):
    """Return a default as the driver's JSON has it: whole numbers without a fraction."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Launcher:
    """Drives components the way KFP's driver and launcher do."""

    def __init__(self, bucket: str, scratch: Path) -> None:
        self.bucket = bucket
        self.scratch = scratch
        self.done: set[str] = set()

    def run(self, name: str, parameters=None, artifacts=None, output_name="") -> dict:
        """Run a component; return its outputs, artifacts in the driver's form."""
        spec = yaml.safe_load((ROOT / "compiled" / "components" / f"{name}.yaml").read_text())
        component = next(iter(spec["components"].values()))
        container = next(iter(spec["deploymentSpec"]["executors"].values()))["container"]
        task = output_name or name
        request = self.request(component, task, parameters or {}, artifacts or {})
        program = self.scratch / f"{task}.py"
        program.write_text(container["command"][-1])
        self.call(name, container["image"], program, request)
        self.done.add(name)
        return self.outputs(request)

    def request(self, component: dict, task: str, parameters: dict, artifacts: dict) -> dict:
        """Return an ExecutorInput as the driver shapes it."""
        inputs = component.get("inputDefinitions", {}).get("parameters", {})
        outputs = component.get("outputDefinitions", {})
        values = {k: plain(v["defaultValue"]) for k, v in inputs.items() if "defaultValue" in v}
        place = f"minio://{self.bucket}/{task}"
        local = place.replace("minio://", "/minio/")
        Path(local).mkdir(parents=True)
        return {
            "inputs": {
                "parameterValues": values | parameters,
                "artifacts": {k: {"artifacts": [v]} for k, v in artifacts.items()},
            },
            "outputs": {
                "parameters": {
                    k: {"outputFile": f"{local}/{k}"} for k in outputs.get("parameters", {})
                },
                "artifacts": {
                    k: {
                        "artifacts": [
                            {
                                "name": k,
                                "type": v["artifactType"],
                                "uri": f"{place}/{k}",
                                "metadata": {},
                            }
                        ]
                    }
                    for k, v in outputs.get("artifacts", {}).items()
                },
                "outputFile": f"{local}/executor_output.json",
            },
        }

    def call(self, name: str, image: str, program: Path, request: dict) -> None:
        """Run KFP's executor in the family's environment with the network cut."""
        python = family_python(family_of(image))
        command = [*NO_NETWORK, python, "-m", "kfp.dsl.executor_main",
                   "--component_module_path", program, "--function_to_execute", name,
                   "--executor_input", json.dumps(request)]  # fmt: skip
        variables = {
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "_KFP_RUNTIME": "true",
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.scratch}/mlflow.db",
        }
        done = subprocess.run(
            command, cwd=self.scratch, env=variables, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def outputs(self, request: dict) -> dict:
        """Return what the launcher would publish, after checking that all of it was written."""
        path = Path(request["outputs"]["outputFile"])
        written = json.loads(path.read_text()) if path.is_file() else {}
        found = dict(written.get("parameterValues", {}))
        for key, entry in written.get("artifacts", {}).items():
            (found[key],) = entry["artifacts"]
            json.dumps(found[key]["metadata"], allow_nan=False)
            assert None not in found[key]["metadata"].values()
        declared = {*request["outputs"]["parameters"], *request["outputs"]["artifacts"]}
        assert set(found) == declared
        return found


@pytest.fixture
def launcher(tmp_path):
    bucket = f"holdfast-test-{uuid.uuid4().hex[:8]}"
    made_root = not Path("/minio").exists()
    yield Launcher(bucket, tmp_path)
    shutil.rmtree(f"/minio/{bucket}", ignore_errors=True)
    if made_root:
        shutil.rmtree("/minio", ignore_errors=True)


def test_the_network_is_really_cut():
    probe = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    done = subprocess.run(
        [*NO_NETWORK, family_python("data"), "-c", probe], capture_output=True, text=True
    )
    assert "Network is unreachable" in done.stderr


def test_every_component_runs_under_kfps_executor(launcher, breast_cancer):
    table = launcher.run("ingest_table", {"uri": str(breast_cancer), "target": "diagnosis"})
    shares = launcher.run("split_table", artifacts={"table": table["table"]})
    three = {"train": 0.7, "test": 0.2, "holdout": 0.1}
    taken = launcher.run("take_share", {"shares": three, "name": "test"}, {"table": table["table"]})
    schema = launcher.run("infer_schema", artifacts={"table": shares["train"]})
    validation = launcher.run(
        "validate_table", artifacts={"table": shares["test"], "schema": schema["schema"]}
    )
    launcher.run("check_verdict", artifacts={"verdict": validation["verdict"]})
    transformer = launcher.run("fit_transformer", artifacts={"train": shares["train"]})
    trained = launcher.run(
        "train_xgboost",
        artifacts={"train": shares["train"], "transformer": transformer["transformer"]},
    )
    judged = launcher.run(
        "evaluate_model", artifacts={"model": trained["model"], "test": shares["test"]}
    )
    registered = launcher.run(
        "register_model",
        {"model_name": "cancer"},
        {"model": trained["model"], "metrics": judged["metrics"]},
    )
    assert launcher.done == set(catalog.__all__)
    assert validation["Output"] == judged["Output"] == "pass"
    assert judged["metrics"]["metadata"]["roc_auc"] > 0.97
    assert registered["model_version"] == 1
    assert judged["curves"]["metadata"]["confusionMatrix"]["annotationSpecs"]
    assert shares["train"]["metadata"]["rows"] + shares["test"]["metadata"]["rows"] == 569
    assert (taken["share"]["metadata"]["rows"], taken["share"]["metadata"]["role"]) == (114, "test")


def test_a_training_step_given_a_locked_holdout_ends_with_an_input_error(launcher, breast_cancer):
    table = launcher.run("ingest_table", {"uri": str(breast_cancer), "target": "diagnosis"})
    shares = launcher.run("split_table", {"holdout_share": 0.1}, {"table": table["table"]})
    assert shares["holdout"]["metadata"]["rows"] == 57
    with pytest.raises(AssertionError, match="InputError: `train` must not be a locked holdout"):
        launcher.run("fit_transformer", artifacts={"train": shares["holdout"]})
