"""Rows to send to a served model, and the bodies they travel in; read without a model library."""

import datetime
import decimal
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.deployment.endpoint import Protocol
from holdfast.errors import InputError
from holdfast.reading import read_json, read_yaml_file
from holdfast.table import Table

# MLflow's types of a signature, and numpy's of a tensor, as the Open Inference Protocol names them.
DATATYPES = {
    "boolean": "BOOL", "bool": "BOOL", "integer": "INT32", "int32": "INT32", "long": "INT64",
    "int64": "INT64", "float": "FP32", "float32": "FP32", "double": "FP64", "float64": "FP64",
    "string": "BYTES", "str": "BYTES", "datetime": "BYTES",
}  # fmt: skip
MAX_ROWS = 1000


@dataclass(frozen=True)
class Output:
    """What a signature says of an output: `width` values in each row; a column may have a name."""

    name: str = ""
    width: int = 1


@dataclass(frozen=True)
class Described:
    """What a model directory says of the model; all of it empty for one that is not given.

    `types` are the datatypes of the columns it reads, by name; `classes` are its labels.
    """

    types: dict[str, str]
    outputs: tuple[Output, ...] = ()
    classes: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Rows:
    """Rows of values that JSON has; without `columns` they are rows of a tensor."""

    columns: tuple[str, ...]
    values: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.values)

    def part(self, start: int, count: int) -> "Rows":
        """Return `count` rows from the row `start` on, beginning again at the end."""
        chosen = (self.values[(start + k) % len(self)] for k in range(count))
        return Rows(self.columns, tuple(chosen))


NOTHING = Described({})


def read_model(path: str) -> Described:
    """Return what the MLmodel file says; nothing for an empty path.

    Raises:
        InputError: It is no MLflow model directory.
    """
    if not path:
        return NOTHING
    try:
        document = read_yaml_file(Path(path) / "MLmodel")
        signature = document.get("signature") or {}
        inputs, outputs = (read_json(signature.get(s) or "[]") for s in ("inputs", "outputs"))
        metadata = document.get("metadata") or {}
        types = {i["name"]: _datatype(i) for i in inputs if i.get("name")}
        return Described(types, tuple(map(_output, outputs)), tuple(metadata.get("classes") or ()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"`model` must be an MLflow model directory. Found: {type(error).__name__}: {error}. "
            f"Pass the Model output of a training component."
        ) from error


def _datatype(entry: dict[str, Any]) -> str:
    kind = entry["tensor-spec"]["dtype"] if entry["type"] == "tensor" else entry["type"]
    return DATATYPES.get(kind, "BYTES")


def _output(entry: dict[str, Any]) -> Output:
    shape = entry["tensor-spec"]["shape"] if entry["type"] == "tensor" else [-1]
    return Output(entry.get("name") or "", math.prod(shape[1:]))


def read_example(path: str) -> Rows:
    """Return the rows of a model's input example.

    Raises:
        InputError: The directory holds none, or one that is no table.
    """
    for name in ("serving_input_example.json", "input_example.json"):
        file = Path(path) / name
        if not file.is_file():
            continue
        try:
            found = _rows(read_json(file.read_text(encoding="utf-8")))
            _require_tensors(found)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"`model` must hold an input example of rows in {name}. Found: "
                f"{type(error).__name__}: {error}. Save the model with a few rows of its table."
            ) from error
        if len(found):
            return found
    raise InputError(
        "`model` must hold an input example of at least one row. Found: none in its directory. "
        "Save the model with one, or pass the rows yourself."
    )


def _rows(document: Any) -> Rows:
    """Return the rows of MLflow's serving input, or of its split or plain form."""
    if isinstance(document, list):
        return (
            _records(document) if document and isinstance(document[0], dict) else _plain(document)
        )
    if "dataframe_split" in document:
        document = document["dataframe_split"]
    if "dataframe_records" in document:
        return _records(document["dataframe_records"])
    for key in ("instances", "inputs"):
        if isinstance(document.get(key), list):
            return _rows(document[key])
    columns = tuple(document["columns"])
    rows = [tuple(map(_value, row)) for row in document["data"]]
    if any(len(row) != len(columns) for row in rows):
        raise ValueError("rows that are not as long as the columns")
    return Rows(columns, tuple(rows))


def _records(records: Sequence[dict[str, Any]]) -> Rows:
    columns = tuple(records[0]) if records else ()
    return Rows(columns, tuple(tuple(_value(r[name]) for name in columns) for r in records))


def _plain(rows: Sequence[Any]) -> Rows:
    return Rows((), tuple(_value(row) for row in rows))


def _require_tensors(rows: Rows) -> None:
    """Refuse values that no tensor holds: in a column, or in a row, some are lists of others."""
    for values in zip(*rows.values, strict=True) if rows.columns else (rows.values,):
        _shape(values)


def _shape(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list | tuple):
        return ()
    shapes = {_shape(value) for value in values}
    if len(shapes) > 1:
        raise ValueError("values of different shapes")
    return (len(values), *(shapes.pop() if shapes else ()))


def take_rows(table: Table, described: Described, most: int = MAX_ROWS) -> Rows:
    """Return the first rows of a table: the columns that the model reads, or all but the target.

    Raises:
        InputError: It has no rows, or lacks a column that the model reads.
    """
    wanted = list(described.types) or table.features
    lacking = [name for name in wanted if name not in table.schema.names]
    if lacking or not table.rows:
        found = f"no {lacking[:10]} among {table.schema.names[:30]}" if lacking else "0 rows"
        raise InputError(
            f"`table` must hold rows with the columns that `model` reads. Found: {found}. Pass a "
            f"table made by the same query as the training table."
        )
    records = table.head(most).select(wanted).to_pylist()
    return _records(records)


def _value(value: Any) -> Any:
    """Return a value that JSON has; NaN and infinity are missing."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def body_of(rows: Rows, types: dict[str, str], protocol: Protocol) -> bytes:
    """Return a request for the answers to some rows.

    V1 carries a record for each row, V2 a tensor of shape [rows] for each column and the
    content type `pd`, by which KServe's and MLServer's servers make a frame of them.
    """
    if protocol == "v1":
        records: list[Any] = list(rows.values)
        if rows.columns:
            records = [dict(zip(rows.columns, row, strict=True)) for row in rows.values]
        return json.dumps({"instances": records}).encode()
    if not rows.columns:
        return json.dumps({"inputs": [_tensor("input-0", list(rows.values), "")]}).encode()
    columns = zip(rows.columns, zip(*rows.values, strict=True), strict=True)
    inputs = [_tensor(name, list(values), types.get(name, "")) for name, values in columns]
    return json.dumps({"parameters": {"content_type": "pd"}, "inputs": inputs}).encode()


def _tensor(name: str, values: list[Any], datatype: str) -> dict[str, Any]:
    shape, flat = [len(values)], values
    while flat and isinstance(flat[0], list):
        shape.append(len(flat[0]))
        flat = [item for row in flat for item in row]
    datatype = datatype or _told(flat)
    if datatype.startswith("FP"):
        # A model reads true and false as numbers; a tensor of numbers holds no others.
        flat = [float(item) if isinstance(item, bool) else item for item in flat]
    return {"name": name, "shape": shape, "datatype": datatype, "data": flat}


def _told(values: Sequence[Any]) -> str:
    """Return the datatype that holds some values."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "BOOL"
    if kinds == {int}:
        return "INT64"
    return "FP64" if kinds and kinds <= {int, float} else "BYTES"
