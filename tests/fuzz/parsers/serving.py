"""What the predictor reads: the bodies of both protocols, as far as the model itself."""

import orjson

from holdfast.serving.predictor.protocols import read_json, read_v1, read_v2
from holdfast.serving.predictor.routes import read_request
from holdfast.serving.predictor.signature import Column, RequestError, Signature
from tests.fuzz.parsers.target import Target

SIGNATURE = Signature(
    (Column("age", "numbers"), Column("sex", "text"), Column("day", "dates", nullable=False)), 100
)
ROW = {"age": 39, "sex": "m", "day": "2026-11-21T06:00:00+02:00"}
V2 = {
    "id": "1",
    "inputs": [
        {"name": "age", "shape": [1], "datatype": "FP64", "data": [39.5]},
        {"name": "sex", "shape": [1, 1], "datatype": "BYTES", "data": [["m"]]},
        {"name": "day", "shape": [1], "datatype": "BYTES", "data": ["2026-11-21"]},
    ],
    "outputs": [{"name": "prediction"}],
}


def v1(data: bytes) -> None:
    """Read a body of V1."""
    SIGNATURE.table(read_v1(read_json(data), SIGNATURE))


def v2(data: bytes) -> None:
    """Read a body of V2."""
    SIGNATURE.table(read_v2(read_request(data).inputs, SIGNATURE))


REFUSALS = (RequestError,)
TARGETS = {
    "v1": Target(
        v1,
        (
            orjson.dumps({"instances": [ROW]}),
            orjson.dumps({"instances": [[*ROW.values()], [None, None, "2026-01-01"]]}),
        ),
        REFUSALS,
    ),
    "v2": Target(v2, (orjson.dumps(V2),), REFUSALS),
}
