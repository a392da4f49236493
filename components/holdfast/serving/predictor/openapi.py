"""The OpenAPI document: KServe's addresses, with bodies as this model reads them."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from holdfast.model import Kind
from holdfast.serving.predictor.served import Served
from holdfast.serving.predictor.signature import DATATYPES, Column

V1, V2 = "/v1/models/{model_name}:predict", "/v2/models/{model_name}/infer"
V2_VERSION = "/v2/models/{model_name}/versions/{model_version}/infer"
_VALUES: Mapping[Kind, dict[str, Any]] = {
    "numbers": {"type": ["number", "boolean"]},
    "text": {"type": ["string"]},
    "dates": {"type": ["string"], "format": "date-time"},
}
ERRORS = {
    "400": "The body is not JSON.",
    "404": "There is no such model or version.",
    "408": "The body did not arrive in time.",
    "413": "The body or its number of rows is too large.",
    "415": "The body is not application/json.",
    "422": "The body does not fit the signature.",
    "431": "The address and the headers are too large.",
    "503": "Too many requests at once, or the server is stopping.",
}
_ERROR = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("error", "kind", "request_id")},
    "required": ["error", "kind", "request_id"],
}


def describe(app: FastAPI, served: Served) -> dict[str, Any]:
    """Return the document."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    for path, body, answer in (
        (V1, _v1_body(served), _v1_answer(served)),
        (V2, _v2_body(served), _V2_ANSWER),
        (V2_VERSION, _v2_body(served), _V2_ANSWER),
    ):
        operation = document["paths"][path]["post"]
        operation["requestBody"] = {"required": True, "content": _json(body)}
        operation["responses"] = {
            "200": {"description": "The answer.", "content": _json(answer)},
        }
    known_names = {"model_name": served.name, "model_version": served.version}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            known = ERRORS if "post" in operations else {"404": ERRORS["404"], "503": ERRORS["503"]}
            operation["responses"].pop("422", None)
            operation["responses"] |= {
                status: {"description": text, "content": _json(_ERROR)}
                for status, text in known.items()
            }
            if path == "/metrics":
                text = {"text/plain": {"schema": {"type": "string"}}}
                operation["responses"]["200"]["content"] = text
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = {"type": "string", "enum": [known_names[parameter["name"]]]}
    return document


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _value(column: Column) -> dict[str, Any]:
    value = dict(_VALUES[column.kind])
    return value | ({"type": [*value["type"], "null"]} if column.nullable else {})


def _v1_body(served: Served) -> dict[str, Any]:
    columns = served.signature.columns
    row = {
        "type": "object",
        "properties": {column.name: _value(column) for column in columns},
        "required": [column.name for column in columns],
        "additionalProperties": False,
    }
    rows = {"type": "array", "items": row, "minItems": 1, "maxItems": served.signature.max_rows}
    return {
        "type": "object",
        "properties": {"instances": rows},
        "required": ["instances"],
        "additionalProperties": False,
    }


def _v1_answer(served: Served) -> dict[str, Any]:
    numbers = {"type": "array", "items": {"type": "number"}}
    text = {"type": "string"}
    properties = {
        "predictions": {"type": "array"},
        "model_name": text,
        "model_version": text,
        "fallback": {"enum": ["constant", "model"]},
    }
    if served.classes:
        properties["probabilities"] = {"type": "array", "items": numbers}
        properties["classes"] = {"type": "array", "const": list(served.classes)}
    required = ["predictions", "model_name", "model_version"]
    return {"type": "object", "properties": properties, "required": required}


def _v2_body(served: Served) -> dict[str, Any]:
    """Describe tensors of one row: a schema can't say that all are of one length."""
    tensors = [
        {
            "type": "object",
            "properties": {
                "name": {"const": column.name},
                "shape": {"type": "array", "const": [1]},
                "datatype": {"const": DATATYPES[column.kind][0]},
                "data": {"type": "array", "items": _value(column), "minItems": 1, "maxItems": 1},
            },
            "required": ["name", "shape", "datatype", "data"],
        }
        for column in served.signature.columns
    ]
    inputs = {
        "type": "array",
        "prefixItems": tensors,
        "minItems": len(tensors),
        "maxItems": len(tensors),
    }
    return {
        "type": "object",
        "properties": {"id": {"type": ["string", "null"]}, "inputs": inputs},
        "required": ["inputs"],
    }


_V2_ANSWER = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "outputs": {"type": "array", "minItems": 1, "items": {"type": "object"}},
    },
    "required": ["id", "model_name", "model_version", "outputs"],
}
