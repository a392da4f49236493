"""A store of artifacts that does not answer, where MLflow's client reaches it itself."""

import pytest

from holdfast.errors import InputError
from holdfast.registry.promote_model.logic import Promotion, promote
from holdfast.registry.register_model.logic import register
from holdfast.verdict import Verdict


@pytest.fixture
def no_store(client, monkeypatch):
    """Keep artifacts in a bucket of a store that nobody runs."""
    # Port 9 is that of the discard service.
    monkeypatch.setenv("HOLDFAST_S3_ENDPOINT", "http://127.0.0.1:9")
    for name, value in {
        "MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:9",
        "MLFLOW_EXPERIMENT_NAME": "far",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    return client.create_experiment("far", artifact_location="s3://models/far")


def test_a_store_that_does_not_answer_fails_the_whole_registration(no_store, client, model):
    with pytest.raises(InputError, match=r"and its artifact store must answer.*127\.0\.0\.1:9"):
        register(model, "churn", "challenger", {})
    assert client.search_model_versions("name = 'churn'") == []
    (run,) = client.search_runs([no_store])
    assert run.info.status == "FAILED"
    (logged,) = client.search_logged_models([no_store])
    assert logged.status == "FAILED"


def test_its_credentials_are_not_told(no_store, client, model):
    with pytest.raises(InputError) as told:
        register(model, "churn", "challenger", {})
    assert "hunter2" not in str(told.value)


def test_no_alias_moves_to_a_version_in_a_store_that_does_not_answer(no_store, client):
    logged = client.create_logged_model(no_store, name="churn")
    client.create_registered_model("churn")
    client.create_model_version(
        "churn", f"models:/{logged.model_id}", model_id=logged.model_id, tags={}
    )
    with pytest.raises(InputError, match="and its artifact store must answer"):
        promote(Promotion("churn", version=1), Verdict("pass"))
    assert client.get_registered_model("churn").aliases == {}
