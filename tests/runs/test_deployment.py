"""From a table to a served model and back: MLflow, MinIO, an API server and predictors, all real.

KServe's controller alone is played (tests/deployment/kserve.py): its pods are predictor processes.
"""

import json
import subprocess
import urllib.request

import pytest

from tests.deployment import clusters
from tests.deployment.apiserver import stand_in
from tests.runs.serving_kserve import ServingKserve
from tests.support import ROOT, Result, family_python, holdfast, tasks

pytestmark = [pytest.mark.minio, pytest.mark.mlflow, pytest.mark.real_data]
NAME = "adult-income"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Run the stand-in of an API server, with a namespace that steps may serve models in."""
    with stand_in() as server:
        clusters.define(server)
        folder = tmp_path_factory.mktemp("cluster")
        with clusters.cluster(server, folder) as cluster:
            yield cluster


@pytest.fixture(scope="module")
def kserve(world, store, tmp_path_factory):
    """Let KServe serve in that namespace in the place of the one that only plays."""
    world.kserve.asleep = True
    made = ServingKserve(
        world.server, world.namespace, store=store, folder=tmp_path_factory.mktemp("models")
    )
    with clusters.working(made):
        yield made
        made.asleep = True
    made.stop()


@pytest.fixture(scope="module")
def environment(world, mlflow, store) -> dict[str, str]:
    """Return the variables of a run that reaches all of them."""
    return {"MLFLOW_TRACKING_URI": mlflow, "KUBECONFIG": world.config, **store.variables}


def deploy(table, output, environment, version: int, *more: str) -> Result:
    """Run the deployment pipeline for a version."""
    settings = {
        "model_name": "adult", "name": NAME, "uri": table, "version": version,
        "storage_root": "s3://mlflow", "steps": "[50, 100]", "step_seconds": 1, "rate": 40,
        "load_seconds": 3, "p95_objective_ms": 2000,
    }  # fmt: skip
    given = [f"-p{name}={value}" for name, value in settings.items()]
    return holdfast("run", "deployment", "--json", "--output", output, *given, *more, **environment)


def answering(kserve, version: int, table) -> str:
    """Return the version that answers where the service is, once its answers are the model's."""
    service = kserve.get(NAME)
    pod = kserve.pods[str(version)]
    command = [
        family_python("serving"), "-m", "tests.runs.ask_served", service["status"]["url"], NAME,
        pod.model, table, "40",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def champion(mlflow: str) -> int:
    """Return the version that is champion, 0 for none."""
    with urllib.request.urlopen(f"{mlflow}/api/2.0/mlflow/registered-models/get?name=adult") as got:
        aliases = json.load(got)["registered_model"].get("aliases", [])
    return next((int(each["version"]) for each in aliases if each["alias"] == "champion"), 0)


def register_again(mlflow: str) -> int:
    """Register the model of version 1 as another version, and return its number."""
    program = (
        "import sys; from mlflow import MlflowClient; client = MlflowClient(sys.argv[1])\n"
        "print(client.copy_model_version('models:/adult/1', 'adult').version)"
    )
    command = [family_python("registry"), "-c", program, mlflow]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def ran(result: Result) -> set[str]:
    """Return the components that ran; KFP numbers the tasks of branches."""
    return {name.rstrip("-0123456789") for name in tasks(result)}


def test_adult_is_trained_registered_promoted_served_asked_and_rolled_back(
    kserve, mlflow, environment, real_table, short_training, tmp_path
):
    table = real_table("adult.parquet")
    trained = holdfast(
        "run", short_training, "--json", "--output", tmp_path / "training",
        f"-puri={table}", "-ptarget=class", "-pmodel_name=adult", **environment,
    )  # fmt: skip
    assert trained.code == 0, trained.stderr
    assert trained.document["outputs"]["model_version"] == 1
    assert register_again(mlflow) == 2

    # What the cluster cannot take is refused before anything else is done.
    refused = deploy(table, tmp_path / "refused", environment, 1, "-pname=Adult")
    assert refused.code == 2
    assert "`name` must be up to 38 small letters" in refused.document["error"]
    assert ran(refused) == {"deploy-model"}

    first = deploy(table, tmp_path / "first", environment, 1)
    assert first.code == 0, first.stderr
    assert (first.document["outputs"]["version"], first.document["outputs"]["previous"]) == (1, 0)
    assert first.document["outputs"]["parity_decision"] == "pass"
    assert {"check-endpoint", "load-test-endpoint", "shift-traffic"} <= ran(first)
    assert "roll-back-model" not in ran(first)
    assert champion(mlflow) == 1
    assert answering(kserve, 1, table) == "1"

    # A version that dies under its traffic: alias and service go back to the champion before.
    kserve.frail.add("2")
    frail = deploy(table, tmp_path / "frail", environment, 2)
    assert frail.code == 1
    assert "requests to the canary failed at 50 %" in frail.document["error"]
    assert "roll-back-model" in ran(frail)
    assert champion(mlflow) == 1
    assert answering(kserve, 1, table) == "1"
    kserve.restart("2")

    second = deploy(table, tmp_path / "second", environment, 2)
    assert second.code == 0, second.stderr
    assert (second.document["outputs"]["version"], second.document["outputs"]["previous"]) == (2, 1)
    assert champion(mlflow) == 2
    assert answering(kserve, 2, table) == "2"

    # Once more, and what is served is not what was to be served: nothing is promoted, though it
    # bears the load. What is rolled out keeps its traffic all the same.
    kserve.restart("2", "9")
    begun = len(kserve.history)
    wrong = deploy(table, tmp_path / "wrong", environment, 2)
    assert wrong.code == 1
    assert "Version 9 answered v1_predict, and not version 2" in wrong.document["error"]
    assert "load-test-endpoint" in ran(wrong)
    assert not {"promote-model", "shift-traffic", "roll-back-model"} & ran(wrong)
    assert champion(mlflow) == 2
    assert all(set(traffic.values()) == {100} for traffic in kserve.history[begun:])

    # By hand, alias and service go back in one run.
    back = holdfast(
        "run", "rollback", "--json", "--output", tmp_path / "back", "-pmodel_name=adult",
        f"-pname={NAME}", "-preason=Complaints.", "-pstorage_root=s3://mlflow", **environment,
    )  # fmt: skip
    assert back.code == 0, back.stderr
    assert (back.document["outputs"]["version"], back.document["outputs"]["previous"]) == (1, 2)
    assert champion(mlflow) == 1
    assert answering(kserve, 1, table) == "1"
