"""A record of the ledger as a page."""

from holdfast.registry.records import Record
from holdfast.report import Paragraph, Report, Rows

FINDING = ("code", "subject", "observed", "expected")


def report(model_name: str, record: Record) -> Report:
    """Return what was done, and why."""
    done = f"{record.kind.capitalize()} of {model_name}: {record.alias} is version {record.version}"
    place = f"in place of version {record.previous}" if record.previous else "in place of none"
    evidence = record.evidence
    findings = tuple(finding_row(finding) for finding in evidence.get("reasons", []))
    blocks = (
        Paragraph(f"Since {moment(record)}, {place}: {record.reason}"),
        Rows("What it rests on", FINDING, findings),
    )
    return Report(done, evidence.get("decision", ""), blocks[: 2 if findings else 1])


def finding_row(finding: dict[str, str]) -> tuple[str, ...]:
    """Return a finding of a verdict as the row of a table."""
    return tuple(finding.get(name, "") for name in FINDING)


def moment(record: Record) -> str:
    """Return when it was, in UTC, as people write it."""
    return f"{record.time[:10]} {record.time[11:16]} UTC"


def sentence(reason: str) -> str:
    """Return what somebody wrote as a sentence, for another is to follow."""
    said = reason.strip()
    return said if said.endswith((".", "!", "?")) else f"{said}."
