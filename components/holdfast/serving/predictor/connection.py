"""A connection as uvicorn has it, with the bounds that it lacks.

uvicorn takes the head of a request (its first line and its headers) of any size, waits for it
without end, and keeps an answer for as long as its reader takes.
"""

import asyncio
import uuid
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from holdfast.serving.predictor.gate import error_body
from holdfast.serving.predictor.signature import RequestError
from holdfast.serving.predictor.telemetry import Call

# What h11, uvicorn's other parser, takes.
HEAD_BYTES = 2**16
NO_HTTP = RequestError(400, "not_http", "This is not a request of HTTP/1.1.")
LARGE_HEAD = RequestError(
    431, "head_too_large", f"The address and the headers may have {HEAD_BYTES} bytes. Found: more."
)


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with bounds.

    Args:
        uvicorn: What uvicorn passes on.
        seconds: For the head of a request to arrive in, and for a reader to take what is sent.
    """

    def __init__(self, *uvicorn: Any, seconds: float, **more: Any) -> None:
        super().__init__(*uvicorn, **more)
        self.seconds = seconds
        self.head_timer: asyncio.TimerHandle | None = None
        self.reader_timer: asyncio.TimerHandle | None = None
        self.error = NO_HTTP
        # Of the request that arrives: what the parser has told of, and what it still keeps.
        self.in_head, self.ended = True, False
        self.parsed, self.unparsed = 0, 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was waited for."""
        self._stop(self.head_timer)
        self._stop(self.reader_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived; an endless header is refused before the parser has it whole."""
        if self.in_head:
            self._await_head()
        self.ended = False
        super().data_received(data)
        if self.in_head and not self.ended:
            self.unparsed += len(data)
            if self.unparsed > HEAD_BYTES:
                self._refuse(LARGE_HEAD)

    def on_message_begin(self) -> None:
        """Begin a request, which may come right behind another one."""
        super().on_message_begin()
        self.parsed = self.unparsed = 0
        self._await_head()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer of a body in chunks."""
        self._count(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self.in_head = False
        self._stop(self.head_timer)
        self.head_timer = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Be ready for the next request."""
        self.in_head = self.ended = True
        self.unparsed = 0
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Give the reader some time: what is sent is kept until it is taken."""
        super().pause_writing()
        self.reader_timer = self.loop.call_later(self.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the reader took it."""
        self._stop(self.reader_timer)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text
        """Refuse what the parser does not take."""
        self._refuse(self.error)

    def _count(self, size: int) -> None:
        self.parsed += size
        if self.parsed > HEAD_BYTES:
            self.error = LARGE_HEAD
            # The parser hands it on to send_400_response.
            raise ValueError

    def _await_head(self) -> None:
        if self.head_timer is None:
            self.head_timer = self.loop.call_later(self.seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        self.head_timer = None
        if self.cycle and not self.cycle.response_complete:
            # It was sent behind a request that is still being answered.
            self._await_head()
        elif self.parsed or self.unparsed:
            text = f"The head of a request must arrive within {self.seconds:g} s."
            self._refuse(RequestError(408, "slow_head", text))
        else:
            self.transport.close()

    def _refuse(self, error: RequestError) -> None:
        """Answer without KServe's handlers, and end the connection: once."""
        if self.transport.is_closing():
            return
        call = Call(uuid.uuid4().hex, "other", "", status=error.status, error=error.kind)
        body = error_body(error, call.request_id)
        head = (
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: {call.request_id}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[error.status] + head.encode() + body)
        self.transport.close()
        call.end()

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer:
            timer.cancel()
