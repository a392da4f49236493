"""Runs against a real MinIO and a real MLflow server."""

import json
import urllib.request
from urllib.parse import quote

import pytest

from tests.support import holdfast, tasks, train

pytestmark = [pytest.mark.minio, pytest.mark.mlflow]


def ask(address: str, path: str, body: dict | None = None) -> dict:
    """Call MLflow's REST interface."""
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/{path}",
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def version(address: str, name: str) -> dict:
    """Return the version that carries the alias."""
    found = ask(address, f"registered-models/alias?name={quote(name)}&alias=challenger")
    return found["model_version"]


@pytest.mark.parametrize("scheme", ["s3", "minio"])
def test_a_table_is_read_from_the_store_and_the_model_registered_with_the_server(
    scheme, store, mlflow, breast_cancer, train_shortly, tmp_path
):
    uri = store.put("tables", "cancer/today.csv", breast_cancer).replace("s3:", f"{scheme}:")
    result = train_shortly(
        tmp_path, "-p", f"model_name=cancer-{scheme}", uri=uri,
        MLFLOW_TRACKING_URI=mlflow, **store.variables,
    )  # fmt: skip
    assert result.code == 0, result.stderr
    found = version(mlflow, f"cancer-{scheme}")
    assert int(found["version"]) == result.document["outputs"]["model_version"] == 1
    run = ask(mlflow, f"runs/get?run_id={found['run_id']}")["run"]
    logged = {m["key"]: m["value"] for m in run["data"]["metrics"]}
    assert logged["roc_auc"] == pytest.approx(result.document["outputs"]["roc_auc"])
    assert run["info"]["status"] == "FINISHED"
    kept = {o.object_name for o in store.client().list_objects("mlflow", recursive=True)}
    assert any(name.endswith("/model.skops") for name in kept)
    assert any(name.endswith("/MLmodel") for name in kept)


def test_the_run_that_kfp_injected_is_joined_and_not_doubled(mlflow, train_shortly, tmp_path):
    experiment = ask(mlflow, "experiments/create", {"name": "by-kfp"})["experiment_id"]
    injected = ask(mlflow, "runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
    result = train_shortly(
        tmp_path, "-p", "model_name=joined",
        MLFLOW_TRACKING_URI=mlflow, MLFLOW_RUN_ID=injected, MLFLOW_EXPERIMENT_ID=experiment,
    )  # fmt: skip
    assert result.code == 0, result.stderr
    assert tasks(result)["register-model"]["outputs"]["run_id"] == injected
    runs = ask(mlflow, "runs/search", {"experiment_ids": [experiment]})["runs"]
    assert [run["info"]["run_id"] for run in runs] == [injected]
    assert version(mlflow, "joined")["run_id"] == injected


def test_a_server_that_is_no_proxy_for_artifacts_is_served_too(
    mlflow, store, train_shortly, tmp_path
):
    store.client().make_bucket(bucket_name="direct")
    ask(
        mlflow,
        "experiments/create",
        {"name": "direct", "artifact_location": "s3://direct/artifacts"},
    )
    result = train_shortly(
        tmp_path, "-p", "model_name=direct",
        MLFLOW_TRACKING_URI=mlflow, MLFLOW_EXPERIMENT_NAME="direct", **store.variables,
    )  # fmt: skip
    assert result.code == 0, result.stderr
    kept = [o.object_name for o in store.client().list_objects("direct", recursive=True)]
    assert any(name.endswith("/model.skops") for name in kept)


def test_a_password_in_the_tracking_address_is_not_shown(
    mlflow, short_training, breast_cancer, tmp_path
):
    address = mlflow.replace("http://", "http://user:hunter2@")
    result = holdfast(
        "run", short_training, "-p", f"uri={breast_cancer}", "-p", "target=diagnosis",
        "--output", tmp_path, MLFLOW_TRACKING_URI=address,
    )  # fmt: skip
    assert result.code == 0, result.stderr
    assert mlflow in result.stdout
    assert "hunter2" not in result.stdout + result.stderr


def test_a_server_that_does_not_answer_fails_the_registration_with_its_address(
    train_shortly, tmp_path
):
    result = train_shortly(tmp_path, MLFLOW_TRACKING_URI="http://user:pa55@127.0.0.1:9")
    assert result.code == 3
    assert "http://127.0.0.1:9" in result.document["error"]
    assert "pa55" not in result.stdout + result.stderr


def test_no_secret_is_in_anything_that_a_run_writes(store, mlflow, breast_cancer, tmp_path):
    uri = store.put("tables", "secret/table.csv", breast_cancer)
    result = train(
        uri, "diagnosis", tmp_path, MLFLOW_TRACKING_URI=mlflow, **store.variables
    )  # fmt: skip
    assert result.code == 0, result.stderr
    secret = store.secret_key.encode()
    assert secret not in (result.stdout + result.stderr).encode()
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and secret in p.read_bytes()]
