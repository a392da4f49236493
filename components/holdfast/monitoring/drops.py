"""Whether a metric has become worse than the reference, by how much, and as far as rows can tell.

A drop fails where it is large and certain: beyond the tolerance, and its interval holds no 0. Large
alone may be chance and warns; certain alone is what every large table shows, and passes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.errors import InputError
from holdfast.performance.bootstrap import Interval
from holdfast.performance.metrics import LOWER_IS_BETTER
from holdfast.verdict import Decision, Reason


@dataclass(frozen=True)
class Rule:
    """What counts as a drop: `tolerance` is relative to the reference's metric, 0.05 for 5 %."""

    metric: str
    tolerance: float = 0.05
    min_rows: int = 100
    confidence_level: float = 0.95

    def __post_init__(self) -> None:
        """Refuse what judges nothing.

        Raises:
            InputError: The tolerance is no share, or the rows are none.
        """
        if not 0 <= self.tolerance < 1:
            raise InputError(
                f"`tolerance` must be a share from 0 to below 1. Found: {self.tolerance}. The usual"
                f" one is 0.05, for 5 % of the reference's metric."
            )
        if self.min_rows < 2:
            raise InputError(
                f"`min_rows` must be at least 2. Found: {self.min_rows}. The usual one is 100."
            )


@dataclass(frozen=True)
class Drop:
    """A metric against the reference's.

    `worse` is the relative change, above 0 for the worse; `low` and `high` are the ends of its
    interval. `decision` is pass, warn or fail.
    """

    metric: str
    now: Interval
    reference: Interval
    worse: float
    low: float
    high: float
    decision: Decision

    @property
    def observed(self) -> str:
        """The metric with its interval, as text."""
        return f"{self.now.value:.6g} ({self.now.low:.6g} to {self.now.high:.6g})"

    @property
    def text(self) -> str:
        """How it has changed, in words."""
        known = self.reference.value
        word = "worse" if self.worse > 0 else "better"
        share = f"{100 * abs(self.worse):.3g} % {word}" if self.worse else "no different"
        return (
            f"{self.metric} is {self.observed}, {share} than the reference's {known:.6g} (between "
            f"{100 * self.low:.3g} % and {100 * self.high:.3g} %, above 0 for the worse)"
        )


def measure(now: Interval, reference: Interval, rule: Rule, windows: int = 1) -> Drop:
    """Return a drop, the interval of which is made of the two (MOVER, Zou & Donner 2008).

    Args:
        now: The metric of a window.
        reference: The metric of the reference.
        rule: What counts as a drop, and the confidence level of both intervals.
        windows: How many are judged: the level of each is Bonferroni's, so that all of them
            together are as unlikely to alarm without cause as a single one would be.
    """
    import math

    sign = 1.0 if rule.metric in LOWER_IS_BETTER else -1.0
    unit = abs(reference.value)
    wider = _wider(rule.confidence_level, windows)
    better, worse = sorted((sign * now.low, sign * now.high))
    before = sorted((sign * reference.low, sign * reference.high))
    change = sign * (now.value - reference.value)
    under = math.hypot(sign * now.value - better, before[1] - sign * reference.value) * wider
    above = math.hypot(worse - sign * now.value, sign * reference.value - before[0]) * wider
    # No share of 0 can be said: any change from it is beyond every tolerance.
    unit = unit if unit > 0 else max(abs(change), 1e-12)
    share, low, high = change / unit, (change - under) / unit, (change + above) / unit
    large, certain = share > rule.tolerance, low > 0
    decision: Decision = "fail" if large and certain else "warn" if large else "pass"
    return Drop(rule.metric, now, reference, share, low, high, decision)


def reason_of(drop: Drop, rule: Rule, subject: str, estimated: bool = False) -> Reason:
    """Return what a drop, or that there is none, says in a verdict."""
    codes = {"fail": "metric_dropped", "warn": "metric_may_have_dropped", "pass": "metric_holds"}
    limit = f"at most {100 * rule.tolerance:g} % worse than {drop.reference.value:.6g}"
    ends = {
        "fail": "beyond the tolerance and not by chance",
        "warn": "beyond the tolerance, but it may be chance",
        "pass": "within the tolerance",
    }
    kind = "The estimated " if estimated else "The "
    return Reason(
        code=("estimated_" if estimated else "") + codes[drop.decision],
        subject=subject,
        observed=drop.observed,
        expected=limit,
        message=f"{kind}{drop.text}: {ends[drop.decision]}.",
        effect="" if drop.decision == "pass" else drop.decision,
    )


def worst(decisions: Sequence[str]) -> Decision:
    """Return the worst of some decisions: pass where there are none."""
    if "fail" in decisions:
        return "fail"
    return "warn" if "warn" in decisions else "pass"


def _wider(confidence_level: float, windows: int) -> float:
    """Return the width of an interval of Bonferroni's level in units of the one of this level."""
    from scipy.stats import norm

    usual = norm.ppf((1 + confidence_level) / 2)
    return float(norm.ppf(1 - (1 - confidence_level) / (2 * max(1, windows))) / usual)
