"""A stand-in for a container registry: as much of the OCI distribution API as a push needs."""

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Registry:
    """What was pushed: blobs by digest, manifests by name and reference."""

    address: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    registry: Registry

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        path, registry = parts.path.strip("/"), self.registry
        body = self._body()
        what, _, name = path.rpartition("/")
        if path == "v2":
            self._answer(200)
        elif what.endswith("/manifests"):
            self._manifest(f"{what.removesuffix('/manifests')}:{name}", body)
        elif path.endswith("/blobs/uploads") and self.command == "POST":
            upload = secrets.token_hex(8)
            registry.uploads[upload] = bytearray()
            place = {"Location": f"/{path}/{upload}", "Docker-Upload-UUID": upload}
            self._answer(202, **place)
        elif what.endswith("/blobs/uploads"):
            registry.uploads[name] += body
            digest = parse_qs(parts.query).get("digest", [""])[0]
            if self.command == "PUT":
                content = bytes(registry.uploads.pop(name))
                if _digest(content) != digest:
                    self._answer(400)
                    return
                registry.blobs[digest] = content
            last = len(registry.uploads.get(name, b" ")) - 1
            place = {"Location": f"/{path}", "Docker-Upload-UUID": name, "Range": f"0-{last}"}
            self._answer(201 if digest else 202, **place)
        elif what.endswith("/blobs") and name in registry.blobs:
            self._answer(200, registry.blobs[name])
        else:
            self._answer(404)

    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = handle_any  # noqa: N815

    def _manifest(self, name: str, body: bytes) -> None:
        manifests = self.registry.manifests
        if self.command == "PUT":
            manifests[name] = body
        if name not in manifests:
            self._answer(404)
            return
        digest = {"Docker-Content-Digest": _digest(manifests[name])}
        self._answer(201 if self.command == "PUT" else 200, manifests[name], **digest)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(content)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Docker-Distribution-Api-Version": "registry/2.0"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@contextmanager
def registry() -> Iterator[Registry]:
    """Run a registry on a free port of this machine; Docker needs no TLS to it."""
    kept = Registry()
    handler = type("Handler", (Handler,), {"registry": kept})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    kept.address = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
