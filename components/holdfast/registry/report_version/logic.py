"""Tell what the registry knows of a version."""

import json
from datetime import UTC, datetime
from pathlib import Path

from holdfast.errors import InputError
from holdfast.registry.lineage import Lineage, lineage_of
from holdfast.registry.record_page import FINDING, finding_row, moment
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
    by_hand = "the alias was moved by hand in MLflow, or by another program."
    done = [record for record in lineage.records if record.state == "done"]
    came = [record for record in done if record.version == lineage.version]
    if lineage.live and not (lineage.recorded and came):
        return f"It is live, but no record says why: {by_hand}"
    if lineage.live:
        last = came[-1]
        before = (
            f"in place of version {last.previous}" if last.previous else "as the first champion"
        )
        return f"It is live since the {last.kind} of {moment(last)}, {before}: {last.reason}"
    if lineage.recorded:
        return f"It is not live, though the ledger has it as the champion: {by_hand}"
    went = [record for record in done if record.previous == lineage.version]
    if not went:
        return "It is not live, and never was by the ledger."
    last = went[-1]
    return (
        f"It is not live since the {last.kind} of {moment(last)}, to version {last.version}: "
        f"{last.reason}"
    )
