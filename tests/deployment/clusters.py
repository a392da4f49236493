"""Clusters for the tests: each API server that this machine has, with a namespace for each test."""

import secrets
import time
import urllib.error
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.deployment.kserve import Kserve, definition, working
from tests.deployment.kubernetes_server import PLACES, ApiServer

MANIFESTS = Path(__file__).resolve().parents[2] / "pipelines" / "manifests"
RUNNER = ("kubeflow", "pipeline-runner")


@dataclass(frozen=True)
class Cluster:
    """An API server with KServe in a namespace, and the KUBECONFIG of a pipeline's step there."""

    server: ApiServer
    namespace: str
    kserve: Kserve
    config: str
    token: str
    folder: Path

    def get(self, name: str) -> dict[str, Any] | None:
        return self.kserve.get(name)

    def edit(self, name: str, predictor: dict[str, Any], manager: str) -> None:
        """Set fields as somebody else who applies."""
        self.server.apply(
            {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
             "metadata": {"name": name}, "spec": {"predictor": predictor}},
            self.namespace, manager,
        )  # fmt: skip

    def delete(self, name: str) -> None:
        self.server.ask("DELETE", f"{self.kserve.place}/{name}")


def manifests(name: str) -> list[dict[str, Any]]:
    """Return the documents of a manifest that the README shows."""
    return list(yaml.safe_load_all((MANIFESTS / name).read_text()))


def namespace(server: ApiServer, name: str) -> str:
    """Make a namespace, if it is not there."""
    server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, "")
    return name


def step_token(server: ApiServer) -> str:
    """Return a token of the service account that a pipeline's steps run as."""
    where, who = RUNNER
    namespace(server, where)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": who}}
    server.apply(account, where)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = PLACES["ServiceAccount"].format(where) + f"/{who}/token"
    return server.ask("POST", path, request)["status"]["token"]


@contextmanager
def cluster(
    server: ApiServer, folder: Path, access: bool = True, **kserve: Any
) -> Iterator[Cluster]:
    """Make a namespace with the README's access, and let KServe work there."""
    name = namespace(server, f"models-{secrets.token_hex(4)}")
    with ExitStack() as stack:
        for document in manifests("access.yaml") if access else ():
            server.apply(document, name)
        token = step_token(server)
        config = server.config(folder, token, name)
        controller = stack.enter_context(working(Kserve(server, name, **kserve)))
        yield Cluster(server, name, controller, config, token, folder)


def define(server: ApiServer) -> None:
    """Define InferenceServices, and wait until they are served."""
    server.apply(definition(), "")
    for _ in range(600):
        try:
            server.ask("GET", PLACES["InferenceService"].format("default"))
            return
        except urllib.error.HTTPError:
            time.sleep(0.1)
    raise RuntimeError("the InferenceService's definition was not taken")
