"""A record of the ledger as a page."""

from dataclasses import asdict

from holdfast.registry.ledger import Record
from holdfast.report import Report, Rows


def report(model_name: str, record: Record) -> Report:
    """Return what was done, and why."""
    facts = asdict(record) | {"evidence": record.evidence.get("decision", "none")}
    rows = tuple((name, str(value)) for name, value in facts.items())
    title = f"{record.kind.capitalize()} of {model_name} to version {record.version}"
    return Report(title, "", (Rows("Record", ("", "value"), rows),))
