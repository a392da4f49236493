"""What stands before KServe's handlers: a request's id, its bounds, and the way out at the end."""

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from holdfast.serving.predictor.signature import RequestError
from holdfast.serving.predictor.telemetry import CURRENT, IN_FLIGHT, Call

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_PREDICTIONS = (("v1", re.compile(r"/v1/models/[^/]+:predict")),
                ("v2", re.compile(r"/v2/models/[^/]+(/versions/[^/]+)?/infer")))  # fmt: skip
_READINESS = re.compile(
    r"/v2/health/ready|/v2/models/[^/]+(/versions/[^/]+)?/ready|/v1/models/[^/:]+"
)
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")
# What is read of a body that is too large, so that its sender gets to hear so.
DISCARDED_BYTES = 64 * 2**20
# The status of a client that left: nobody sees it but the log.
GONE = 499
INTERNAL = RequestError(500, "internal", "The server failed; its log says where.")


@dataclass(frozen=True)
class Limits:
    """Bounds of a request.

    Attributes:
        bytes: Of the body.
        seconds: For the body to arrive in; and for the head, and for an answer to be read.
        in_flight: Predictions at once; one more is told to come back. All bodies at once may have
            as many times the bytes of one.
    """

    bytes: int = 2**20
    seconds: float = 10.0
    in_flight: int = 64


class ClientLeftError(Exception):
    """The client left before its request was complete."""


class Gate:
    """ASGI middleware; `stopping` tells the readiness probes to fail, and nothing else."""

    def __init__(self, app: App, limits: Limits) -> None:
        self.app, self.limits = app, limits
        self.stopping = False
        self.in_flight = 0
        # Bytes of the bodies that are there or on their way.
        self.held = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        call = Call(_request_id(headers), _protocol(scope), scope["method"])
        # An event's headers would change the form of the answer.
        kept = [h for h in scope["headers"] if not h[0].startswith((b"ce-", b"x-request-id"))]
        scope["headers"] = [*kept, (b"x-request-id", call.request_id.encode())]
        token = CURRENT.set(call)
        try:
            await self._answer(scope, headers, receive, self._telling(call, send))
        finally:
            CURRENT.reset(token)
            call.end()

    async def _answer(
        self, scope: Message, headers: dict[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        call = CURRENT.get()
        predicts = call.protocol != "other"
        # On a connection whose body was not read to its end nothing more can be asked.
        read = scope["method"] == "GET"
        try:
            if self.stopping and _READINESS.fullmatch(scope["path"]):
                raise RequestError(503, "stopping", "The server is stopping.")
            if predicts:
                self._require_room()
                self._check(headers)
            body = b"" if read else await self._body(receive, call)
            read = True
            if predicts:
                # Others may have come while the body did.
                self._require_room()
            self.in_flight += predicts
            IN_FLIGHT.set(self.in_flight)
            try:
                await self.app(scope, _once(body, receive), send)
            finally:
                self.in_flight -= predicts
                IN_FLIGHT.set(self.in_flight)
        except RequestError as error:
            call.error = error.kind
            await refuse(send, error, call.request_id, closing=not read)
        except ClientLeftError:
            call.error, call.status = "client_left", GONE
        except Exception as error:  # noqa: BLE001  # the line of the request tells of it
            call.error, call.failure = "internal", error
            if not call.status:
                await refuse(send, INTERNAL, call.request_id)
        finally:
            self.held -= call.bytes

    def _require_room(self) -> None:
        if self.in_flight >= self.limits.in_flight:
            raise _overloaded()

    def _check(self, headers: dict[bytes, bytes]) -> None:
        media = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        encoding = headers.get(b"content-encoding", b"identity").strip().lower()
        if media != b"application/json" or encoding != b"identity":
            raise RequestError(
                415,
                "wrong_content_type",
                "The body must be application/json, neither compressed nor with binary tensors.",
            )

    async def _body(self, receive: Receive, call: Call) -> bytes:
        limit = self.limits.bytes
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.limits.seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientLeftError
                    part = message.get("body", b"")
                    size += len(part)
                    if size <= limit:
                        parts.append(part)
                        call.bytes += len(part)
                        self.held += len(part)
                    if self.held > limit * self.limits.in_flight:
                        raise _overloaded()
                    if not message.get("more_body") or size > DISCARDED_BYTES:
                        break
        except TimeoutError:
            raise RequestError(
                408, "slow_body", f"The body must arrive within {self.limits.seconds:g} s."
            ) from None
        if size > limit:
            raise RequestError(
                413, "too_large", f"The body may have {limit} bytes. Found: more. Send it in parts."
            )
        return b"".join(parts)

    def _telling(self, call: Call, send: Send) -> Send:
        """Return a send that adds the headers of every answer."""

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
                added = [(b"x-request-id", call.request_id.encode())]
                if self.stopping:
                    # Whoever asks again finds another server.
                    added.append((b"connection", b"close"))
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        return tell


async def refuse(send: Send, error: RequestError, request_id: str, closing: bool = False) -> None:
    """Send an error as JSON; `closing` ends the connection, on which more may be under way."""
    body = error_body(error, request_id)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if closing:
        headers.append((b"connection", b"close"))
    if error.status == 503:
        headers.append((b"retry-after", b"1"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def error_body(error: RequestError, request_id: str) -> bytes:
    """Return an error as both protocols have it: an object with the text under `error`."""
    told = {"error": error.message, "kind": error.kind, "request_id": request_id}
    return json.dumps(told, ensure_ascii=False).encode()


def _overloaded() -> RequestError:
    return RequestError(503, "overloaded", "Too many requests at once. Come back later.")


def _once(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives the body, then what the connection says."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return left.pop() if left else await receive()

    return next_message


def _request_id(headers: dict[bytes, bytes]) -> str:
    """Return the client's id, or a new one where it has none that a header can hold."""
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _protocol(scope: Message) -> str:
    path = scope["path"] if scope["method"] == "POST" else ""
    return next((name for name, form in _PREDICTIONS if form.fullmatch(path)), "other")
