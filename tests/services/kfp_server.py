"""A server that speaks the API v2beta1 of Kubeflow Pipelines over HTTP.

It keeps what KFP keeps of pipelines, versions, experiments and runs, and answers with the models of
kfp-server-api, so that a field that KFP does not have is an error here, too. As KFP's: filters and
their columns, pages with tokens, unique names, creation times in whole seconds, input checks, and
errors in the shape of gRPC's gateway. A kind of object is one entry of KINDS.

`faults` make single calls fail, before or after they were carried out.
"""

import base64
import json
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import kfp_server_api
from kfp_server_api import ApiClient

ROOT = "/apis/v2beta1"
MOST = 200
HANG = 5.0
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 500: 13, 503: 14}


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Kind:
    """A kind of object: its model and id in kfp-server-api, and the columns it is filtered by."""

    model: str
    identity: str
    columns: dict[str, str]


NAMED = {"name": "display_name", "display_name": "display_name", "created_at": "created_at"}
KINDS = {
    "pipelines": Kind("V2beta1Pipeline", "pipeline_id", {**NAMED, "name": "name"}),
    "pipeline_versions": Kind(
        "V2beta1PipelineVersion", "pipeline_version_id", {**NAMED, "name": "name"}
    ),
    "experiments": Kind("V2beta1Experiment", "experiment_id", NAMED),
    "runs": Kind(
        "V2beta1Run",
        "run_id",
        {**NAMED, "state": "state", "storage_state": "storage_state",
         "description": "description", "experiment_id": "experiment_id"},
    ),
}  # fmt: skip


@dataclass
class Fault:
    """Let the next `times` calls of a method to a path (a regular expression) fail.

    `status` is answered; without one the connection is closed, or after a while if it `hangs`.
    `after` says that the call was carried out all the same.
    """

    method: str
    path: str
    status: int = 0
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    hangs: bool = False
    after: bool = False
    times: int = 1


@dataclass
class KFP:
    """A running server; the tests may look into it, and change what it holds.

    With a `token` it wants that one; in `forbidden` namespaces nobody may do anything.
    """

    url: str = ""
    token: str = ""
    forbidden: tuple[str, ...] = ()
    faults: list[Fault] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    objects: dict[str, list[Any]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    namespaces: dict[str, str] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.RLock)
    before_create: Callable[[], None] = lambda: None

    @property
    def runs(self) -> list[Any]:
        return self.objects["runs"]

    def add_pipeline(
        self, name: str, spec: dict[str, Any], version: str = "v1", namespace: str = ""
    ) -> Any:
        """Upload a version of a pipeline, and the pipeline if it is new."""
        found = [p for p in self.objects["pipelines"] if p.name == name]
        pipeline = found[0] if found else self.add("pipelines", namespace, name=name,
                                                   display_name=name)  # fmt: skip
        return self.add(
            "pipeline_versions", namespace, pipeline_id=pipeline.pipeline_id, name=version,
            display_name=version, pipeline_spec=spec,
        )  # fmt: skip

    def add(self, kind: str, namespace: str = "", /, **fields: Any) -> Any:
        """Store an object with a new id."""
        of = KINDS[kind]
        fields = {"created_at": datetime.now(UTC).replace(microsecond=0), **fields}
        made = getattr(kfp_server_api, of.model)(**{of.identity: str(uuid.uuid4()), **fields})
        with self.lock:
            self.objects[kind].append(made)
            self.namespaces[getattr(made, of.identity)] = namespace
        return made

    def finish(self, run_id: str, state: str) -> None:
        """Let a run end."""
        self.get("runs", run_id).state = state

    def get(self, kind: str, identity: str) -> Any:
        found = [o for o in self.objects[kind] if getattr(o, KINDS[kind].identity) == identity]
        if not found:
            raise RefusedError(404, f"ResourceNotFoundError: {kind} {identity} not found")
        return found[0]

    def list(self, kind: str, query: dict[str, str], where: dict[str, str] | None = None) -> Any:
        """Return one page."""
        size = min(int(query.get("page_size") or 20), MOST)
        asked = {name: query.get(name, "") for name in ("filter", "sort_by", "namespace")}
        start = 0
        if token := query.get("page_token"):
            start, before = json.loads(base64.b64decode(token))
            if before != asked:
                raise RefusedError(400, "page token does not match the supplied sort by")
        with self.lock:
            found = [o for o in self.objects[kind] if self._meant(kind, o, query, where or {})]
        column, _, order = (query.get("sort_by") or "created_at").partition(" ")
        # Of the same second the later one counts as newer.
        found.sort(key=lambda o: getattr(o, _column(kind, column)))
        found = found[::-1] if order == "desc" else found
        end = start + size
        token = base64.b64encode(json.dumps([end, asked]).encode()).decode()
        return {
            kind: found[start:end],
            "total_size": len(found),
            "next_page_token": token if end < len(found) else "",
        }

    def _meant(self, kind: str, item: Any, query: dict[str, str], where: dict[str, str]) -> bool:
        identity = getattr(item, KINDS[kind].identity)
        if query.get("namespace", "") != self.namespaces[identity]:
            return False
        wanted = {**where, **{k: query[k] for k in ("experiment_id",) if query.get(k)}}
        if any(getattr(item, name) != value for name, value in wanted.items()):
            return False
        predicates = json.loads(query.get("filter") or "{}").get("predicates", [])
        return all(_holds(kind, item, predicate) for predicate in predicates)

    def create_experiment(self, body: Any) -> Any:
        namespace = body.namespace or ""
        same = [
            e for e in self.objects["experiments"]
            if e.display_name == body.display_name and self.namespaces[e.experiment_id] == namespace
        ]  # fmt: skip
        if same:
            raise RefusedError(409, f"The name {body.display_name} already exists")
        return self.add("experiments", namespace, display_name=body.display_name,
                        namespace=body.namespace)  # fmt: skip

    def create_run(self, body: Any) -> Any:
        self.before_create()
        reference = body.pipeline_version_reference
        version = self.get("pipeline_versions", reference.pipeline_version_id)
        if version.pipeline_id != reference.pipeline_id or not body.display_name:
            raise RefusedError(400, "Failed to validate the run")
        given = (body.runtime_config and body.runtime_config.parameters) or {}
        _check_inputs(version.pipeline_spec, given)
        experiment = self.get("experiments", body.experiment_id)
        return self.add(
            "runs", self.namespaces[experiment.experiment_id], display_name=body.display_name,
            description=body.description, experiment_id=body.experiment_id,
            pipeline_version_reference=reference, runtime_config=body.runtime_config,
            state="PENDING", storage_state="AVAILABLE",
        )  # fmt: skip

    def terminate(self, run_id: str) -> Any:
        run = self.get("runs", run_id)
        if run.state not in ("PENDING", "RUNNING"):
            raise RefusedError(400, f"Cannot terminate a run that is {run.state}")
        run.state = "CANCELED"
        return {}


def _column(kind: str, key: str) -> str:
    if key not in KINDS[kind].columns:
        raise RefusedError(400, f"no support for filtering on unrecognized field {key!r}")
    return KINDS[kind].columns[key]


def _holds(kind: str, item: Any, predicate: dict[str, Any]) -> bool:
    found = str(getattr(item, _column(kind, predicate["key"])) or "")
    value = predicate.get("stringValue", predicate.get("string_value", ""))
    values = predicate.get("stringValues", {}).get("values", [])
    # MySQL's usual collation knows no case.
    tests = {
        "EQUALS": lambda: found.lower() == value.lower(),
        "NOT_EQUALS": lambda: found.lower() != value.lower(),
        "IS_SUBSTRING": lambda: value.lower() in found.lower(),
        "IN": lambda: found in values,
    }
    if predicate["operation"] not in tests:
        raise RefusedError(400, f"invalid operation {predicate['operation']!r}")
    return tests[predicate["operation"]]()


def _check_inputs(spec: dict[str, Any], given: dict[str, Any]) -> None:
    """Refuse parameters as KFP does: unknown, missing, or of another type."""
    inputs = spec.get("pipeline_spec", spec).get("root", {}).get("inputDefinitions", {})
    known = inputs.get("parameters", {})
    types = {"STRING": str, "BOOLEAN": bool, "LIST": list, "STRUCT": dict}
    for name, definition in known.items():
        optional = definition.get("isOptional") or "defaultValue" in definition
        if name not in given and not optional:
            raise RefusedError(400, f"InvalidInputError: missing parameter {name}")
    for name, value in given.items():
        kind = known.get(name, {}).get("parameterType")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        whole = number and float(value).is_integer()
        fits = {"NUMBER_INTEGER": whole, "NUMBER_DOUBLE": number}.get(
            kind, kind in types and isinstance(value, types[kind])
        )
        if not fits:
            raise RefusedError(400, f"InvalidInputError: parameter {name} is not of {kind}")


@dataclass(frozen=True)
class _Body:
    """What kfp-server-api's client reads models from."""

    data: str


def _routes(kfp: KFP) -> list[tuple[str, str, Callable[..., Any], str]]:
    """Return method, path, what is done and the model of the body."""
    of_pipeline = "/pipelines/(?P<pipeline_id>[^/:]+)/versions"
    return [
        ("GET", "/healthz", lambda query: {"multi_user": bool(kfp.token)}, ""),
        ("GET", "/pipelines", lambda query: kfp.list("pipelines", query), ""),
        ("GET", of_pipeline, lambda query, pipeline_id: kfp.list(
            "pipeline_versions", {**query, "namespace": kfp.namespaces.get(pipeline_id, "")},
            {"pipeline_id": kfp.get("pipelines", pipeline_id).pipeline_id}), ""),
        ("GET", "/experiments", lambda query: kfp.list("experiments", query), ""),
        ("POST", "/experiments", lambda query, body: kfp.create_experiment(body),
         "V2beta1Experiment"),
        ("GET", "/runs", lambda query: kfp.list("runs", query), ""),
        ("POST", "/runs", lambda query, body: kfp.create_run(body), "V2beta1Run"),
        ("GET", "/runs/(?P<run_id>[^/:]+)", lambda query, run_id: kfp.get("runs", run_id), ""),
        ("POST", "/runs/(?P<run_id>[^/:]+):terminate",
         lambda query, run_id: kfp.terminate(run_id), ""),
    ]  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self._take("GET")

    def do_POST(self) -> None:
        self._take("POST")

    def _take(self, method: str) -> None:
        parts = urlsplit(self.path)
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix(ROOT)
        kfp = self.server.kfp
        with kfp.lock:
            kfp.calls.append((method, path))
            fault = next((f for f in kfp.faults if _hits(f, method, path)), None)
            if fault:
                fault.times -= 1
        with suppress(OSError):
            if fault is None or fault.after:
                status, document = self._done(method, path, query, text)
                if fault is None:
                    self._answer(status, json.dumps(document).encode(), ())
                    return
            self._fail(fault)

    def _done(self, method: str, path: str, query: dict[str, str], text: str) -> tuple[int, Any]:
        client = ApiClient()
        try:
            self._admit(query, text)
            for verb, pattern, do, model in _routes(self.server.kfp):
                match = re.fullmatch(pattern, path)
                if verb == method and match:
                    body = {"body": client.deserialize(_Body(text), model)} if model else {}
                    found = do(query, **match.groupdict(), **body)
                    return 200, client.sanitize_for_serialization(found)
            raise RefusedError(404, "Not Found")
        except RefusedError as error:
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
