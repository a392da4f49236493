"""The InferenceService that serves a registered model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.deployment.deploy_model.storage import Source
from holdfast.deployment.inference_service import GROUP, MODE, STANDARD, VERSION, with_share
from holdfast.errors import InputError

PORT = 8080
MODEL_DIR = "/mnt/models"
# What KServe calls the container whose model it fetches.
CONTAINER = "kserve-container"
# No default of the component: KFP writes the keys of a dictionary in any order.
REQUESTS = {"cpu": "250m", "memory": "512Mi"}
QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
# KServe puts up to 25 letters after the name: of 63 that a host's part may have.
NAME = re.compile(r"[a-z]([-a-z0-9]{0,36}[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
ANNOTATION = re.compile(r"(?s).{0,10000}")
KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
OURS = ("holdfast/", "app.kubernetes.io/managed-by")


@dataclass(frozen=True)
class Pods:
    """How many pods there are, and who they run as.

    Attributes:
        replicas: Fewest and most.
        requests: What each is sure of, as Kubernetes writes it: 500m, 1Gi.
        limits: What each may not pass.
        service_account: Whose Secret holds the object store's credentials.
        user: Uid; 0 for what the cluster assigns.
    """

    replicas: Sequence[int] = (1, 3)
    requests: Mapping[str, str] = field(default_factory=lambda: REQUESTS)
    limits: Mapping[str, str] = field(default_factory=lambda: {"memory": "1Gi"})
    service_account: str = ""
    user: int = 1000

    def __post_init__(self) -> None:
        """Refuse what can't be."""
        # KFP's local runners give a list's whole numbers as floats.
        numbers = [int(n) for n in self.replicas]
        if len(numbers) != 2 or not 0 <= numbers[0] <= numbers[1] or numbers[1] < 1:
            raise InputError(
                f"`replicas` must be the fewest and the most pods, at least 0 and 1. Found: "
                f"{list(self.replicas)}. The usual ones are [1, 3]."
            )
        if self.user < 0:
            raise InputError(
                f"`user` must be a uid, or 0 for what the cluster assigns. Found: {self.user}. The "
                f"usual one is 1000."
            )
        for parameter, given in (("requests", self.requests), ("limits", self.limits)):
            bad = {
                key: value
                for key, value in given.items()
                if key not in ("cpu", "memory") or not QUANTITY.fullmatch(str(value))
            }
            if bad:
                raise InputError(
                    f"`{parameter}` must map cpu and memory to quantities such as 500m, 2, 512Mi "
                    f"or 1Gi. Found: {bad}. Correct it."
                )

    def resources(self) -> dict[str, Any]:
        """Return a container's resources."""
        given = {"requests": self.requests, "limits": self.limits}
        return {
            name: {key: str(value) for key, value in sorted(values.items())}
            for name, values in given.items()
            if values
        }


@dataclass(frozen=True)
class Request:
    """What is to be served and how; see the component's arguments."""

    name: str
    image: str
    canary_traffic_percent: int = 100
    pods: Pods = field(default_factory=Pods)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what no InferenceService can be."""
        if not NAME.fullmatch(self.name):
            raise InputError(
                f"`name` must be up to 38 small letters, digits and dashes, and begin with a "
                f"letter: KServe makes host names of it. Found: {self.name!r}. Choose another."
            )
        if not self.image or re.search(r"\s", self.image):
            raise InputError(
                f"`image` must name the image that serves. Found: {self.image!r}. Name "
                f"REGISTRY/holdfast-serving:TAG."
            )
        if not 0 <= self.canary_traffic_percent <= 100:
            raise InputError(
                f"`canary_traffic_percent` must lie between 0 and 100. Found: "
                f"{self.canary_traffic_percent}. 100 gives the new version all of the traffic."
            )
        check_keys("labels", self.labels, LABEL)
        check_keys("annotations", self.annotations, ANNOTATION)

    @property
    def standard(self) -> bool:
        """Tell whether a mode without Knative is asked for."""
        return self.annotations.get(MODE) in STANDARD


def check_keys(parameter: str, given: Mapping[str, str], value: re.Pattern[str]) -> None:
    """Refuse labels or annotations that can't be."""
    bad = [
        key
        for key, text in given.items()
        if not KEY.fullmatch(key) or not isinstance(text, str) or not value.fullmatch(text)
    ]
    taken = [key for key in given if key.startswith(OURS)]
    if bad or taken:
        raise InputError(
            f"`{parameter}` must map keys such as team or example.com/team to text that Kubernetes "
            f"can hold, and leave {list(OURS)} to this step. Found: {(bad or taken)[:5]}. Correct "
            f"them."
        )


def manifest(request: Request, source: Source) -> dict[str, Any]:
    """Return the InferenceService to apply: all that this step manages, and no more."""
    predictor: dict[str, Any] = {
        "minReplicas": int(request.pods.replicas[0]),
        "maxReplicas": int(request.pods.replicas[1]),
        "containers": [_container(request, source)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    if request.pods.service_account:
        predictor["serviceAccountName"] = request.pods.service_account
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "InferenceService",
        "metadata": {
            "name": request.name,
            "labels": {**request.labels, "app.kubernetes.io/managed-by": "holdfast"},
            "annotations": {
                # The newest revision gets an address of its own, to be tried before it has traffic.
                f"{GROUP}/enable-tag-routing": "true",
                **request.annotations,
                **source.annotations(),
            },
        },
        "spec": {"predictor": predictor},
    }
    return with_share(body, request.canary_traffic_percent)


def _container(request: Request, source: Source) -> dict[str, Any]:
    security: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if request.pods.user:
        security["runAsUser"] = request.pods.user
    return {
        "name": CONTAINER,
        "image": request.image,
        "command": ["python", "-m", "holdfast.serving.predictor"],
        "args": [
            *("--model-dir", MODEL_DIR, "--model-name", request.name),
            *("--model-version", str(source.version), "--port", str(PORT)),
        ],
        # KServe's webhook reads this variable of a custom container, and mounts what it fetched.
        "env": [
            {"name": "STORAGE_URI", "value": source.storage_uri},
            {"name": "PROTOCOL", "value": "v2"},
        ],
        "ports": [{"containerPort": PORT, "protocol": "TCP"}],
        "readinessProbe": _probe("/v2/health/ready", 5, 3),
        "livenessProbe": _probe("/v2/health/live", 10, 6),
        "resources": request.pods.resources(),
        "securityContext": security,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108  # the container's own
    }


def _probe(path: str, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": PORT},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 2,
    }
