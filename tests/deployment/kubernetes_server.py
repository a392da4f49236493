"""A real kube-apiserver with etcd behind it, where a machine has their programs.

There are no controllers: nothing makes pods, and nothing makes an InferenceService Ready but the
tests' own KServe (tests/deployment/kserve.py). What it does have is Kubernetes' own server-side
apply, watches, validation, tokens and RBAC.
"""

import contextlib
import http.client
import json
import os
import secrets
import ssl
import subprocess
import threading
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.programs import free_port, program

# Where an object of a kind is kept; the tests' manifests hold no other kinds.
PLACES = {
    "Namespace": "/api/v1/namespaces",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "InferenceService": "/apis/serving.kserve.io/v1beta1/namespaces/{}/inferenceservices",
}
# A kube-apiserver ends a connection that idles for 90 s.
IDLE_SECONDS = 20.0


def has_kubernetes() -> bool:
    """Tell whether this machine has a kube-apiserver, an etcd, and openssl for its key."""
    return all(program(name) for name in ("kube-apiserver", "etcd", "openssl"))


@dataclass(frozen=True)
class ApiServer:
    """A running API server, and the token of its administrator."""

    address: str
    admin: str
    authority: Path | None = None
    # Only the stand-in has one: answers that it gives in the place of its own.
    faults: list[Any] = field(default_factory=list)
    kept: threading.local = field(default_factory=threading.local)

    @property
    def real(self) -> bool:
        """Tell whether it is Kubernetes' own."""
        return self.authority is not None

    def ask(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> dict[str, Any]:
        """Ask as the administrator; raises urllib's HTTPError for what is no success."""
        headers = {"Authorization": f"Bearer {self.admin}", "Content-Type": kind}
        text = None if body is None else json.dumps(body)
        connection = self._connection()
        try:
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (http.client.HTTPException, OSError):
            # A server that has closed it since, or is not there yet: the next call begins anew.
            connection.close()
            raise
        if answer.status >= 300:
            raise urllib.error.HTTPError(
                path, answer.status, content.decode(), answer.headers, None
            )
        return json.loads(content)

    def _connection(self) -> http.client.HTTPConnection:
        """Return this thread's connection: the tests' KServe asks twenty times a second.

        One that idled is begun anew: the server may have ended it.
        """
        idle = time.monotonic() - getattr(self.kept, "used", 0.0) > IDLE_SECONDS
        self.kept.used = time.monotonic()
        if idle and hasattr(self.kept, "connection"):
            self.kept.connection.close()
        if not hasattr(self.kept, "connection"):
            host = self.address.partition("://")[2]
            if self.real:
                context = ssl.create_default_context(cafile=str(self.authority))
                self.kept.connection = http.client.HTTPSConnection(
                    host, timeout=20, context=context
                )
            else:
                self.kept.connection = http.client.HTTPConnection(host, timeout=20)
        return self.kept.connection

    def apply(
        self, document: dict[str, Any], namespace: str, manager: str = "kubectl"
    ) -> dict[str, Any]:
        """Apply a document on the server's side, taking over what others manage."""
        place = PLACES[document["kind"]].format(namespace)
        path = f"{place}/{document['metadata']['name']}?fieldManager={manager}&force=true"
        return self.ask("PATCH", path, document, "application/apply-patch+yaml")

    def config(self, folder: Path, token: str, namespace: str, address: str = "") -> str:
        """Write a KUBECONFIG with a token, and return its path."""
        cluster: dict[str, Any] = {"server": address or self.address}
        if self.authority:
            cluster["certificate-authority"] = str(self.authority)
        document = {
            "apiVersion": "v1", "kind": "Config", "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": "tests", "user": {"token": token}}],
            "contexts": [{"name": "tests", "context": {
                "cluster": "tests", "user": "tests", "namespace": namespace,
            }}],
        }  # fmt: skip
        path = folder / f"kubeconfig-{secrets.token_hex(4)}"
        path.write_text(json.dumps(document))
        return str(path)


@contextmanager
def kube_apiserver(folder: Path) -> Iterator[ApiServer]:
    """Run etcd and kube-apiserver with RBAC on free ports of this machine."""
    store, peers, port, admin = free_port(), free_port(), free_port(), secrets.token_hex(16)
    key, tokens, certificates = folder / "key.pem", folder / "tokens.csv", folder / "certificates"
    subprocess.run(
        [program("openssl"), "genrsa", "-out", key, "2048"], check=True, capture_output=True
    )
    tokens.write_text(f"{admin},admin,admin,system:masters\n")
    tokens.chmod(0o600)
    keep = [program("etcd"), "--data-dir", folder / "etcd", "--unsafe-no-fsync",
            "--listen-client-urls", f"http://127.0.0.1:{store}",
            "--advertise-client-urls", f"http://127.0.0.1:{store}",
            "--listen-peer-urls", f"http://127.0.0.1:{peers}"]  # fmt: skip
    serve = [program("kube-apiserver"), "--etcd-servers", f"http://127.0.0.1:{store}",
             "--bind-address", "127.0.0.1", "--advertise-address", "127.0.0.1",
             "--secure-port", str(port), "--cert-dir", certificates,
             "--authorization-mode", "RBAC", "--token-auth-file", tokens,
             "--service-account-issuer", "https://kubernetes.default.svc",
             "--service-account-key-file", key, "--service-account-signing-key-file", key,
             "--service-cluster-ip-range", "10.0.0.0/24",
             # No controller makes the account that each pod would need.
             "--disable-admission-plugins", "ServiceAccount",
             "--profiling=false", "--enable-priority-and-fairness=false"]  # fmt: skip
    with _running(keep, folder / "etcd.log"), _running(serve, folder / "kube-apiserver.log"):
        authority = certificates / "apiserver.crt"
        server = ApiServer(f"https://127.0.0.1:{port}", admin, authority)
        _wait(server, folder)
        yield server


def _wait(server: ApiServer, folder: Path) -> None:
    for _ in range(900):
        # Namespaces come last: RBAC's own roles and the default namespace are there, too.
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            server.ask("GET", "/api/v1/namespaces/default")
            return
        time.sleep(0.2)
    raise RuntimeError((folder / "kube-apiserver.log").read_text()[-2000:])


@contextmanager
def _running(command: list[Any], log: Path) -> Iterator[None]:
    with log.open("w") as told:
        process = subprocess.Popen(
            command, stdout=told, stderr=told, start_new_session=True, env={**os.environ}
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
