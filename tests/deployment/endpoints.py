"""A small real server of the V1 and V2 protocols, which can be told to misbehave."""

import datetime
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "houses"


@dataclass
class Behaviour:
    """What the server does otherwise than it should; it may be changed while it runs."""

    version: str = "3"
    tells_version: bool = True
    slow: float = 0.0  # seconds before each prediction
    one_at_a_time: bool = False
    hang: bool = False  # no answer for as long as the client waits
    hang_after: int = 0  # the same after so many predictions
    fallback: str = ""  # whose answer it is instead of the model's
    drip: bool = False  # a byte now and then
    statuses: dict[str, int] = field(default_factory=dict)  # instead of 200, by part of the path
    fail_every: int = 0  # each n-th prediction is a 500
    busy_first: int = 0  # so many predictions are a 503 at first
    lose: int = 0  # predictions too few
    value: Any = None  # predicted instead
    width: int = 1
    redirect: str = ""
    lenient: bool = False  # takes what is malformed
    knows_all: bool = False  # serves models of any name
    metadata_name: str = NAME
    ready: bool = True
    wanted_host: str = ""
    wanted_token: str = ""


@dataclass
class Served:
    """A server that runs: its URL, what it does, and the requests that it saw."""

    url: str
    behaviour: Behaviour
    seen: list[tuple[str, str]] = field(default_factory=list)
    predictions: int = 0
    gate: threading.Lock = field(default_factory=threading.Lock)

    def when(self, predictions: int, act: Callable[[], object]) -> threading.Thread:
        """Act in a thread of its own once so many predictions were asked for."""

        def watch() -> None:
            for _ in range(3000):
                if self.predictions >= predictions:
                    act()
                    return
                time.sleep(0.01)

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        return thread


class RefusedError(Exception):
    """A 4xx or 5xx."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """Answers for the model `houses`, whose prediction is twice the column `size`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    served: Served

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(self._state)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        self._answer(lambda: self._predict(body))

    def _answer(self, make: Any) -> None:
        told = self.served.behaviour
        self.served.seen.append((self.command, self.path))
        try:
            self._allowed(told)
            status, document = 200, make()
        except RefusedError as error:
            status, document = error.status, {"error": "refused"}
        if told.hang or 0 < told.hang_after < self.served.predictions:
            time.sleep(1.5)
        body = json.dumps(document).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", told.redirect)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            for piece in [body[i : i + 1] for i in range(len(body))] if told.drip else [body]:
                self.wfile.write(piece)
                time.sleep(0.05 if told.drip else 0)
        except OSError:
            self.close_connection = True

    def _allowed(self, told: Behaviour) -> None:
        if told.redirect:
            raise RefusedError(302)
        if told.wanted_token and self.headers.get("Authorization") != f"Bearer {told.wanted_token}":
            raise RefusedError(401)
        if told.wanted_host and self.headers.get("Host") != told.wanted_host:
            raise RefusedError(404)
        for part, status in told.statuses.items():
            if part in self.path:
                raise RefusedError(status)

    def _state(self) -> dict[str, Any]:
        told = self.served.behaviour
        if self.path == "/v2/health/live":
            return {"live": True}
        if self.path == "/v2/health/ready":
            return {"ready": told.ready}
        if self.path in (f"/v1/models/{NAME}", f"/v2/models/{NAME}/ready"):
            return {"name": NAME, "ready": told.ready}
        if self.path != f"/v2/models/{NAME}":
            raise RefusedError(404)
        output = {"name": "predict", "datatype": "FP64", "shape": [-1]}
        found = {"name": told.metadata_name, "platform": "x", "inputs": [], "outputs": [output]}
        return found | ({"versions": [told.version]} if told.tells_version else {})

    def _predict(self, body: bytes) -> dict[str, Any]:
        told, served = self.served.behaviour, self.served
        v1 = self.path == f"/v1/models/{NAME}:predict"
        if not v1 and self.path != f"/v2/models/{NAME}/infer" and not told.knows_all:
            raise RefusedError(404)
        served.predictions += 1
        if served.predictions <= told.busy_first:
            raise RefusedError(503)
        if told.fail_every and served.predictions % told.fail_every == 0:
            raise RefusedError(500)
        with served.gate if told.one_at_a_time else threading.Lock():
            time.sleep(told.slow)
        try:
            values = self._values(json.loads(body), v1)
        except (ValueError, KeyError, TypeError):
            if not told.lenient:
                raise RefusedError(422) from None
            values = [0.0]
        values = values[: max(0, len(values) - told.lose)]
        if told.value is not None:
            values = [told.value] * len(values)
        said = {"model_version": told.version} if told.tells_version else {}
        if v1:
            rows = [v if told.width == 1 else [v] * told.width for v in values]
            own = {"fallback": told.fallback} if told.fallback else {}
            return {"predictions": rows, **own}
        shape = [len(values)] if told.width == 1 else [len(values), told.width]
        kind = "BYTES" if isinstance(told.value, str) else "FP64"
        output = {"name": "predict", "shape": shape, "datatype": kind, "data": values * told.width}
        own = {"parameters": {"fallback": told.fallback}} if told.fallback else {}
        return {"model_name": NAME, "outputs": [output], **said, **own}

    def _values(self, document: Any, v1: bool) -> list[float]:
        if v1:
            return [2.0 * float(row["size"]) for row in document["instances"]]
        columns = {tensor["name"]: tensor["data"] for tensor in document["inputs"]}
        return [2.0 * float(value) for value in columns["size"]]


def certificate(folder: Path) -> Path:
    """Write a certificate of 127.0.0.1 that signs itself, with its key; return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none)
    file = folder / "certificate.pem"
    file.write_bytes(private + made.public_bytes(pem))
    return file


@contextmanager
def serve(signed: Path | None = None, **wanted: Any) -> Iterator[Served]:
    """Serve on a free port of this machine until the block ends; by TLS with a certificate."""

    class Bound(Handler):
        pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, *_: Any) -> None:
            """A client that went away is no news."""

    server = Server(("127.0.0.1", 0), Bound)
    if signed:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(signed)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "https" if signed else "http"
    served = Served(f"{scheme}://127.0.0.1:{server.server_address[1]}", Behaviour(**wanted))
    Bound.served = served
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
