"""KServe's Python server, with what it lacks.

KServe's are the handlers of both protocols, their data models, the data plane and uvicorn's
settings. Replaced are its routes and error handlers (routes.py), connections without bounds
(connection.py), and its way to stop, which turns connections away while probes still say ready.
"""

import logging
import signal
import socket
import time
from dataclasses import dataclass, field
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI
from kserve import ModelRepository  # noqa: TID253  # only the server's own process imports this
from kserve.protocol.model_repository_extension import ModelRepositoryExtension  # noqa: TID253
from kserve.protocol.rest.server import RESTServer  # noqa: TID253

from holdfast.serving.predictor.connection import Connection
from holdfast.serving.predictor.gate import Gate, Limits
from holdfast.serving.predictor.openapi import describe
from holdfast.serving.predictor.plane import Plane, Predictor
from holdfast.serving.predictor.routes import add_error_handlers, add_routes
from holdfast.serving.predictor.served import Served
from holdfast.serving.predictor.telemetry import MODEL, READY

logger = logging.getLogger("holdfast.predictor")


@dataclass(frozen=True)
class Options:
    """How to stop and what to bear.

    Attributes:
        drain_seconds: After SIGTERM, how long readiness says no while requests are still taken.
        grace_seconds: How long requests that have begun may then take.
        limits: Bounds of a request.
    """

    drain_seconds: float = 5.0
    grace_seconds: int = 20
    limits: Limits = field(default_factory=Limits)


class Stopper(uvicorn.Server):
    """uvicorn, which after SIGTERM first says that it is not ready, and only then stops."""

    def __init__(
        self, config: uvicorn.Config, gate: Gate, drain_seconds: float, ready: dict[str, Any]
    ) -> None:
        super().__init__(config)
        self.gate, self.drain_seconds, self.ready = gate, drain_seconds, ready
        self.stop_at = float("inf")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        READY.set(1)
        logger.info("ready", extra={"told": self.ready})

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; a second signal stops at once."""
        if self.gate.stopping:
            super().handle_exit(sig, frame)
            return
        self.gate.stopping = True
        READY.set(0)
        # Ctrl-C: nobody sends requests here by what readiness says.
        seconds = 0.0 if sig == signal.SIGINT else self.drain_seconds
        self.stop_at = time.monotonic() + seconds
        logger.info("stopping", extra={"told": {"drain_seconds": seconds}})

    async def on_tick(self, counter: int) -> bool:
        """Tell whether to stop listening."""
        if time.monotonic() >= self.stop_at:
            self.should_exit = True
        return await super().on_tick(counter)


class Server(RESTServer):
    """KServe's REST server with fewer routes, a gate before them, and a graceful end."""

    def __init__(self, served: Served, address: tuple[str, int], options: Options) -> None:
        models = ModelRepository()
        models.update(Predictor(served))
        self.served = served
        self.application = FastAPI(
            title=f"Holdfast predictor of {served.name}",
            version=served.version,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        gate = Gate(self.application, options.limits)
        super().__init__(
            gate,
            Plane(models),
            ModelRepositoryExtension(models),
            address[1],
            grace_period=options.grace_seconds,
        )
        self.config.http = partial(Connection, seconds=options.limits.seconds)
        self.config.ws, self.config.server_header = "none", False
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        ready = {
            "port": address[1],
            "model": served.name,
            "version": served.version,
            "v1": f"http://{host}:{address[1]}/v1/models/{served.name}:predict",
            "v2": f"http://{host}:{address[1]}/v2/models/{served.name}/infer",
        }
        self._server = Stopper(self.config, gate, options.drain_seconds, ready)

    def create_application(self) -> None:
        """Give the application its routes, error handlers and document."""
        add_routes(self.application, self.dataplane)
        add_error_handlers(self.application)
        document = describe(self.application, self.served)
        self.application.openapi = lambda: document
        MODEL.labels(self.served.name, self.served.version).set(1)


def serve(served: Served, bound: socket.socket, options: Options) -> None:
    """Serve a model until SIGTERM or SIGINT, at the address that a socket is bound to."""
    Server(served, bound.getsockname()[:2], options).run([bound])
    logger.info("stopped")
