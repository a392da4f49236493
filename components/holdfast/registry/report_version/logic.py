"""Tell what the registry knows of a version."""

import json
from datetime import UTC, datetime
from pathlib import Path

from holdfast.registry.lineage import Lineage, lineage_of
from holdfast.registry.record_page import FINDING, finding_row, moment
from holdfast.registry.records import CHAMPION
from holdfast.report import Paragraph, Report, Rows
from holdfast.tracking import check_name, find_version, tracking
from holdfast.writing import write_text


def find(model_name: str, version: int, alias: str) -> Lineage:
    """Return the lineage of a version, or of the one that carries an alias.

    Raises:
        InputError: There is no such model, version or alias.
        MachineError: MLflow does not answer.
    """
    check_name("model_name", model_name)
    with tracking() as client:
        found = find_version(client, model_name, str(version) if version else alias)
        return lineage_of(client, found)


def write_json(lineage: Lineage, path: str | Path) -> None:
    """Write the lineage as JSON."""
    text = json.dumps(lineage.document(), indent=2, ensure_ascii=False)
    write_text(path, text + "\n")


def report(lineage: Lineage) -> Report:
    """Return the page that says why a version is live, or why it is not."""
    records = tuple(
        (moment(r), r.kind, r.alias, r.version, r.previous or "none", r.state,
         r.evidence.get("decision", ""), r.reason)
        for r in reversed(lineage.records)
    )  # fmt: skip
    findings = tuple(
        (r.version, *finding_row(finding))
        for r in reversed(lineage.records)
        for finding in r.evidence.get("reasons", [])
    )
    origin = (("MLflow run", lineage.run_id), *lineage.origin.items())
    record = ("time", "kind", "alias", "to", "from", "state", "verdict", "reason")
    return Report(
        f"{lineage.name} version {lineage.version}",
        "",
        (
            Paragraph(_why(lineage)),
            Paragraph(_registered(lineage)),
            Rows("Promotions and rollbacks, the last one first", record, records),
            Rows("What they rest on", ("version", *FINDING), findings),
            Rows("Metrics", ("metric", "value"), tuple(lineage.metrics.items())),
            Rows("Origin", ("", "value"), tuple(row for row in origin if row[1])),
            Rows("Parameters", ("parameter", "value"), tuple(lineage.parameters.items())),
        ),
    )


def _registered(lineage: Lineage) -> str:
    made = f"{datetime.fromtimestamp(lineage.created / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    return f"Registered {made}; {', '.join(lineage.aliases) or 'no alias'}."


def _why(lineage: Lineage) -> str:
    """Return what a reader asks first: is it live, since when, and why."""
    now = {*lineage.live, *lineage.recorded}
    aliases = now or {record.alias for record in lineage.records} or {CHAMPION}
    return " ".join(_why_as(lineage, alias) for alias in sorted(aliases))


def _why_as(lineage: Lineage, alias: str) -> str:
    """Return the same of one alias; the champion's own needs no name."""
    name = "" if alias == CHAMPION else f" as {alias}"
    live, recorded = alias in lineage.live, alias in lineage.recorded
    by_hand = "the alias was moved by hand in MLflow, or by another program."
    done = [r for r in lineage.records if (r.state, r.alias) == ("done", alias)]
    came = [record for record in done if record.version == lineage.version]
    if live and not (recorded and came):
        return f"It is live{name}, but no record says why: {by_hand}"
    if live:
        last = came[-1]
        before = (
            f"in place of version {last.previous}" if last.previous else "as the first champion"
        )
        return f"It is live{name} since the {last.kind} of {moment(last)}, {before}: {last.reason}"
    if recorded:
        return f"It is not live{name}, though the ledger has it as the champion: {by_hand}"
    went = [record for record in done if record.previous == lineage.version]
    if not went:
        return f"It is not live{name}, and never was by the ledger."
    last = went[-1]
    return (
        f"It is not live{name} since the {last.kind} of {moment(last)}, to version "
        f"{last.version}: {last.reason}"
    )
