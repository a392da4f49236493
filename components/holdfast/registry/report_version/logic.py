"""Tell what the registry knows of a version."""

import json
from datetime import UTC, datetime
from pathlib import Path

from holdfast.errors import InputError
from holdfast.registry.lineage import Lineage, lineage_of
from holdfast.report import Paragraph, Report, Rows
from holdfast.tracking import check_name, tracking, version_of_alias
from holdfast.writing import write_text


def find(model_name: str, version: int, alias: str) -> Lineage:
    """Return the lineage of a version, or of the one that carries an alias.

    Raises:
        InputError: There is no such version or alias, or MLflow does not answer.
    """
    check_name("model_name", model_name)
    with tracking() as client:
        number = version or version_of_alias(client, model_name, alias)
        if not number:
            raise InputError(
                f"`alias` must be carried by a version of {model_name!r}. Found: none has "
                f"{alias!r}. Promote a version first, or name one."
            )
        return lineage_of(client, model_name, number)


def write_json(lineage: Lineage, path: str | Path) -> None:
    """Write the lineage as JSON."""
    text = json.dumps(lineage.document(), indent=2, ensure_ascii=False)
    write_text(path, text + "\n")


def report(lineage: Lineage) -> Report:
    """Return the page that says why a version is live."""
    records = tuple(
        (r.time, r.kind, r.version, r.previous or "none", r.state, r.reason)
        for r in lineage.records
    )
    evidence = tuple(
        (r.version, e.get("code", ""), e.get("subject", ""), e.get("observed", ""))
        for r in lineage.records
        for e in r.evidence.get("reasons", [])
    )
    return Report(
        f"{lineage.name} version {lineage.version}",
        "",
        (
            Paragraph(_why(lineage)),
            Rows("Promotions", ("time", "kind", "to", "from", "state", "reason"), records),
            Rows("What they rest on", ("version", "code", "subject", "observed"), evidence),
            Rows("Metrics", ("metric", "value"), tuple(lineage.metrics.items())),
            Rows("Origin", ("", "value"), tuple(lineage.origin.items())),
            Rows("Parameters", ("parameter", "value"), tuple(lineage.parameters.items())),
        ),
    )


def _why(lineage: Lineage) -> str:
    made = f"{datetime.fromtimestamp(lineage.created / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    aliases = ", ".join(lineage.aliases) or "no alias"
    start = f"Registered {made}; {aliases}."
    if not lineage.live:
        return f"{start} It is not the champion."
    last = [r for r in lineage.records if r.state == "done" and r.version == lineage.version][-1]
    before = f"in place of version {last.previous}" if last.previous else "as the first champion"
    return f"{start} It is live since the {last.kind} of {last.time}, {before}: {last.reason}"
