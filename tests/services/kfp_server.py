"""A server that speaks the API v2beta1 of Kubeflow Pipelines over HTTP.

It answers with the models of kfp-server-api, so that a field that KFP does not have is an error
here, too, and errors have the shape of gRPC's gateway, or that of uploads. What it keeps is in
kfp_objects, uploads in kfp_uploads, recurring runs and what starts them in kfp_schedules.

`faults` make single calls fail, before or after they were carried out.
"""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kfp_server_api import ApiClient

from tests.services import kfp_schedules, kfp_uploads
from tests.services.kfp_objects import KFP, Fault, RefusedError

__all__ = ["KFP", "Fault", "kfp_server"]

ROOT = "/apis/v2beta1"
HANG = 15.0
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 500: 13, 503: 14}


@dataclass(frozen=True)
class _Body:
    """What kfp-server-api's client reads models from."""

    data: str


def _routes(kfp: KFP) -> list[tuple[str, str, Callable[..., Any], str]]:
    """Return method, path, what is done and the model of the body."""
    of_pipeline = "/pipelines/(?P<pipeline_id>[^/:]+)/versions"
    one_run, one_of = "/runs/(?P<run_id>[^/:]+)", "/recurringruns/(?P<identity>[^/:]+)"
    experiment = "/experiments/(?P<identity>[^/:]+)"
    return [
        ("GET", "/healthz", lambda query: {"multi_user": kfp.multi_user}, ""),
        ("GET", "/pipelines", lambda query: kfp.list("pipelines", query), ""),
        ("POST", "/pipelines", lambda query, body: kfp_uploads.create_pipeline(kfp, body),
         "V2beta1Pipeline"),
        ("GET", "/pipelines/(?P<identity>[^/:]+)",
         lambda query, identity: kfp.get("pipelines", identity), ""),
        ("GET", of_pipeline, lambda query, pipeline_id: kfp.list(
            "pipeline_versions", {**query, "namespace": kfp.namespaces.get(pipeline_id, "")},
            {"pipeline_id": kfp.get("pipelines", pipeline_id).pipeline_id}), ""),
        ("GET", of_pipeline + "/(?P<identity>[^/:]+)",
         lambda query, pipeline_id, identity: kfp.get("pipeline_versions", identity), ""),
        ("GET", "/experiments", lambda query: kfp.list("experiments", query), ""),
        ("POST", "/experiments", lambda query, body: kfp.create_experiment(body),
         "V2beta1Experiment"),
        ("GET", experiment, lambda query, identity: kfp.get("experiments", identity), ""),
        ("POST", experiment + ":archive",
         lambda query, identity: kfp.store("experiments", identity, "ARCHIVED"), ""),
        ("GET", "/runs", lambda query: kfp.list("runs", query), ""),
        ("POST", "/runs", lambda query, body: kfp.create_run(body), "V2beta1Run"),
        ("GET", one_run, lambda query, run_id: kfp.get("runs", run_id), ""),
        ("DELETE", one_run, lambda query, run_id: kfp.remove("runs", run_id), ""),
        ("POST", one_run + ":terminate", lambda query, run_id: kfp.terminate(run_id), ""),
        ("POST", one_run + ":archive",
         lambda query, run_id: kfp.store("runs", run_id, "ARCHIVED"), ""),
        ("POST", one_run + ":unarchive",
         lambda query, run_id: kfp.store("runs", run_id, "AVAILABLE"), ""),
        ("GET", "/recurringruns", lambda query: kfp.list("recurring_runs", query), ""),
        ("POST", "/recurringruns", lambda query, body: kfp_schedules.create(kfp, body),
         "V2beta1RecurringRun"),
        ("GET", one_of, lambda query, identity: kfp.get("recurring_runs", identity), ""),
        ("DELETE", one_of, lambda query, identity: kfp_schedules.delete(kfp, identity, query), ""),
        ("POST", one_of + ":enable",
         lambda query, identity: kfp_schedules.switch(kfp, identity, "ENABLE"), ""),
        ("POST", one_of + ":disable",
         lambda query, identity: kfp_schedules.switch(kfp, identity, "DISABLE"), ""),
    ]  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two packets; the second would wait 40 ms for the client's answer.
    disable_nagle_algorithm = True
    server: "_Server"

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self._take("GET")

    def do_POST(self) -> None:
        self._take("POST")

    def do_DELETE(self) -> None:
        self._take("DELETE")

    def _take(self, method: str) -> None:
        parts = urlsplit(self.path)
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix(ROOT)
        kfp = self.server.kfp
        with kfp.lock:
            kfp.calls.append((method, path))
            kfp.bodies.append((path, sent.decode(errors="replace")))
            fault = next((f for f in kfp.faults if _hits(f, method, path)), None)
            if fault and fault.skip:
                fault.skip -= 1
                fault = None
            if fault:
                fault.times -= 1
        with suppress(OSError):
            if fault is None or fault.after:
                if kfp.cookie and kfp.cookie not in (self.headers.get("Cookie") or ""):
                    # Dex, or oauth2-proxy before it.
                    location = ("Location", f"{kfp.url}/dex/auth?client_id=kubeflow")
                    page = (location, ("Content-Type", "text/html; charset=utf-8"))
                    self._answer(302, b"<a href='/dex/auth'>Found</a>", page)
                    return
                status, document = self._done(method, path, query, sent)
                if fault is None:
                    self._answer(status, json.dumps(document).encode(), ())
                    return
            self._fail(fault)

    def _done(self, method: str, path: str, query: dict[str, str], sent: bytes) -> tuple[int, Any]:
        client, kind = ApiClient(), self.headers.get("Content-Type") or ""
        try:
            text = "" if kind.startswith("multipart/") else sent.decode()
            self._admit(query, text)
            if path in kfp_uploads.PATHS:
                found = kfp_uploads.take(self.server.kfp, path, query, kind, sent)
                return 200, client.sanitize_for_serialization(found)
            for verb, pattern, do, model in _routes(self.server.kfp):
                match = re.fullmatch(pattern, path)
                if verb == method and match:
                    body = {"body": client.deserialize(_Body(text), model)} if model else {}
                    found = do(query, **match.groupdict(), **body)
                    return 200, client.sanitize_for_serialization(found)
            raise RefusedError(404, "Not Found")
        except RefusedError as error:
            if path in kfp_uploads.PATHS:
                return error.status, {"error_message": str(error), "error_details": str(error)}
            code = CODES.get(error.status, 2)
            told = {"error": str(error), "code": code, "message": str(error), "details": []}
            return error.status, told

    def _admit(self, query: dict[str, str], text: str) -> None:
        kfp = self.server.kfp
        if kfp.token and self.headers.get("Authorization") != f"Bearer {kfp.token}":
            raise RefusedError(401, "Request header error: the token is not valid")
        namespace = query.get("namespace") or (json.loads(text).get("namespace") if text else "")
        if namespace in kfp.forbidden:
            raise RefusedError(403, f"User is not authorized in namespace {namespace}")

    def _fail(self, fault: Fault) -> None:
        if fault.hangs:
            time.sleep(HANG)
        if not fault.status:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._answer(fault.status, fault.body, fault.headers)

    def _answer(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...]) -> None:
        self.send_response(status)
        if "Content-Type" not in dict(headers):
            self.send_header("Content-Type", "application/json")
        for header in headers:
            self.send_header(*header)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _hits(fault: Fault, method: str, path: str) -> bool:
    same = fault.method == method and re.fullmatch(fault.path, path)
    return bool(same) and fault.times > 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    kfp: KFP


@contextmanager
def kfp_server(token: str = "") -> Iterator[KFP]:
    """Run a server on a free port of this machine."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.kfp = KFP(f"http://127.0.0.1:{server.server_port}", token)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.kfp
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
