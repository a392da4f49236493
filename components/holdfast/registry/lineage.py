"""What the registry knows of a version: where it comes from, how it was judged, why it is live."""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from holdfast.registry.files import logged_model_of
from holdfast.registry.records import CHAMPION, Record, read_ledger, succession

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import RunData
    from mlflow.entities.model_registry import ModelVersion


@dataclass(frozen=True)
class Lineage:
    """One version; `origin` are hashes, commit and environment, `records` its part of the ledger.

    `live` are the aliases of champions that it carries, `recorded` those that it should by the
    ledger; these differ where somebody moved an alias by hand. `created` is in milliseconds since
    1970.
    """

    name: str
    version: int
    aliases: tuple[str, ...]
    created: int
    run_id: str
    origin: dict[str, str]
    parameters: dict[str, str]
    metrics: dict[str, float]
    records: tuple[Record, ...]
    live: tuple[str, ...]
    recorded: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return the same as JSON data; what a metric has no number for is left out."""
        metrics = {name: value for name, value in self.metrics.items() if math.isfinite(value)}
        return asdict(self) | {"metrics": metrics}


def lineage_of(client: "MlflowClient", found: "ModelVersion") -> Lineage:
    """Collect what is known of a version."""
    name, version = str(found.name), int(found.version)
    run = client.get_run(found.run_id).data if found.run_id else None
    records = read_ledger(client, name)
    known = sorted({CHAMPION, *(record.alias for record in records)})
    lines = {alias: succession(r for r in records if r.alias == alias) for alias in known}
    return Lineage(
        name=name,
        version=version,
        aliases=tuple(sorted(found.aliases)),
        created=int(found.creation_timestamp),
        run_id=found.run_id or "",
        origin={k: v for k, v in sorted(found.tags.items()) if k.startswith("holdfast.")},
        parameters=dict(sorted(run.params.items())) if run else {},
        metrics=dict(sorted(_metrics(client, found, run).items())),
        records=tuple(r for r in records if version in (r.version, r.previous)),
        live=tuple(alias for alias in known if alias in found.aliases),
        recorded=tuple(alias for alias, line in lines.items() if line[-1:] == [version]),
    )


def _metrics(
    client: "MlflowClient", version: "ModelVersion", run: "RunData | None"
) -> dict[str, float]:
    """Return the metrics of the model itself: a run may hold those of several."""
    logged = logged_model_of(version)
    if not logged:
        return dict(run.metrics) if run else {}
    return {metric.key: metric.value for metric in client.get_logged_model(logged).metrics or []}
