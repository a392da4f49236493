"""Promote a version to champion."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.errors import GateError
from holdfast.registry.ledger import (
    Move,
    carry_out,
    settled_records,
    standing_promotion,
)
from holdfast.registry.record_page import FINDING, report
from holdfast.registry.records import Record, check_key
from holdfast.tracking import check_alias, check_name, find_version, tracking, version_of_alias
from holdfast.verdict import Verdict, joined, read_verdict

__all__ = ["Promotion", "promote", "read_verdicts", "replaced", "report"]
# What older servers keep of a tag is 4,000 letters.
EVIDENCE_LETTERS, TEXT_LETTERS, MOST_FINDINGS = 3_900, 100, 50


@dataclass(frozen=True)
class Promotion:
    """What is to be promoted; see the component's arguments."""

    model_name: str
    version: int = 0
    expected_champion: int = -1
    reason: str = ""
    alias: str = "champion"
    challenger: str = "challenger"
    key: str = ""


def promote(promotion: Promotion, verdict: Verdict) -> Record:
    """Move the champion's alias, and record why; of a second try, return the first one's record.

    Raises:
        GateError: The verdict does not allow it, or somebody else moved the alias first.
        InputError: There is no such model or version.
        MachineError: MLflow does not answer.
    """
    check_name("model_name", promotion.model_name)
    check_alias("alias", promotion.alias)
    check_key(promotion.key)
    if verdict.decision == "fail":
        raise GateError(
            f"{promotion.model_name} is not promoted: its verdict is fail. {_messages(verdict)}"
        )
    with tracking() as client:
        wanted = str(promotion.version) if promotion.version else promotion.challenger
        version = int(find_version(client, promotion.model_name, wanted).version)
        records = settled_records(client, promotion.model_name, promotion.alias)
        current = version_of_alias(client, promotion.model_name, promotion.alias)
        done = standing_promotion(records, current) if current == version else None
        if done and (
            promotion.expected_champion < 0 or promotion.expected_champion == done.previous
        ):
            return done
        expected = current if promotion.expected_champion < 0 else promotion.expected_champion
        reason = promotion.reason or _messages(verdict) or f"Its verdict is {verdict.decision}."
        move = Move(
            promotion.model_name,
            promotion.alias,
            "promotion",
            version,
            expected,
            reason,
            _bundle(verdict, promotion.key),
        )
        return carry_out(client, move, records)


def read_verdicts(paths: Mapping[str, str]) -> Verdict:
    """Return the verdicts at the paths as one; an empty path is of one that is not given.

    Raises:
        InputError: One is no verdict.
    """
    found = {role: read_verdict(path) for role, path in paths.items() if path}
    return joined(found) if len(found) > 1 else found["verdict"]


def replaced(record: Record, key: str) -> int:
    """Return the version that lost the alias; 0 for none.

    Args:
        record: Of the promotion.
        key: What this call is for; 0 is returned, too, if the version was champion already by a
            promotion that was not. Empty for whichever it was for.
    """
    ours = record.evidence.get("key") == key and record.previous != record.version
    return record.previous if ours or not key else 0


def _messages(verdict: Verdict) -> str:
    return " ".join(reason.message for reason in verdict.reasons[:3])


def _bundle(verdict: Verdict, key: str) -> dict[str, Any]:
    """Return the decision and as many of its findings, cut short, as a tag holds."""
    findings = [
        {name: getattr(reason, name)[:TEXT_LETTERS] for name in FINDING}
        for reason in verdict.reasons[:MOST_FINDINGS]
    ]
    bundle: dict[str, Any] = {"decision": verdict.decision, "reasons": findings}
    if key:
        bundle["key"] = key
    while len(json.dumps(bundle)) > EVIDENCE_LETTERS:
        findings.pop()
    return bundle | {"left_out": len(verdict.reasons) - len(findings)}
