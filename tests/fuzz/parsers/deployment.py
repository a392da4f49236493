"""What the deployment family reads: models' descriptions and examples, requests and answers."""

import atexit
import json
import shutil
import tempfile
from pathlib import Path

from holdfast.deployment.check_endpoint.calls import take_sample
from holdfast.deployment.examples import body_of, read_example, read_model
from holdfast.deployment.shift_traffic.health import question
from holdfast.errors import InputError
from tests.fuzz.parsers.target import Target, text

FOLDER = Path(tempfile.mkdtemp(prefix="holdfast-fuzz-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
MLMODEL = b"""
flavors: {python_function: {loader_module: mlflow.sklearn, model_path: model.skops}}
metadata: {classes: ['no', 'yes'], target: y}
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}, {"type": "string", "name": "sex"}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}]'
"""
EXAMPLE = {"columns": ["age", "sex"], "data": [[39.5, "m"], [None, "f"]]}
V1 = b'{"instances": [{"age": 39}]}'
V2 = b'{"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": [1.5]}]}'


def mlmodel(data: bytes) -> None:
    """Read what a model says of itself."""
    (FOLDER / "MLmodel").write_bytes(data)
    repr(read_model(str(FOLDER)))


def example(data: bytes) -> None:
    """Read a model's input example, and make requests of it."""
    (FOLDER / "input_example.json").write_bytes(data)
    rows = read_example(str(FOLDER))
    body_of(rows, {}, "v1")
    body_of(rows, {"age": "FP64"}, "v2")


def sample(data: bytes) -> None:
    """Take a request that is given."""
    wanted = "v1" if b"instances" in data else "v2"
    take_sample("", text(data) or "x", (wanted,))


def asked(data: bytes) -> None:
    """Take the request that a rollout asks with."""
    question("", text(data) or "x", "v1", "model")


TARGETS = {
    "mlmodel": Target(mlmodel, (MLMODEL,), (InputError,)),
    "example": Target(
        example,
        (
            json.dumps(EXAMPLE).encode(),
            json.dumps({"dataframe_split": EXAMPLE}).encode(),
            b'{"inputs": [[1, 2], [3, 4]]}',
            b'[{"age": 1}]',
        ),
        (InputError,),
    ),
    "sample": Target(sample, (V1, V2), (InputError,)),
    "asked": Target(asked, (V1,), (InputError,)),
}
