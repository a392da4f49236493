"""Promote a version to champion."""

from dataclasses import dataclass

from holdfast.errors import GateError, InputError
from holdfast.registry.ledger import Record, move, standing
from holdfast.registry.record_page import report
from holdfast.tracking import check_alias, check_name, tracking, version_of_alias
from holdfast.verdict import Verdict

__all__ = ["Wish", "promote", "report"]


@dataclass(frozen=True)
class Wish:
    """What is to be promoted; see the component's arguments."""

    model_name: str
    version: int = 0
    expected_champion: int = -1
    reason: str = ""
    alias: str = "champion"
    challenger: str = "challenger"


def promote(wish: Wish, verdict: Verdict) -> Record:
    """Move the champion's alias, and record why; of a second try, return the first one's record.

    Raises:
        GateError: The verdict does not allow it, or somebody else moved the alias first.
        InputError: There is no such version, or MLflow does not answer.
    """
    check_name("model_name", wish.model_name)
    check_alias("alias", wish.alias)
    if verdict.decision == "fail":
        reasons = " ".join(reason.message for reason in verdict.reasons[:3])
        raise GateError(f"{wish.model_name} is not promoted: its verdict is fail. {reasons}")
    with tracking() as client:
        version = wish.version or version_of_alias(client, wish.model_name, wish.challenger)
        if not version:
            raise InputError(
                f"`version` must name a version of {wish.model_name!r}, or {wish.challenger!r} be "
                f"the alias of one. Found: neither. Register a model first."
            )
        current = version_of_alias(client, wish.model_name, wish.alias)
        expected = current if wish.expected_champion < 0 else wish.expected_champion
        done = standing(client, wish.model_name, wish.alias, version)
        if done and wish.expected_champion in (-1, done.previous):
            return done
        reason = wish.reason or " ".join(reason.message for reason in verdict.reasons[:3])
        return move(
            client, wish.model_name, wish.alias, "promotion", version, expected, reason,
            {"decision": verdict.decision, "reasons": _brief(verdict)},
        )  # fmt: skip


def _brief(verdict: Verdict) -> list[dict[str, str]]:
    """Return the reasons as short as a tag needs them."""
    return [
        {"code": r.code, "subject": r.subject, "observed": r.observed[:100]}
        for r in verdict.reasons[:10]
    ]
