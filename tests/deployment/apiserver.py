"""A stand-in for kube-apiserver where there is none: real HTTP, and the parts that deploying needs.

It keeps objects of any kind with resourceVersion and generation, applies on the server's side
(managedFields, conflicts of fields), answers watches, knows tokens, Roles and RoleBindings, and
fails on demand. The same tests run against the real one: what they promise holds for both.
"""

import copy
import itertools
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.deployment.kubernetes_server import ApiServer

PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<space>[^/]+)(?=/))?"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>status|token))?"
)
VERBS = {"GET": "get", "PATCH": "patch", "DELETE": "delete", "POST": "create"}


@dataclass
class Fault:
    """What happens to a request in the place of its answer.

    `kind` is of the requests: a verb, or watch. `code` is answered, with 0 the connection is cut;
    `after` events of a watch have passed; `left` requests are struck.
    """

    kind: str
    code: int = 0
    after: int = 0
    left: int = 1


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, code: int, reason: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.document = {
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
            "reason": reason, "message": message, "details": details,
        }  # fmt: skip


class Store:
    """The objects, and what happened to them."""

    def __init__(self, admin: str, faults: list[Fault]) -> None:
        self.changed = threading.Condition()
        self.version = 1
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.events: list[tuple[int, str, tuple[str, str, str], dict[str, Any]]] = []
        self.users = {admin: ""}
        self.faults = faults

    def put(self, key: tuple[str, str, str], document: dict[str, Any], kind: str) -> None:
        self.version += 1
        document["metadata"]["resourceVersion"] = str(self.version)
        if kind == "DELETED":
            self.objects.pop(key)
        else:
            self.objects[key] = document
        self.events.append((self.version, kind, key, copy.deepcopy(document)))
        self.changed.notify_all()

    def fault(self, kind: str) -> Fault | None:
        with self.changed:
            found = next((f for f in self.faults if f.kind == kind and f.left > 0), None)
            if found:
                found.left -= 1
            return found

    def allowed(self, user: str, verb: str, plural: str, group: str, space: str) -> bool:
        """Tell whether a service account (namespace:name) may, as Roles and RoleBindings say."""
        if not user:
            return True
        for (kind, where, _), binding in self.objects.items():
            subjects = binding.get("subjects") or ()
            named = any(f"{s.get('namespace', where)}:{s['name']}" == user for s in subjects)
            if kind != "rolebindings" or where != space or not named:
                continue
            role = self.objects.get(("roles", space, binding["roleRef"]["name"])) or {"rules": []}
            for rule in role["rules"]:
                if verb in rule["verbs"] and plural in rule["resources"]:
                    return group in rule["apiGroups"]
        return False


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the fields of a document, as fieldsV1 names them; members of lists go by name."""
    if isinstance(value, dict) and value:
        for key, more in value.items():
            yield from leaves(more, (*path, f"f:{key}"))
    elif isinstance(value, list) and value and all(_named(m) for m in value):
        for member in value:
            yield from leaves(member, (*path, "k:" + json.dumps({"name": member["name"]})))
    else:
        yield path, value


def _named(member: Any) -> bool:
    return isinstance(member, dict) and "name" in member


def _find(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if isinstance(value, list):
            wanted = json.loads(part[2:])
            value = next((m for m in value if wanted.items() <= m.items()), None)
        else:
            value = value.get(part[2:]) if isinstance(value, dict) else None
    return value


def _set(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    place: Any = document
    for part, following in itertools.pairwise(path):
        empty: Any = [] if following.startswith("k:") else {}
        if part.startswith("k:"):
            wanted = json.loads(part[2:])
            found = next((m for m in place if wanted.items() <= m.items()), None)
            if found is None:
                found = dict(wanted)
                place.append(found)
            place = found
        else:
            place = place.setdefault(part[2:], empty)
    place[path[-1][2:]] = copy.deepcopy(value)


def _unset(document: dict[str, Any], path: tuple[str, ...]) -> None:
    parent = _find(document, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1][2:], None)
        # What held nothing but this field goes with it.
        if not parent and len(path) > 2:
            _unset(document, path[:-1])


def _tree(paths: set[tuple[str, ...]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        place = tree
        for part in path:
            place = place.setdefault(part, {})
    return tree


def _paths(tree: dict[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if not tree:
        return {path}
    return {found for part, more in tree.items() for found in _paths(more, (*path, part))}


def apply(
    old: dict[str, Any] | None, body: dict[str, Any], manager: str, force: bool
) -> dict[str, Any]:
    """Return an object after a manager's server-side apply.

    Raises:
        RefusedError: Another manager owns a field, and sets it otherwise.
    """
    metadata = {k: v for k, v in body.get("metadata", {}).items() if k in ("labels", "annotations")}
    content = {k: v for k, v in body.items() if k not in ("metadata", "apiVersion", "kind")}
    told = leaves({**content, "metadata": metadata} if metadata else content)
    wanted = {path: value for path, value in told if path}
    kept = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": {}}
    new = copy.deepcopy(old) or kept
    entries = new["metadata"].pop("managedFields", [])
    owners = {e["manager"]: _paths(e["fieldsV1"]) for e in entries}
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{who}"',
         "field": "".join("." + part[2:] for part in path)}
        for who, paths in owners.items() if who != manager
        for path in sorted(paths & set(wanted)) if _find(new, path) != wanted[path]
    ]  # fmt: skip
    if causes and not force:
        message = f"Apply failed with {len(causes)} conflicts"
        raise RefusedError(409, "Conflict", message, causes=causes)
    for path in owners.get(manager, set()) - set(wanted):
        if not any(path in paths for who, paths in owners.items() if who != manager):
            _unset(new, path)
    for path, value in wanted.items():
        for who, paths in owners.items():
            if who != manager and _find(new, path) != value:
                paths.discard(path)
        _set(new, path, value)
    owners[manager] = set(wanted)
    new["metadata"]["managedFields"] = [
        {"manager": who, "operation": "Apply", "apiVersion": new["apiVersion"],
         "fieldsType": "FieldsV1", "fieldsV1": _tree(paths)}
        for who, paths in sorted(owners.items()) if paths
    ]  # fmt: skip
    return new


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    store: Store

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle_any(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        watching = query.get("watch") in ("true", "True", "1")
        kind = "watch" if watching else VERBS[self.command]
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        fault = self.store.fault(kind)
        try:
            if fault and not fault.after:
                self._strike(fault)
                return
            found = PATH.fullmatch(url.path)
            parts = found.groupdict(default="") if found else {}
            self._check(parts, kind)
            if watching:
                self._watch(parts, query, fault)
            else:
                self._answer(*self._do(parts, query, body))
        except RefusedError as refused:
            self._answer(refused.code, refused.document)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_PATCH = do_DELETE = do_POST = handle_any  # noqa: N815

    def _strike(self, fault: Fault) -> None:
        self.close_connection = True
        if fault.code:
            raise RefusedError(fault.code, "Fault", "made by the test")

    def _check(self, parts: dict[str, str], kind: str) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.store.users:
            raise RefusedError(401, "Unauthorized", "Unauthorized")
        user, plural, group = self.store.users[token], parts["plural"], parts["group"]
        kind = "list" if kind == "get" and not parts["name"] else kind
        with self.store.changed:
            if self.store.allowed(user, kind, plural, group, parts["space"]):
                if group == "serving.kserve.io" and not self._kserve():
                    self._plain(404, "404 page not found\n")
                    raise BrokenPipeError
                return
        raise RefusedError(
            403, "Forbidden", f'{plural}.{group} "{parts["name"]}" is forbidden: User '
            f'"system:serviceaccount:{user}" cannot {kind} resource "{plural}" in API group '
            f'"{group}" in the namespace "{parts["space"]}"', name=parts["name"],
        )  # fmt: skip

    def _kserve(self) -> bool:
        return any(kind == "customresourcedefinitions" for kind, _, _ in self.store.objects)

    def _do(self, parts: dict[str, str], query: dict[str, str], body: Any) -> Any:
        key = (parts["plural"], parts["space"], parts["name"])
        with self.store.changed:
            old = self.store.objects.get(key)
            if self.command == "POST":
                token = secrets.token_hex(16)
                self.store.users[token] = f"{parts['space']}:{parts['name']}"
                return 201, {"status": {"token": token}}
            if self.command == "GET" and not parts["name"]:
                kept = [o for k, o in self.store.objects.items() if k[:2] == key[:2]]
                return 200, {
                    "items": kept,
                    "metadata": {"resourceVersion": str(self.store.version)},
                }
            if old is None and not self._makes(parts):
                message = f'{parts["plural"]}.{parts["group"]} "{key[2]}" not found'
                raise RefusedError(404, "NotFound", message, name=key[2])
            if self.command == "GET":
                return 200, copy.deepcopy(old)
            if self.command == "DELETE":
                return 200, self._delete(key, old or {}, body)
            return 200 if old else 201, self._patch(key, parts, old, query, body)

    def _makes(self, parts: dict[str, str]) -> bool:
        space = parts["space"]
        if space and ("namespaces", "", space) not in self.store.objects:
            if self.command == "PATCH":
                raise RefusedError(404, "NotFound", f'namespaces "{space}" not found', name=space)
            return False
        return self.command == "PATCH" and not parts["sub"]

    def _delete(self, key: Any, old: dict[str, Any], body: Any) -> dict[str, Any]:
        uid = ((body or {}).get("preconditions") or {}).get("uid")
        if uid and uid != old["metadata"]["uid"]:
            raise RefusedError(409, "Conflict", "the UID in the precondition is another")
        self.store.put(key, old, "DELETED")
        return {"kind": "Status", "status": "Success"}

    def _patch(
        self, key: Any, parts: dict[str, str], old: Any, query: dict[str, str], body: Any
    ) -> dict[str, Any]:
        if parts["sub"] == "status":
            new = copy.deepcopy(old)
            new["status"] = body["status"]
        else:
            new = apply(old, body, query["fieldManager"], query.get("force") in ("true", "True"))
            self._validate(parts, key[2], new)
        about = new["metadata"]
        about.update(name=key[2], **({"namespace": key[1]} if key[1] else {}))
        about.setdefault("uid", secrets.token_hex(8))
        if old is None or old.get("spec") != new.get("spec"):
            about["generation"] = about.get("generation", 0) + 1
        if new == old or query.get("dryRun"):
            return new
        self.store.put(key, new, "ADDED" if old is None else "MODIFIED")
        return new

    def _validate(self, parts: dict[str, str], name: str, new: dict[str, Any]) -> None:
        most = (new.get("spec", {}).get("predictor") or {}).get("maxReplicas", 1)
        if parts["plural"] == "inferenceservices" and most > 1000:
            message = (
                f'InferenceService.serving.kserve.io "{name}" is invalid: '
                f"spec.predictor.maxReplicas: Invalid value: {most}"
            )
            raise RefusedError(422, "Invalid", message, name=name)

    def _watch(self, parts: dict[str, str], query: dict[str, str], fault: Fault | None) -> None:
        name = query.get("fieldSelector", "").removeprefix("metadata.name=")
        wanted, seen = (parts["plural"], parts["space"], name), int(query["resourceVersion"])
        end = time.monotonic() + float(query.get("timeoutSeconds", 30))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        passed = 0
        while time.monotonic() < end:
            with self.store.changed:
                self.store.changed.wait(0.1)
                fresh = [e for e in self.store.events if e[0] > seen]
            for version, kind, key, document in fresh:
                seen = version
                if key != wanted:
                    continue
                if fault and passed >= fault.after - 1:
                    if fault.code:
                        status = RefusedError(
                            fault.code, "Expired", "too old resource version"
                        ).document
                        self._chunk({"type": "ERROR", "object": status})
                    self.close_connection = True
                    self.connection.shutdown(2)
                    return
                self._chunk({"type": kind, "object": document})
                passed += 1
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, event: dict[str, Any]) -> None:
        line = json.dumps(event).encode() + b"\n"
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()

    def _answer(self, code: int, document: dict[str, Any]) -> None:
        self._plain(code, json.dumps(document), "application/json")

    def _plain(self, code: int, text: str, kind: str = "text/plain") -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


@contextmanager
def stand_in() -> Iterator[ApiServer]:
    """Run the stand-in on a free port of this machine."""
    admin, faults = secrets.token_hex(16), []
    handler = type("Handler", (Handler,), {"store": Store(admin, faults)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield ApiServer(f"http://127.0.0.1:{server.server_port}", admin, faults=faults)
    finally:
        server.shutdown()
        server.server_close()
