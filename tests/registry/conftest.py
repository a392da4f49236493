"""A real MLflow store in SQLite, and a small model to register."""

import shutil

import pytest
from mlflow import MlflowClient

from holdfast.registry.register_model.logic import Origin, register

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
saved_input_example_info:
  artifact_path: input_example.json
  type: dataframe
signature:
  inputs: '[{"type": "double", "name": "size", "required": true}]'
  outputs: '[{"type": "string", "required": true}]'
  params: null
utc_time_created: '1970-01-01 00:00:00'
"""
CHOSEN_BY_KFP = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")


def begin(folder, patch):
    """Start without a server, in a folder of its own: MLflow's artifacts go to ./mlruns."""
    patch.chdir(folder)
    for variable in (*CHOSEN_BY_KFP, "MLFLOW_TRACKING_URI"):
        patch.delenv(variable, raising=False)
    patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """Begin anew with each test."""
    begin(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A store with all of MLflow's tables, which take seconds to make, and nothing in them."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        MlflowClient(f"sqlite:///{folder}/empty.db").search_experiments()
    return folder / "empty.db"


@pytest.fixture(scope="session")
def filled_store(empty_store, tmp_path_factory):
    """A store with three versions of a model, the third of which is the challenger."""
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch:
        begin(folder, patch)
        store_of(empty_store, folder, patch)
        model = write_model(folder / "model")
        for auc in (0.7, 0.8, 0.9):
            register(model, "churn", "challenger", {"roc_auc": auc}, Origin(git_commit=f"c{auc}"))
    return folder / "store.db"


def store_of(other, folder, patch):
    """Copy a store, name it by MLFLOW_TRACKING_URI, and return its client."""
    shutil.copy(other, folder / "store.db")
    patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/store.db")
    return MlflowClient()


def write_model(folder):
    folder.mkdir()
    (folder / "MLmodel").write_text(MLMODEL)
    (folder / "input_example.json").write_text('{"columns": ["size"], "data": [[1.0]]}')
    (folder / "model.skops").write_bytes(b"trees")
    (folder / "input_example.json").write_text('{"columns": ["size"], "data": [[1.0]]}')
    (folder / "requirements.txt").write_text("scikit-learn==1.9.1\n")
    return folder


@pytest.fixture
def client(empty_store, tmp_path, monkeypatch):
    """The client of an empty store of its own that MLFLOW_TRACKING_URI names."""
    return store_of(empty_store, tmp_path, monkeypatch)


@pytest.fixture
def versions(filled_store, tmp_path, monkeypatch):
    """The client of a store of its own with three versions, whose files all tests share."""
    return store_of(filled_store, tmp_path, monkeypatch)


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "model")
