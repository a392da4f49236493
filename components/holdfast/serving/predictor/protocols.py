"""The two protocols: what a body says about rows, and how an answer is written.

V1: ``{"instances": [{"age": 39, "sex": "Male"}]}``, or rows as lists in the order of the signature.
The answer has ``predictions`` and, beside what the protocol asks for, ``probabilities`` (a list by
row) and ``classes`` of a classifier, ``model_name``, ``model_version`` and, where it is not the
model's own answer, ``fallback``.

V2 (Open Inference): a tensor for each feature, of shape [n] or [n, 1]; or, as KServe's servers of
scikit-learn and XGBoost are asked, one tensor of another name and of shape [n, features], in the
order of the signature. The answer has the outputs
``prediction`` [n] and, of a classifier, ``probabilities`` [n, classes], whose parameter ``classes``
is the JSON of their names; the response's parameter ``fallback`` is there in the same case.

In both, null is a missing value, and a date is ISO 8601 text.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson

from holdfast.serving.predictor.served import Answer, Served
from holdfast.serving.predictor.signature import (
    DATATYPES,
    RequestError,
    Signature,
    json_type,
    refuse,
)

ALL_DATATYPES = set(chain.from_iterable(DATATYPES.values()))
V1_KEYS = {"instances", "parameters", "signature_name"}
# What an output comes as, by the type of its values.
_DATATYPE_OF = {bool: "BOOL", int: "INT64", float: "FP64"}
OUTPUTS = ("prediction", "probabilities")
# What JSON may hold of the types whose values are not all that its numbers and texts can be.
_VALUES: dict[str, tuple[type, Sequence[Any]]] = {"BOOL": (bool, (False, True))}
for _bits in (8, 16, 32, 64):
    _VALUES[f"INT{_bits}"] = (int, range(-(2 ** (_bits - 1)), 2 ** (_bits - 1)))
    _VALUES[f"UINT{_bits}"] = (int, range(2**_bits))


@dataclass(frozen=True)
class Tensor:
    """A column of a matrix, with what a tensor of the protocol has."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


def read_json(body: bytes) -> Any:
    """Return what a body says.

    Raises:
        RequestError: It is no JSON, or an object in it names something twice.
    """
    try:
        found = orjson.loads(body)
        # orjson alone refuses NaN and text that UTF-8 can't say, and Python's reader alone can be
        # asked about names; a row takes it some microseconds.
        json.loads(body, object_pairs_hook=_once)
    except orjson.JSONDecodeError as error:
        # What orjson says may quote the body.
        raise RequestError(
            400,
            "malformed",
            "The body must be JSON in UTF-8, without NaN and numbers beyond a double's range. "
            f"Found: an error at line {error.lineno}, column {error.colno}.",
        ) from None
    except (ValueError, RecursionError) as error:
        raise RequestError(
            400, "malformed", "The body must be JSON that is not deep and names nothing twice."
        ) from error
    return found


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError


def read_v1(body: object, signature: Signature) -> dict[str, Sequence[Any]]:
    """Return the values of each column of a V1 body.

    Raises:
        RequestError: The body does not fit the signature.
    """
    if not isinstance(body, dict) or not isinstance(body.get("instances"), list):
        raise refuse('The body must be {"instances": [ROW, ...]}.', "wrong_shape")
    more = sorted(set(body) - V1_KEYS)
    if more:
        raise refuse(f"The body may hold {sorted(V1_KEYS)}. Found: {len(more)} more keys.")
    rows = body["instances"]
    signature.check_rows(len(rows))
    kind = type(rows[0])
    if kind not in (dict, list) or any(type(row) is not kind for row in rows):
        raise refuse(
            "instances must be objects by feature name, or lists in the order of the signature, "
            f"all alike. Found: {sorted({json_type(row) for row in rows[:100]})}.",
            "wrong_shape",
        )
    return _by_name(rows, signature) if kind is dict else _by_place(rows, signature)


def _by_name(rows: list[dict[str, Any]], signature: Signature) -> dict[str, Sequence[Any]]:
    names = set(signature.names)
    for place, row in enumerate(rows):
        if row.keys() != names:
            signature.check_names(list(row), f"instances[{place}]")
    return {name: [row[name] for row in rows] for name in signature.names}


def _by_place(rows: list[list[Any]], signature: Signature) -> dict[str, Sequence[Any]]:
    width = len(signature.columns)
    for place, row in enumerate(rows):
        if len(row) != width:
            raise refuse(
                f"instances[{place}] must hold {width} values, one for each feature. Found: "
                f"{len(row)}.",
                "wrong_shape",
            )
    return dict(zip(signature.names, zip(*rows, strict=True), strict=True))


def read_v2(inputs: Sequence[Any], signature: Signature) -> dict[str, Sequence[Any]]:
    """Return the values of each column of V2 tensors, which have name, shape, datatype and data.

    Raises:
        RequestError: The tensors do not fit the signature.
    """
    # Of a single feature the name says whether it is this one.
    alone = len(inputs) == 1 and len(inputs[0].shape) == 2 and len(signature.names) > 1
    if alone and inputs[0].name not in signature.names:
        inputs = _columns(inputs[0], signature)
    signature.check_names([tensor.name for tensor in inputs], "inputs")
    kinds = {column.name: column.kind for column in signature.columns}
    lengths = {tensor.shape[0] for tensor in inputs if tensor.shape}
    if len(lengths) != 1:
        raise refuse("All inputs must be of the shape [n] or [n, 1] with one n.", "wrong_shape")
    rows = lengths.pop()
    # No n below 0, whatever the data says.
    signature.check_rows(max(0, rows))
    found: dict[str, Sequence[Any]] = {}
    for tensor in inputs:
        allowed = DATATYPES[kinds[tensor.name]]
        if tensor.datatype not in allowed:
            raise refuse(
                f"{tensor.name!r} must come as one of {list(allowed)}. Found: another datatype.",
                "wrong_type",
            )
        found[tensor.name] = _tensor(tensor, rows)
    return found


def _columns(matrix: Any, signature: Signature) -> list[Tensor]:
    """Return the columns of a tensor that holds all features; rows may be nested lists."""
    rows, width = matrix.shape
    signature.check_rows(max(0, rows))
    data = matrix.data
    if data and all(type(row) is list and len(row) == width for row in data):
        data = list(chain.from_iterable(data))
    if width != len(signature.columns) or len(data) != rows * width:
        raise refuse(
            f"A single tensor must be of the shape [n, {len(signature.columns)}], a column for "
            f"each feature in the order of the signature. Found: {len(data)} values.",
            "wrong_shape",
        )
    return [
        Tensor(name, [rows], matrix.datatype, data[place::width])
        for place, name in enumerate(signature.names)
    ]


def _tensor(tensor: Any, rows: int) -> list[Any]:
    """Return the values of a tensor; nested lists are as good as a flat one."""
    data = tensor.data
    if len(tensor.shape) == 2 and all(type(value) is list for value in data):
        if any(len(value) != 1 for value in data):
            raise refuse(f"{tensor.name!r} must hold one value in each row.", "wrong_shape")
        data = list(chain.from_iterable(data))
    if list(tensor.shape) not in ([rows], [rows, 1]) or len(data) != rows:
        raise refuse(
            f"{tensor.name!r} must be of the shape [{rows}] or [{rows}, 1], with as many values. "
            f"Found: {len(data)} values.",
            "wrong_shape",
        )
    _check_datatype(tensor, data)
    return data


def _check_datatype(tensor: Any, data: Sequence[Any]) -> None:
    """Refuse numbers that are not of the type that their tensor claims."""
    if tensor.datatype not in _VALUES:
        return
    kind, known = _VALUES[tensor.datatype]
    for row, value in enumerate(data):
        if value is not None and (type(value) is not kind or value not in known):
            raise refuse(
                f"{tensor.name!r} must hold {tensor.datatype} in every row. Found: "
                f"{json_type(value)} in row {row}.",
                "wrong_type",
            )


def write_v1(answer: Answer, served: Served) -> dict[str, Any]:
    """Return the body of a V1 answer."""
    body: dict[str, Any] = {"predictions": answer.predictions}
    if answer.probabilities is not None:
        body |= {"probabilities": answer.probabilities, "classes": list(served.classes)}
    body |= {"model_name": served.name, "model_version": served.version}
    return body | ({"fallback": answer.fallback} if answer.fallback else {})


def write_v2(answer: Answer, served: Served, wanted: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return the outputs of a V2 answer.

    Args:
        answer: The answer.
        served: The model.
        wanted: The outputs that the request asks for; None for all.

    Raises:
        RequestError: There is no such output.
    """
    outputs = [{"name": "prediction", **_described(served), "data": answer.predictions}]
    outputs[0]["shape"] = [len(answer.predictions)]
    if answer.probabilities is not None:
        outputs.append(
            {
                "name": "probabilities",
                "shape": [len(answer.predictions), len(served.classes)],
                "datatype": "FP64",
                "parameters": {"classes": json.dumps(list(served.classes), ensure_ascii=False)},
                "data": list(chain.from_iterable(answer.probabilities)),
            }
        )
    known = OUTPUTS if served.classes else OUTPUTS[:1]
    if wanted and not set(wanted) <= set(known):
        raise refuse(f"outputs may name {list(known)}. Found: another name.", "wrong_outputs")
    return [output for output in outputs if not wanted or output["name"] in wanted]


def inputs_of(served: Served) -> list[dict[str, Any]]:
    """Return the tensors that the model takes, as its metadata lists them."""
    return [
        {"name": column.name, "datatype": DATATYPES[column.kind][0], "shape": [-1]}
        for column in served.signature.columns
    ]


def outputs_of(served: Served) -> list[dict[str, Any]]:
    """Return the tensors that the model answers with, as its metadata lists them."""
    outputs = [{"name": "prediction", **_described(served), "shape": [-1]}]
    if served.classes:
        shape = [-1, len(served.classes)]
        outputs.append({"name": "probabilities", "datatype": "FP64", "shape": shape})
    return outputs


def _described(served: Served) -> Mapping[str, Any]:
    value = served.classes[0] if served.classes else 0.0
    return {"datatype": _DATATYPE_OF.get(type(value), "BYTES")}
