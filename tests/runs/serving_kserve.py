"""KServe's controller as tests/deployment/kserve.py plays it, with predictor processes as pods."""

import os
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.deployment.kserve import Kserve
from tests.programs import free_port
from tests.services.servers import ObjectStore
from tests.support import ROOT, family_python


@dataclass
class Pod:
    """A running predictor, the model directory that was fetched for it, and its container."""

    container: dict[str, Any]
    process: subprocess.Popen
    url: str
    model: Path

    def end(self) -> None:
        """End it at once: how a predictor drains is tested elsewhere."""
        self.process.kill()
        self.process.wait(30)


@dataclass
class ServingKserve(Kserve):
    """Fetches models from the object store and serves them on this machine.

    Attributes:
        store: Where the models are.
        folder: Where they are fetched to.
        frail: Versions whose pod dies once it has half of the traffic.
        names: What a version's pod calls itself, where that is another version.
        pods: The pods by version.
        served: The versions by revision.
    """

    store: ObjectStore | None = None
    folder: Path = Path()
    frail: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    served: dict[str, str] = field(default_factory=dict)

    def _work(self, service: dict[str, Any], status: dict[str, Any]) -> None:
        version = service["metadata"]["annotations"]["holdfast/model-version"]
        if version not in self.pods:
            (container,) = service["spec"]["predictor"]["containers"]
            self.pods[version] = self._start(container, version)
        self.canary_url = self.pods[version].url
        super()._work(service, status)
        part = status["components"]["predictor"]
        self.served.setdefault(part["latestCreatedRevision"], version)
        traffic = {t["revisionName"]: t["percent"] for t in part.get("traffic", ())}
        if traffic:
            # One address cannot split: the revision with the most traffic has it all.
            most = max(traffic, key=lambda revision: traffic[revision])
            status["url"] = self.pods[self.served[most]].url
        if version in self.frail and traffic.get(part["latestCreatedRevision"]) == 50:
            self.pods[version].end()

    def _start(self, container: dict[str, Any], version: str) -> Pod:
        uri = next(e["value"] for e in container["env"] if e["name"] == "STORAGE_URI")
        model, port = self._fetch(uri, self.folder / version), free_port()
        places = {"/mnt/models": str(model), "8080": str(port)}
        arguments = [places.get(argument, argument) for argument in container["args"]]
        told = arguments.index("--model-version") + 1
        arguments[told] = self.names.get(version, version)
        command = [family_python("serving"), *container["command"][1:], *arguments]
        variables = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
        with (self.folder / f"{version}.log").open("w") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{port}"
        for _ in range(1800):
            try:
                urllib.request.urlopen(f"{url}/v2/health/ready", timeout=5).close()
                return Pod(container, process, url, model)
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the predictor does not get ready")

    def _fetch(self, uri: str, folder: Path) -> Path:
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        client = self.store.client()
        for found in client.list_objects(bucket, prefix=f"{prefix}/", recursive=True):
            name = found.object_name.removeprefix(f"{prefix}/")
            client.fget_object(bucket, found.object_name, str(folder / name))
        return folder

    def restart(self, version: str, name: str = "") -> None:
        """Give a version another pod: as it should be, or one that calls itself otherwise."""
        self.frail.discard(version)
        self.names[version] = name or version
        before = self.pods[version]
        self.pods[version] = self._start(before.container, version)
        before.end()

    def stop(self) -> None:
        """End the pods."""
        for pod in self.pods.values():
            pod.end()
