"""Plays KServe's controller on an API server: revisions, traffic, conditions, as KServe 0.17 does.

Pods are left out: whether a revision gets ready is the test's to say.
"""

import contextlib
import copy
import http.client
import json
import threading
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.deployment.kubernetes_server import PLACES, ApiServer


def definition() -> dict[str, Any]:
    """Return a definition like KServe's own, as far as server-side apply looks at it."""
    anything: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

    def by_name() -> dict[str, Any]:
        item = {
            **anything, "required": ["name"],
            "properties": {"name": {"type": "string"}, "env": {
                "type": "array", "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {**anything, "required": ["name"],
                          "properties": {"name": {"type": "string"}}},
            }},
        }  # fmt: skip
        return {
            "type": "array", "items": item,
            "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
        }  # fmt: skip

    whole: dict[str, Any] = {"type": "integer", "format": "int64"}
    predictor = {
        **anything,
        "properties": {
            "canaryTrafficPercent": whole, "minReplicas": whole,
            "maxReplicas": {**whole, "maximum": 1000},
            "containers": by_name(), "volumes": by_name(),
        },
    }  # fmt: skip
    spec = {"type": "object", "properties": {"predictor": predictor}}
    schema = {"type": "object", "properties": {"spec": spec, "status": anything}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "inferenceservices.serving.kserve.io"},
        "spec": {
            "group": "serving.kserve.io", "scope": "Namespaced",
            "names": {"kind": "InferenceService", "listKind": "InferenceServiceList",
                      "plural": "inferenceservices", "singular": "inferenceservice"},
            "versions": [{"name": "v1beta1", "served": True, "storage": True,
                          "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema}}],
        },
    }  # fmt: skip


@dataclass
class Kserve:
    """What the controller does.

    Attributes:
        server: Whose InferenceServices it works on.
        namespace: Where.
        mode: Knative or Standard.
        broken: Model versions that never get ready, with what is said of them.
        invalid: Model versions whose spec it refuses, with why.
        url: Where a service answers; canary_url is the newest revision's own.
        asleep: It looks at nothing.
        stuck_traffic: It leaves the traffic as it is.
        templates: What it has made a revision of, by uid.
        history: The traffic by revision, each time that it was set.
    """

    server: ApiServer
    namespace: str
    mode: str = "Knative"
    broken: dict[str, str] = field(default_factory=dict)
    invalid: dict[str, str] = field(default_factory=dict)
    url: str = "http://127.0.0.1:1"
    canary_url: str = ""
    asleep: bool = False
    stuck_traffic: bool = False
    templates: dict[str, str] = field(default_factory=dict)
    history: list[dict[str, int]] = field(default_factory=list)

    @property
    def place(self) -> str:
        return PLACES["InferenceService"].format(self.namespace)

    def get(self, name: str) -> dict[str, Any] | None:
        with contextlib.suppress(urllib.error.HTTPError):
            return self.server.ask("GET", f"{self.place}/{name}")
        return None

    def reconcile(self) -> None:
        for service in self.server.ask("GET", self.place)["items"]:
            status = copy.deepcopy(service.get("status") or {})
            self._work(service, status)
            if status != service.get("status"):
                path = f"{self.place}/{service['metadata']['name']}/status"
                with contextlib.suppress(urllib.error.HTTPError):
                    self.server.ask(
                        "PATCH", path, {"status": status}, "application/merge-patch+json"
                    )

    def _work(self, service: dict[str, Any], status: dict[str, Any]) -> None:
        about, predictor = service["metadata"], service["spec"]["predictor"]
        share = predictor.get("canaryTrafficPercent")
        template = json.dumps(
            [{k: v for k, v in predictor.items() if k != "canaryTrafficPercent"},
             about.get("annotations")], sort_keys=True,
        )  # fmt: skip
        part = status.setdefault("components", {}).setdefault("predictor", {})
        if status.get("deploymentMode") is None:
            status["deploymentMode"] = self.mode
        seen = self.templates.get(about["uid"])
        if seen != template:
            self.templates[about["uid"]] = template
            status["observedGeneration"] = status.get("observedGeneration", 0) + 1
            if self.mode == "Knative":
                number = int(part.get("latestCreatedRevision", "-0").rpartition("-")[2]) + 1
                part["latestCreatedRevision"] = f"{about['name']}-predictor-{number:05d}"
                # Knative's latestRevision is the newest that is ready.
                if part.get("latestReadyRevision"):
                    self._split(part, share, part["latestReadyRevision"])
            self._conditions(status, "Unknown", "Deploying", "")
            return
        version = (about.get("annotations") or {}).get("holdfast/model-version", "")
        if version in self.invalid:
            failure = {"reason": "InvalidPredictorSpec", "message": self.invalid[version]}
            status["modelStatus"] = {"transitionStatus": "InvalidSpec", "lastFailureInfo": failure}
            self._conditions(status, "False", "InvalidSpec", "")
            return
        status["modelStatus"] = {"transitionStatus": "UpToDate"}
        if version in self.broken:
            self._conditions(status, "False", "RevisionFailed", self.broken[version])
            return
        if self.mode == "Knative":
            self._split(part, share, part["latestCreatedRevision"])
        status["url"] = self.url
        self._conditions(status, "True", "", "")

    def _split(self, part: dict[str, Any], share: int | None, latest: str) -> None:
        """As PropagateStatus and createKnativeService do."""
        part["latestReadyRevision"] = latest
        rolled = part.get("latestRolledoutRevision", "")
        if self.stuck_traffic and part.get("traffic"):
            return
        percent = 100 if share is None or not rolled else share
        if percent < 100 and rolled == latest and part.get("previousRolledoutRevision"):
            rolled = part["latestRolledoutRevision"] = part["previousRolledoutRevision"]
        target: dict[str, Any] = {
            "revisionName": latest,
            "latestRevision": True,
            "percent": percent,
        }
        if self.canary_url:
            target |= {"tag": "latest", "url": self.canary_url}
        part["traffic"] = [target]
        if percent < 100:
            part["traffic"].append(
                {"revisionName": rolled, "latestRevision": False, "percent": 100 - percent,
                 "tag": "prev"}
            )  # fmt: skip
        elif rolled != latest:
            part["previousRolledoutRevision"] = rolled
            part["latestRolledoutRevision"] = latest
        self.history.append(
            {target["revisionName"]: target["percent"] for target in part["traffic"]}
        )

    def _conditions(self, status: dict[str, Any], state: str, reason: str, message: str) -> None:
        status["conditions"] = [
            {"type": kind, "status": state, "reason": reason, "message": message}
            for kind in ("PredictorReady", "IngressReady", "Ready")
        ]


@contextmanager
def working(kserve: Kserve) -> Iterator[Kserve]:
    """Let the controller work beside the test."""
    done = threading.Event()

    def work() -> None:
        while not done.wait(0.05):
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                if not kserve.asleep:
                    kserve.reconcile()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield kserve
    finally:
        done.set()
        thread.join(5)
