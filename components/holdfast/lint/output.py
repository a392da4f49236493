"""A report as text for people, as JSON, and as SARIF for code scanning."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from holdfast import __version__
from holdfast.lint.engine import Report, Result
from holdfast.lint.findings import SEVERITIES
from holdfast.lint.rule import Rule
from holdfast.lint.rules import BY_ID, RULES

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def text(report: Report) -> str:
    """Return a report for people."""
    lines = []
    for result in report.open:
        finding = result.finding
        lines.append(
            f"{result.file}:{result.line}: {finding.rule} {finding.severity}: {finding.message}"
        )
        lines.append(f"    {finding.remedy}")
    return "".join(f"{_printable(line)}\n" for line in [*lines, _summary(report)])


def _printable(line: str) -> str:
    # Names come from files of others, and a terminal obeys what it is sent.
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)


def _summary(report: Report) -> str:
    counts = _counts(report)
    found = ", ".join(f"{n} {severity}{'s' * (n != 1)}" for severity, n in counts.items() if n)
    files = f"{len(report.files)} file{'s' * (len(report.files) != 1)}"
    accepted = len(report.results) - len(report.open)
    more = f", {accepted} suppressed" * bool(accepted)
    more += f", {report.skipped} not compiled by kfp and left out" * bool(report.skipped)
    return f"{files}: {found or 'nothing found'}{more}"


def _counts(report: Report) -> dict[str, int]:
    found = [result.finding.severity for result in report.open]
    return {severity: found.count(severity) for severity in reversed(SEVERITIES)}


def as_json(report: Report) -> str:
    """Return a report as one JSON document."""
    document = {
        "version": 1,
        "files": list(report.files),
        "summary": {
            **_counts(report),
            "suppressed": len(report.results) - len(report.open),
            "skipped": report.skipped,
        },
        "findings": [_entry(result) for result in report.results],
    }
    return json.dumps(document, indent=2) + "\n"


def _entry(result: Result) -> dict[str, Any]:
    finding = result.finding
    return {
        "file": result.file,
        "line": result.line,
        "rule": finding.rule,
        "name": BY_ID[finding.rule].name,
        "severity": finding.severity,
        "message": finding.message,
        "remedy": finding.remedy,
        "path": list(finding.path),
        "document": finding.document,
        "suppressed": result.accepted or None,
    }


def sarif(report: Report) -> str:
    """Return a report as SARIF 2.1.0 (OASIS, with errata 01)."""
    order = {rule.id: index for index, rule in enumerate(RULES)}
    run = {
        "tool": {
            "driver": {
                "name": "holdfast",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_descriptor(rule.id) for rule in RULES],
            }
        },
        "invocations": [{"executionSuccessful": True}],
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(result, order) for result in report.results],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _descriptor(id: str) -> dict[str, Any]:  # noqa: A002
    rule = BY_ID[id]
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.name.replace("-", " ")},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": rule.severity},
    }


def _sarif_result(result: Result, order: Mapping[str, int]) -> dict[str, Any]:
    finding = result.finding
    where = ".".join(str(key) for key in finding.path)
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(result.file)},
            "region": {"startLine": result.line},
        }
    }
    if where:
        location["logicalLocations"] = [{"fullyQualifiedName": where}]
    # The line is left out: what is the same finding must stay the same when lines move.
    same = "\0".join((finding.rule, result.file, str(finding.document), where))
    fingerprint = hashlib.sha256(same.encode("utf-8", "backslashreplace")).hexdigest()
    entry = {
        "ruleId": finding.rule,
        "ruleIndex": order[finding.rule],
        "level": finding.severity,
        "message": {"text": f"{finding.message}. {finding.remedy}"},
        "locations": [location],
        "partialFingerprints": {"place/v1": fingerprint},
    }
    if result.accepted:
        entry["suppressions"] = [
            {
                "kind": result.accepted_in,
                "status": "accepted",
                "justification": result.accepted,
            }
        ]
    return entry


def _uri(file: str) -> str:
    return Path(file).as_uri() if Path(file).is_absolute() else quote(file)


def rules(format: str) -> str:  # noqa: A002
    """Return the list of rules as text, or as JSON."""
    if format != "text":
        shown = [
            {"id": r.id, "name": r.name, "severity": r.severity, "why": r.why, "remedy": r.remedy}
            for r in RULES
        ]
        return json.dumps(shown, indent=2) + "\n"
    return "".join(_listed(rule) for rule in RULES)


def _listed(rule: Rule) -> str:
    where = " Not for a component's own YAML." * rule.of_tasks
    head = f"{rule.id} {rule.name} ({rule.severity})"
    return f"{head}\n    {rule.why}{where}\n    Remedy: {rule.remedy}\n"


FORMATS: Mapping[str, Callable[[Report], str]] = {"text": text, "json": as_json, "sarif": sarif}
