"""What deploy_model tells people."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.deployment.inference_service import InferenceService
from holdfast.report import Paragraph, Report, Rows

if TYPE_CHECKING:
    from holdfast.deployment.deploy_model.logic import Deployment

ABSENT = "not set"
LETTERS = 200


@dataclass(frozen=True)
class Change:
    """A field that this step set to another value, or took away."""

    field: str
    before: str
    after: str


def changes(
    body: Mapping[str, Any], before: InferenceService | None, after: InferenceService
) -> tuple[Change, ...]:
    """Return which of the fields that this step manages have changed."""
    old = dict(_leaves(_wanted(before.document))) if before else {}
    new = dict(_leaves(_wanted(after.document)))
    managed = dict(_leaves(_wanted(body)))
    # What it no longer sends is gone from the object; what others set is not told of.
    fields = [f for f in new if f in managed or f not in old]
    fields += [f for f in old if f not in new]
    return tuple(
        Change(f, old.get(f, ABSENT), new.get(f, ABSENT))
        for f in fields
        if old.get(f) != new.get(f)
    )


def _wanted(document: Mapping[str, Any]) -> dict[str, Any]:
    metadata = document["metadata"]
    kept = {key: metadata.get(key) or {} for key in ("labels", "annotations")}
    return {"metadata": kept, "spec": document.get("spec") or {}}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of a document by their path; members of lists go by their name."""
    if isinstance(value, Mapping) and value:
        for key, more in value.items():
            yield from _leaves(more, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, more in enumerate(value):
            named = isinstance(more, Mapping) and more.get("name")
            yield from _leaves(more, f"{path}[{named or index}]")
    else:
        shown = value if isinstance(value, str) else json.dumps(value)
        yield path, shown[:LETTERS]


def report(deployment: "Deployment") -> Report:
    """Return the page."""
    source, body = deployment.source, deployment.body
    name = body["metadata"]["name"]
    verdict = deployment.verdict
    summary = f"{name} in namespace {deployment.namespace}: {deployment.action}."
    blocks: list[Any] = [Paragraph(summary)]
    blocks += [Paragraph(reason.message) for reason in verdict.reasons]
    facts = (
        ("model", f"{source.model_name}, version {source.version}"),
        ("MLflow run", source.run_id or "none"),
        ("storage", source.storage_uri),
        ("image", body["spec"]["predictor"]["containers"][0]["image"]),
    )
    blocks.append(Rows("Asked for", ("", ""), facts))
    service = deployment.service
    if service:
        conditions = tuple((c.kind, c.status, c.reason, c.message) for c in service.conditions)
        blocks.append(Rows("Deployed", ("", ""), _deployed(deployment, service)))
        blocks.append(Rows("Conditions", ("condition", "status", "reason", "message"), conditions))
    told = tuple((c.field, c.before, c.after) for c in deployment.changes)
    blocks.append(Rows("Changed fields", ("field", "before", "after"), told))
    return Report(f"Deployment of {source.model_name}", verdict.decision, tuple(blocks))


def _deployed(deployment: "Deployment", service: InferenceService) -> tuple[tuple[str, str], ...]:
    """Return what is there now; after the way back it is not what was asked for."""
    return (
        ("model version", service.annotations.get("holdfast/model-version", "not told")),
        ("url", deployment.url or "none yet"),
        ("url of the newest revision", deployment.canary_url or "none yet"),
        ("revision", deployment.revision or "none: no Knative"),
        *((f"traffic of {name}", f"{share} %") for name, share in service.traffic.items()),
    )
