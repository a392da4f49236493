"""The model and the data plane as KServe's handlers call them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from kserve import Model  # noqa: TID253  # only the server's own process imports this
from kserve.protocol.dataplane import DataPlane  # noqa: TID253
from kserve.protocol.infer_type import InferRequest  # noqa: TID253
from kserve.protocol.rest.v2_datamodels import InferenceRequest  # noqa: TID253

from holdfast import __version__
from holdfast.serving.predictor import protocols
from holdfast.serving.predictor.served import Answer, Served
from holdfast.serving.predictor.signature import RequestError
from holdfast.serving.predictor.telemetry import CURRENT

# More rows than these are answered beside the event loop, which goes on answering probes.
ROWS_IN_LOOP = 32
FALLBACK_HEADER = "x-holdfast-fallback"


class Predictor(Model):
    """The model as KServe calls it."""

    def __init__(self, served: Served) -> None:
        super().__init__(served.name, return_response_headers=True)
        self.served = served
        # One large batch at a time; small ones go between.
        self.beside = asyncio.Lock()
        self.ready = True

    async def predict(
        self,
        payload: Any,
        headers: Mapping[str, str] | None = None,  # noqa: ARG002
        response_headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Answer the body of a V1 request, or the tensors of a V2 request."""
        served = self.served
        if isinstance(payload, InferRequest):
            values = protocols.read_v2(payload.inputs, served.signature)
            answer = await self._answer(values, response_headers)
            wanted = [output.name for output in payload.request_outputs or ()]
            return {
                "id": payload.id or CURRENT.get().request_id,
                "model_name": served.name,
                "model_version": served.version,
                "parameters": {"fallback": answer.fallback} if answer.fallback else None,
                "outputs": protocols.write_v2(answer, served, wanted),
            }
        values = protocols.read_v1(payload, served.signature)
        return protocols.write_v1(await self._answer(values, response_headers), served)

    async def _answer(self, values: Mapping[str, Any], headers: dict[str, str] | None) -> Answer:
        rows = self.served.signature.table(values)
        call = CURRENT.get()
        call.rows = rows.num_rows
        if rows.num_rows > ROWS_IN_LOOP:
            async with self.beside:
                answer = await asyncio.to_thread(self.served.answer, rows)
        else:
            answer = self.served.answer(rows)
        call.fallback, call.cause = answer.fallback, answer.cause
        if answer.fallback and headers is not None:
            headers[FALLBACK_HEADER] = answer.fallback
        return answer


class Plane(DataPlane):
    """KServe's data plane, which reads JSON strictly and says what server and model are."""

    def decode(
        self,
        body: Any,
        headers: Mapping[str, str],
        protocol_version: str = "v1",
        model_name: str | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Read a body. KServe's way leaves one as it is whose content type names a charset."""
        if isinstance(body, InferenceRequest):
            return super().decode(body, headers, protocol_version, model_name)
        return protocols.read_json(body), {}

    def check_version(self, model_name: str, model_version: str) -> None:
        """Refuse a version that is not served.

        Raises:
            RequestError: With status 404.
        """
        if self.get_model_from_registry(model_name).served.version != model_version:
            raise RequestError(
                404,
                "unknown_version",
                f"This version is not served; /v2/models/{model_name} lists the one that is.",
            )

    def metadata(self) -> dict[str, Any]:
        """Describe the server."""
        return {"name": "holdfast", "version": __version__, "extensions": []}

    async def model_metadata(self, model_name: str) -> dict[str, Any]:
        """Describe the model."""
        served = self.get_model_from_registry(model_name).served
        return {
            "name": served.name,
            "versions": [served.version],
            "platform": "holdfast",
            "inputs": protocols.inputs_of(served),
            "outputs": protocols.outputs_of(served),
        }
