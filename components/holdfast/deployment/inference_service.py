"""KServe's InferenceService: what its status says.

The fields are those of serving.kserve.io/v1beta1, KServe 0.11 and later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

GROUP, VERSION, PLURAL = "serving.kserve.io", "v1beta1", "inferenceservices"
MANAGER = "holdfast"
# Modes in which Knative splits the traffic; KServe 0.15 renamed Serverless to Knative.
KNATIVE = ("Knative", "Serverless")
STANDARD = ("Standard", "RawDeployment")
MODE = f"{GROUP}/deploymentMode"
LATEST_TAG = "latest"


@dataclass(frozen=True)
class Condition:
    """What KServe says about one aspect: `status` is True, False or Unknown."""

    kind: str
    status: str
    reason: str
    message: str

    @property
    def state(self) -> str:
        """Return the status, and why it is so."""
        told = ": ".join(part for part in (self.reason, self.message) if part)
        return self.status + (f" ({told})" if told else "")


@dataclass(frozen=True)
class InferenceService:
    """An InferenceService as the API server gives it."""

    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Return its name."""
        return str(self.document["metadata"]["name"])

    @property
    def uid(self) -> str:
        """Return what tells it from another of the same name."""
        return str(self.document["metadata"].get("uid", ""))

    @property
    def resource_version(self) -> str:
        """Return the version of this state, to watch from."""
        return str(self.document["metadata"].get("resourceVersion", ""))

    @property
    def annotations(self) -> Mapping[str, str]:
        """Return its annotations."""
        return self.document["metadata"].get("annotations") or {}

    @property
    def status(self) -> Mapping[str, Any]:
        """Return what KServe found; empty before it looked."""
        return self.document.get("status") or {}

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Return the conditions in KServe's order."""
        return tuple(
            Condition(
                str(c.get("type", "")), str(c.get("status", "Unknown")),
                str(c.get("reason") or ""), " ".join(str(c.get("message") or "").split())[:500],
            )
            for c in self.status.get("conditions") or ()
        )  # fmt: skip

    @property
    def ready(self) -> bool:
        """Tell whether KServe calls it Ready."""
        return any(c.kind == "Ready" and c.status == "True" for c in self.conditions)

    @property
    def complaints(self) -> tuple[str, ...]:
        """Return what keeps it from Ready: conditions that do not hold, and a model's failure.

        KServe hands a message on from condition to condition; it is told once.
        """
        kinds: dict[str, list[str]] = {}
        for condition in self.conditions:
            if condition.status != "True" and condition.kind != "Stopped":
                kinds.setdefault(condition.state, []).append(condition.kind)
        found = [f"{', '.join(names)}={state}" for state, names in kinds.items()]
        model = self.status.get("modelStatus") or {}
        failure = model.get("lastFailureInfo") or {}
        if failure and model.get("transitionStatus") not in ("UpToDate", "", None):
            said = failure.get("message") or failure.get("reason") or ""
            found.append(f"model ({model.get('transitionStatus')}): {' '.join(said.split())[:500]}")
        return tuple(found)

    @property
    def predictor(self) -> Mapping[str, Any]:
        """Return the predictor's status."""
        return (self.status.get("components") or {}).get("predictor") or {}

    @property
    def knative(self) -> bool | None:
        """Tell whether Knative splits its traffic, None while nobody can say."""
        stated = self.status.get("deploymentMode") or self.annotations.get(MODE)
        if stated:
            return stated in KNATIVE
        # Only Knative makes revisions; KServe before 0.15 states no mode.
        if self.predictor.get("latestCreatedRevision"):
            return True
        return False if self.ready else None

    @property
    def revision(self) -> str:
        """Return the newest revision; empty without Knative."""
        return str(self.predictor.get("latestCreatedRevision") or "")

    @property
    def traffic(self) -> Mapping[str, int]:
        """Return the share of the traffic by revision, in percent; empty without Knative."""
        shares: dict[str, int] = {}
        for target in self.predictor.get("traffic") or ():
            name = str(target.get("revisionName") or "")
            shares[name] = shares.get(name, 0) + int(target.get("percent") or 0)
        return shares

    @property
    def share(self) -> int | None:
        """Return the newest revision's share of the traffic in percent, None if nobody says."""
        return self.traffic.get(self.revision, 0) if self.traffic else None

    @property
    def alone(self) -> bool:
        """Tell whether no earlier revision is there that could have traffic."""
        rolled_out = str(self.predictor.get("latestRolledoutRevision") or "")
        earlier = self.predictor.get("previousRolledoutRevision")
        return rolled_out in ("", self.revision) and not earlier

    @property
    def rolled_out(self) -> bool:
        """Tell whether the newest revision is ready and has all of the traffic."""
        latest_ready = str(self.predictor.get("latestReadyRevision") or "")
        return self.ready and self.revision == latest_ready and self.share == 100

    @property
    def url(self) -> str:
        """Return where the cluster reaches it, else where the world does; empty before Ready."""
        inside = (self.status.get("address") or {}).get("url")
        return _bare(str(inside or self.status.get("url") or ""))

    @property
    def canary_url(self) -> str:
        """Return where the newest revision alone answers, whatever its share; empty if nowhere.

        The address that KServe names is the world's; inside the cluster Knative puts the tag before
        the route's name.
        """
        targets = self.predictor.get("traffic") or ()
        tagged = [t for t in targets if t.get("latestRevision") and t.get("tag") == LATEST_TAG]
        inside = str((self.predictor.get("address") or {}).get("url") or "")
        if not tagged:
            return ""
        if inside:
            parts = urlsplit(inside)
            return urlunsplit((parts.scheme, f"{LATEST_TAG}-{parts.netloc}", "", "", ""))
        return _bare(str(tagged[0].get("url") or ""))

    def moved_since(self, before: "InferenceService | None") -> bool:
        """Tell whether KServe has worked on it since: its status is of another state."""
        if before is None:
            return True
        seen = ("observedGeneration", "deploymentMode")
        if any(self.status.get(key) != before.status.get(key) for key in seen):
            return True
        return self.revision != before.revision or self.traffic != before.traffic


def with_share(body: Mapping[str, Any], percent: int) -> dict[str, Any]:
    """Return a manifest whose newest revision gets a share of the traffic.

    All of it is KServe's default, and written as such: a rollout that is over leaves no trace.
    """
    spec = body.get("spec") or {}
    predictor = spec.get("predictor") or {}
    kept = {key: value for key, value in predictor.items() if key != "canaryTrafficPercent"}
    share = {} if percent == 100 else {"canaryTrafficPercent": percent}
    return {**body, "spec": {**spec, "predictor": {**kept, **share}}}


def _bare(url: str) -> str:
    """Return an address without a path: old KServe ended it with the model's own."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))
