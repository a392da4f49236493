"""The addresses of both protocols, with KServe's handlers behind them, and what errors become.

Left out of KServe's routes is what any client could do harm with or what answers 501: unloading the
model, and explanations. Versions in the path, which it answers 501, are answered here. KServe's
error handlers log what a client sent; these do not.
"""

from typing import Any

import orjson
from fastapi import APIRouter, Depends, FastAPI, Request
from kserve.errors import ModelNotFound, ModelNotReady  # noqa: TID253  # as plane.py
from kserve.protocol.rest.server import metrics_handler  # noqa: TID253
from kserve.protocol.rest.v1_endpoints import V1Endpoints  # noqa: TID253
from kserve.protocol.rest.v2_datamodels import (  # noqa: TID253
    InferenceRequest,
    ModelMetadataResponse,
    ModelReadyResponse,
)
from kserve.protocol.rest.v2_endpoints import V2Endpoints  # noqa: TID253
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from holdfast.serving.predictor import protocols
from holdfast.serving.predictor.gate import INTERNAL, error_body
from holdfast.serving.predictor.plane import Plane
from holdfast.serving.predictor.signature import RequestError, refuse
from holdfast.serving.predictor.telemetry import CURRENT

ERRORS = (
    RequestError,
    ModelNotFound,
    ModelNotReady,
    HTTPException,
    Exception,
)


def add_routes(app: FastAPI, plane: Plane) -> None:
    """Give an application the addresses of both protocols."""
    router = APIRouter()
    router.add_api_route("/", plane.live)
    router.add_api_route("/metrics", metrics_handler)
    _add_v1(router, V1Endpoints(plane))
    _add_v2(router, V2Endpoints(plane))
    app.include_router(router)


def _add_v1(router: APIRouter, v1: Any) -> None:
    async def wrong_method() -> None:
        raise HTTPException(405, headers={"Allow": "POST"})

    address = "/v1/models/{model_name}:predict"
    router.add_api_route(address, v1.predict, methods=["POST"], response_model=None)
    # Else it would be asked about a model of this name.
    router.add_api_route(address, wrong_method, methods=["GET"], include_in_schema=False)
    router.add_api_route("/v1/models", v1.models)
    router.add_api_route("/v1/models/{model_name}", v1.model_ready)


def _add_v2(router: APIRouter, v2: Any) -> None:
    async def version(model_name: str, model_version: str) -> None:
        v2.dataplane.check_version(model_name, model_version)

    # KServe's own take a version in the query, and fail.
    async def metadata(model_name: str) -> ModelMetadataResponse:
        """Describe the model and its tensors."""
        return await v2.model_metadata(model_name)

    async def ready(model_name: str) -> ModelReadyResponse:
        """Tell whether the model is ready."""
        return await v2.model_ready(model_name)

    async def infer(model_name: str, request: Request) -> Response:
        """Predict by the Open Inference protocol."""
        # FastAPI would read the body with a parser that takes NaN for JSON, and write the answer
        # value by value.
        body, answer = read_request(await request.body()), Response()
        found = await v2.infer(request, answer, model_name, body)
        content = orjson.dumps(found.model_dump(exclude_none=True))
        sent = {name: value for name, value in answer.headers.items() if name != "content-length"}
        return Response(content, media_type="application/json", headers=sent)

    router.add_api_route("/v2", v2.metadata)
    router.add_api_route("/v2/health/live", v2.live)
    router.add_api_route("/v2/health/ready", v2.ready)
    router.add_api_route("/v2/models", v2.models)
    for start, known in (
        ("/v2/models/{model_name}", []),
        ("/v2/models/{model_name}/versions/{model_version}", [Depends(version)]),
    ):
        router.add_api_route(start, metadata, dependencies=known)
        router.add_api_route(f"{start}/ready", ready, dependencies=known)
        router.add_api_route(f"{start}/infer", infer, methods=["POST"], dependencies=known)


def add_error_handlers(app: FastAPI) -> None:
    """Let every error be answered as JSON that says what is wrong, and logged without values."""

    async def answer(_: Request, error: Exception) -> Response:
        told, call = _as_request_error(error), CURRENT.get()
        call.error = told.kind
        # Of a wrong method: which are right.
        headers = getattr(error, "headers", None)
        body = error_body(told, call.request_id)
        return Response(body, told.status, headers, media_type="application/json")

    for kind in ERRORS:
        app.add_exception_handler(kind, answer)


def read_request(body: bytes) -> InferenceRequest:
    """Return the V2 request that a body holds.

    Raises:
        RequestError: It holds none.
    """
    try:
        found = InferenceRequest.model_validate(protocols.read_json(body), strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise refuse(
            f"The body must be an inference request of the Open Inference protocol. Found at "
            f"{place}: {first['msg']}.",
            "wrong_shape",
        ) from None
    # KServe would take a body with a type that JSON can't carry for a malformed one.
    if not {tensor.datatype for tensor in found.inputs} <= protocols.ALL_DATATYPES:
        raise refuse(f"inputs may be of {sorted(protocols.ALL_DATATYPES)}.", "wrong_type")
    return found


def _as_request_error(error: Exception) -> RequestError:
    if isinstance(error, RequestError):
        return error
    if isinstance(error, ModelNotFound):
        return RequestError(404, "unknown_model", "There is no such model; /v1/models lists them.")
    if isinstance(error, ModelNotReady):
        return RequestError(503, "not_ready", "The model is not ready.")
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "")
            return RequestError(405, "wrong_method", f"This address takes {allowed} alone.")
        return RequestError(
            error.status_code, "no_such_address", "No such address; /openapi.json lists them."
        )
    return INTERNAL
