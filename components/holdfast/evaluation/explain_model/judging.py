"""What an explanation says against a model."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.errors import InputError
from holdfast.evaluation.explain_model.importance import RMSE
from holdfast.verdict import Decision, Reason, Verdict

if TYPE_CHECKING:
    from holdfast.evaluation.explain_model.logic import Findings

# The worst effect decides.
EFFECTS: tuple[Decision, ...] = ("fail", "warn", "no_baseline")
SHOWN_MOVES = 3


@dataclass(frozen=True)
class Limits:
    """What is borne: `alone` of one column telling the target, `correlation` of importances.

    A column that tells the target alone as well as `alone`, or has that share of all importance,
    all but equals it. `correlation` is the rank correlation with the model before.
    """

    alone: float = 0.999
    correlation: float = 0.5

    def __post_init__(self) -> None:
        """Refuse limits that mean nothing.

        Raises:
            InputError: A limit is out of range.
        """
        if not self.alone > 0.5:
            raise InputError(
                f"`leak_at` must be above 0.5, what a coin tells. Found: {self.alone}. The usual "
                f"limit is 0.999; above 1 nothing is flagged."
            )
        if not -1 <= self.correlation <= 1:
            raise InputError(
                f"`min_stability` must be a rank correlation, -1 to 1. Found: "
                f"{self.correlation}. The usual limit is 0.5."
            )


def judge(findings: "Findings", had_previous: bool, limits: Limits) -> Verdict:
    """Return the verdict.

    Args:
        findings: What was found out.
        had_previous: Whether there was a model before, comparable or not.
        limits: What is borne.
    """
    reasons = [
        *_leaks(findings, limits.alone),
        *_accuracy(findings),
        *_stability(findings, had_previous, limits.correlation),
    ]
    found = {reason.effect for reason in reasons}
    decision: Decision = next((effect for effect in EFFECTS if effect in found), "pass")
    return Verdict(decision, tuple(reasons))


def _leaks(findings: "Findings", limit: float) -> list[Reason]:
    measure = "correlation" if findings.permuted.loss == RMSE else "ROC AUC"
    reasons = []
    for index in findings.order:
        name, told = findings.columns[index], float(findings.alone[index])
        share = float(findings.shares[index])
        if told >= limit:
            message = (
                f"alone tells the target with a {measure} of {told:.4f}, so it all but equals it. "
                f"If it is known only with or after the target, leave it out."
            )
            reasons.append(_leak("tells_target", "fail", name, told, limit, message))
        elif share >= limit and len(findings.columns) > 1:
            message = f"has {share:.2%} of all importance: the model rests on it alone."
            reasons.append(_leak("rests_on_one", "warn", name, share, limit, message))
    return reasons


def _leak(code: str, effect: str, name: str, found: float, limit: float, message: str) -> Reason:
    return Reason(
        code, name, f"{found:.6g}", f"below {limit:.6g}", f"The column {name!r} {message}", effect
    )


def _accuracy(findings: "Findings") -> list[Reason]:
    found = findings.attribution
    if found.accurate:
        return []
    return [
        Reason(
            "not_additive",
            "contributions",
            f"{found.gap:.6g}",
            "0, up to rounding",
            "Base value and contributions do not sum to the model's answers: do not use them.",
            "warn",
        )
    ]


def _stability(findings: "Findings", had_previous: bool, limit: float) -> list[Reason]:
    moves = findings.moves
    if moves is None:
        why = "reads columns that the test rows lack" if had_previous else "was not given"
        message = f"The model before {why}, so nothing is known of how importance moved."
        return [Reason("no_previous", "importance", "", "", message, "no_baseline")]
    if math.isnan(moves.correlation) or moves.correlation >= limit:
        return []
    movers = ", ".join(
        f"{name!r} ({before:.1%} to {now:.1%})" for name, now, before in moves.shares[:SHOWN_MOVES]
    )
    return [
        Reason(
            "importance_moved",
            "importance",
            f"{moves.correlation:.6g}",
            f"at least {limit:.6g}",
            f"The columns' importance has another order than in the model before: rank correlation "
            f"{moves.correlation:.3f}. Moved most: {movers}.",
            "warn",
        )
    ]
