"""One check of a model: what was expected, what was observed, and what that does to the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from holdfast.evaluation.assess_robustness.subject import Answer
from holdfast.performance.bootstrap import Interval
from holdfast.verdict import Reason, Verdict

Outcome = Literal["fail", "warn", "pass"]
# A critical check is of what holds for any model; a major one of what data in service bring; a
# minor one of what a model may refuse.
Severity = Literal["critical", "major", "minor"]
ORDER = {"fail": 0, "warn": 1, "pass": 2}
SEVERITIES = {"critical": 0, "major": 1, "minor": 2}


@dataclass(frozen=True)
class Check:
    """One check; `drop` is that of the metric where the check measures one."""

    code: str
    subject: str
    severity: Severity
    outcome: Outcome
    observed: str
    expected: str
    drop: Interval | None = None
    level: float = 0.0

    def reason(self) -> Reason:
        """Return the check as the verdict has it."""
        said = f"{self.code} of {self.subject}: {self.observed}. Expected: {self.expected}."
        effect = "" if self.outcome == "pass" else self.outcome
        return Reason(self.code, self.subject, self.observed, self.expected, said, effect)


@dataclass(frozen=True)
class Limits:
    """What is tolerated, and what happens beyond it."""

    drop: float
    flips: float
    confidence_level: float
    beyond: Outcome


def invariant(code: str, subject: str, broken: str, held: str, expected: str) -> Check:
    """Return the check of what holds for any model: `broken` says how it does not."""
    return Check(code, subject, "critical", "fail" if broken else "pass", broken or held, expected)


def refusable(code: str, subject: str, answer: Answer, refused: bool, expected: str) -> Check:
    """Return the check of a frame that a model may refuse, but must not break at."""
    if refused:
        return Check(code, subject, "minor", "pass", f"refused by {answer.fault}", expected)
    outcome: Outcome = "fail" if answer.fault else "pass"
    return Check(code, subject, "minor", outcome, answer.fault or "finite answers", expected)


def faulty(code: str, subject: str, answer: Answer, limits: Limits) -> Check:
    """Return the check of rows which service may bring, and which had no good answer.

    A refusal stops a batch but misleads nobody, so it is what a drop is; anything else fails.
    """
    outcome = limits.beyond if answer.refused else "fail"
    observed = f"refused by {answer.fault}" if answer.refused else answer.fault
    return Check(code, subject, "major", outcome, observed, "a finite answer for each row")


def dropped(code: str, subject: str, metric: str, drop: Interval, limits: Limits) -> Check:
    """Return the check of a metric's drop: it is beyond what is tolerated if its interval is."""
    outcome = _beyond(drop, limits.drop, limits.beyond)
    observed = f"{metric} drop {_text(drop)}"
    expected = f"at most {limits.drop:.6g}"
    return Check(code, subject, "major", outcome, observed, expected, drop)


def flipped(code: str, subject: str, share: Interval, limits: Limits) -> Check:
    """Return the check of the share of answers that change."""
    outcome = _beyond(share, limits.flips, limits.beyond)
    observed = f"share of changed answers {_text(share)}"
    expected = f"at most {limits.flips:.6g}"
    return Check(code, subject, "major", outcome, observed, expected, share)


def _beyond(found: Interval, most: float, effect: Outcome) -> Outcome:
    if found.low > most:
        return effect
    return "pass" if found.high <= most else "warn"


def _text(found: Interval) -> str:
    value, low, high = (_short(end) for end in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


def _short(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.3g}"


def worst_first(checks: Sequence[Check]) -> list[Check]:
    """Return the checks, those that decide first."""

    def place(check: Check) -> tuple[int, int, float]:
        drop = check.drop.value if check.drop else 0.0
        return ORDER[check.outcome], SEVERITIES[check.severity], -drop

    return sorted(checks, key=place)


def decide(checks: Sequence[Check]) -> Verdict:
    """Return the verdict: the worst check decides."""
    bad = [check for check in worst_first(checks) if check.outcome != "pass"]
    if bad:
        return Verdict(bad[0].outcome, tuple(check.reason() for check in bad))
    reason = Reason(
        "robust",
        "model",
        f"{len(checks)} of {len(checks)} checks pass",
        "all checks pass",
        f"All {len(checks)} checks of robustness pass.",
    )
    return Verdict("pass", (reason,))
