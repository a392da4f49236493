"""What the registry knows of a version: where it comes from, how it was judged, why it is live."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from holdfast.registry.ledger import Record, champions, read_ledger
from holdfast.tracking import get_version, logged_model_id

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class Lineage:
    """One version; `origin` are hashes, commit and environment, `records` its lines of the ledger.

    `live` says that it is the champion that the last standing promotion made.
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
    live: bool

    def document(self) -> dict[str, Any]:
        """Return the same as JSON data."""
        return asdict(self)


def lineage_of(client: "MlflowClient", name: str, version: int) -> Lineage:
    """Collect what is known of a version.

    Raises:
        InputError: There is no such version.
    """
    found = get_version(client, name, version)
    logged = client.get_logged_model(logged_model_id(found))
    run = client.get_run(found.run_id).data if found.run_id else None
    # The metrics of the model itself: a run may hold those of several.
    metrics = {metric.key: metric.value for metric in logged.metrics or []}
    records = read_ledger(client, name)
    standing = champions(records)
    return Lineage(
        name=name,
        version=version,
        aliases=tuple(sorted(found.aliases)),
        created=int(found.creation_timestamp),
        run_id=found.run_id or "",
        origin={k: v for k, v in sorted(found.tags.items()) if k.startswith("holdfast.")},
        parameters=dict(sorted(run.params.items())) if run else {},
        metrics=dict(sorted(metrics.items())),
        records=tuple(r for r in records if version in (r.version, r.previous)),
        live=bool(standing) and standing[-1].version == version,
    )
