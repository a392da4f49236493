"""A real MLflow store in SQLite, and a small model to register."""

import shutil

import pytest
from mlflow import MlflowClient

MLMODEL = """\
flavors:
  python_function:
    loader_module: mlflow.sklearn
    model_path: model.skops
    python_version: 3.11.7
metadata:
  holdfast_contract: model/1
  parameters: {max_depth: 6, learning_rate: 0.1}
  trained_on: abc
model_uuid: 0123456789abcdef0123456789abcdef
signature:
  inputs: '[{"type": "double", "name": "size", "required": true}]'
  outputs: '[{"type": "string", "required": true}]'
  params: null
utc_time_created: '1970-01-01 00:00:00'
"""
CHOSEN_BY_KFP = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """Start without a server, in a folder of its own: MLflow's artifacts go to ./mlruns."""
    monkeypatch.chdir(tmp_path)
    for variable in (*CHOSEN_BY_KFP, "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A store with all of MLflow's tables, which take seconds to make, and nothing in them."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        MlflowClient(f"sqlite:///{folder}/empty.db").search_experiments()
    return folder / "empty.db"


@pytest.fixture
def client(empty_store, tmp_path, monkeypatch):
    """The client of a store of its own that MLFLOW_TRACKING_URI names."""
    shutil.copy(empty_store, tmp_path / "store.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/store.db")
    return MlflowClient()


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text(MLMODEL)
    (folder / "model.skops").write_bytes(b"trees")
    (folder / "input_example.json").write_text('{"columns": ["size"], "data": [[1.0]]}')
    (folder / "requirements.txt").write_text("scikit-learn==1.9.1\n")
    return folder
