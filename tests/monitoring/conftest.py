"""A real MLflow store in SQLite, for steps that remember."""

import shutil

import pytest
from mlflow import MlflowClient

CHOSEN_BY_KFP = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A store with all of MLflow's tables, which take seconds to make, and nothing in them."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        MlflowClient(f"sqlite:///{folder}/empty.db").search_experiments()
    return folder / "empty.db"


@pytest.fixture
def store(empty_store, tmp_path, monkeypatch):
    """The client of a store of its own that MLFLOW_TRACKING_URI names."""
    monkeypatch.chdir(tmp_path)
    for variable in CHOSEN_BY_KFP:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    shutil.copy(empty_store, tmp_path / "store.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/store.db")
    return MlflowClient()
