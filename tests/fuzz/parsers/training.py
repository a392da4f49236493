"""What the training family reads: documents of features, parameters and spaces, and models."""

import atexit
import shutil
import tempfile
import zipfile
from pathlib import Path

from holdfast.documents import read_document
from holdfast.errors import InputError
from holdfast.model import load_model
from holdfast.training.estimators import read_spec
from holdfast.training.fit_transformer.grammar import Features
from holdfast.training.train_xgboost.logic import read_parameters
from holdfast.training.tune_hyperparameters.space import read_space
from tests.fuzz.parsers.target import Target, text
from tests.training.samples import save, train_model, write_table

FOLDER = Path(tempfile.mkdtemp(prefix="holdfast-fuzz-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
FEATURES = b"""
drop: [id]
numeric: [{columns: [age], impute: median, scale: standard}]
"""
SPACE = b"max_depth: {low: 2, high: 8}\ngamma: {low: 0.01, high: 0.3, log: true}\nreg_lambda: 1.0"
PARAMETERS = b"max_depth: 3\nlearning_rate: 0.1\nsubsample: 0.5"
RECIPE = b"C: 0.5\nmax_iter: 200\nclass_weight: balanced"


def saved() -> Path:
    """Train a model on few rows; return its folder."""
    columns = {"age": [1.0, 2.0, 3.0, 4.0] * 5, "sex": ["f", "m"] * 10, "y": ["a", "b"] * 10}
    table = write_table(FOLDER / "table", columns, "y")
    return save(train_model(table, 2), table, FOLDER / "model")


MODEL = saved()
MLMODEL = (MODEL / "MLmodel").read_bytes()
with zipfile.ZipFile(MODEL / "model.skops") as stored:
    MEMBERS = {name: stored.read(name) for name in stored.namelist()}


def described(data: bytes) -> None:
    """Load a model by another MLmodel, with its own file of the Pipeline."""
    (MODEL / "MLmodel").write_bytes(data)
    load_model(MODEL).info.metadata()


def skops(data: bytes) -> None:
    """Load a model of which skops is told another structure."""
    (MODEL / "MLmodel").write_bytes(MLMODEL)
    with zipfile.ZipFile(MODEL / "model.skops", "w") as target:
        for name, content in (MEMBERS | {"schema.json": data}).items():
            target.writestr(name, content)
    load_model(MODEL)


def features(data: bytes) -> None:
    """Read what is asked of features."""
    read_document(text(data), Features, "features")


TARGETS = {
    "mlmodel": Target(described, (MLMODEL,), (InputError,)),
    "skops": Target(skops, (MEMBERS["schema.json"],), (InputError,)),
    "features": Target(features, (FEATURES,), (InputError,)),
    "space": Target(lambda data: read_space(text(data), "xgboost"), (SPACE,), (InputError,)),
    "parameters": Target(lambda data: read_parameters(text(data)), (PARAMETERS,), (InputError,)),
    "spec": Target(
        lambda data: read_spec("LogisticRegression", text(data), True, 0),
        (RECIPE,),
        (InputError,),
    ),
}
