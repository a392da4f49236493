"""Whether an estimate without labels can be trusted for these rows.

It rests on what held in the reference. Three things are looked at: whether rows have left the
reference; whether the estimate is right for the reference itself; and whether it would still be
right for the reference if its rows were as today's (weighted by one column at a time): by how much
it would not also widens the interval. What cannot be seen without labels is a target that has come
to depend otherwise on the same columns.
"""

import math
from dataclasses import dataclass, replace

from holdfast.errors import InputError
from holdfast.monitoring import covariates
from holdfast.monitoring.baseline import PerformanceBaseline
from holdfast.monitoring.covariates import Dependence
from holdfast.monitoring.drops import Rule
from holdfast.monitoring.estimate_performance.evidence import Evidence
from holdfast.performance.bootstrap import BOUNDED, Interval
from holdfast.verdict import Reason

MAX_NAMED = 5
# Of the tolerance: an estimate that may be wrong by as much can't tell a drop.
HALF = 0.5


@dataclass(frozen=True)
class Limits:
    """The share of rows outside of the reference up to which an estimate is trusted."""

    max_outside: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what is no share.

        Raises:
            InputError: The limit does not lie between 0 and 1.
        """
        if not 0 <= self.max_outside <= 1:
            raise InputError(
                f"`max_outside` must be a share from 0 to 1. Found: {self.max_outside}. "
                f"The usual one is 0.05."
            )


def doubts(
    evidence: Evidence, baseline: PerformanceBaseline, rule: Rule, limits: Limits, subject: str
) -> list[Reason]:
    """Return why the estimate of a window cannot be trusted; nothing if it can."""
    found = [*_left(evidence, baseline, limits, subject)]
    found += _depends(evidence, baseline, rule, subject)
    return found


def offsets(evidence: Evidence, baseline: PerformanceBaseline) -> list[Dependence]:
    """Return by how much the estimate would be off with today's shares of each column.

    Relative to the reference's accuracy or mean error; the likeliest to matter first.
    """
    unit = baseline.unit or 1.0
    pairs = zip(baseline.covariates, evidence.cells, strict=True)
    every = (covariates.dependence(column, counts) for column, counts in pairs)
    found = [replace(d, off=d.off / unit, deviation=d.deviation / unit) for d in every]
    return sorted(found, key=lambda d: -abs(d.likely))


def widened(found: dict[str, Interval], off: float) -> dict[str, Interval]:
    """Return intervals that also hold by how much the estimate may be off, in quadrature."""
    wider = {}
    for name, known in found.items():
        low = math.hypot(known.value - known.low, off * known.value)
        high = math.hypot(known.high - known.value, off * known.value)
        top = 1.0 if name in BOUNDED else math.inf
        ends = max(known.value - low, 0.0), min(known.value + high, top)
        wider[name] = Interval(known.value, *ends)
    return wider


def misses(baseline: PerformanceBaseline, rule: Rule) -> list[Reason]:
    """Return a doubt where the estimate is wrong for the reference itself."""
    known = baseline.metrics[rule.metric].value
    guess = baseline.estimated.get(rule.metric)
    if guess is None:
        return []
    off = abs(guess - known) / abs(known) if known else abs(guess)
    limit = HALF * rule.tolerance
    if off <= limit:
        return []
    return [
        Reason(
            code="estimate_misses_reference",
            subject=rule.metric,
            observed=f"{guess:.6g}",
            expected=f"{known:.6g}",
            message=f"The estimate of {rule.metric} for the reference itself is {guess:.6g}; "
            f"measured it is {known:.6g}. What is {100 * off:.2g} % off there says little here.",
            effect="warn",
        )
    ]


def _left(
    evidence: Evidence, baseline: PerformanceBaseline, limits: Limits, subject: str
) -> list[Reason]:
    share = evidence.left / max(1, evidence.rows)
    if share <= limits.max_outside:
        return []
    counts = zip(evidence.outside.tolist(), (c.name for c in baseline.covariates), strict=True)
    worst = sorted(((-count, name) for count, name in counts if count))[:MAX_NAMED]
    named = tuple(f"{name}: {100 * -count / evidence.rows:.3g} %" for count, name in worst)
    return [
        Reason(
            code="left_reference",
            subject=subject,
            observed=f"{100 * share:.3g} % of the rows",
            expected=f"at most {100 * limits.max_outside:g} %",
            message=f"{100 * share:.3g} % of the rows lie outside of what the reference has seen "
            f"({'; '.join(named)}): nothing is known of the model there.",
            effect="warn",
            share=share,
            examples=named,
        )
    ]


def _depends(
    evidence: Evidence, baseline: PerformanceBaseline, rule: Rule, subject: str
) -> list[Reason]:
    limit = HALF * rule.tolerance
    worst = [d for d in offsets(evidence, baseline) if abs(d.off) > limit and d.certain]
    if not worst:
        return []
    what = "accuracy" if baseline.calibrator else "mean error"
    named = "; ".join(f"{d.name}: {100 * d.off:+.2g} %" for d in worst[:MAX_NAMED])
    return [
        Reason(
            code="estimate_depends_on_shares",
            subject=subject,
            observed=named,
            expected=f"at most {100 * limit:g} %",
            message=f"With today's shares of its values the estimate of {what} would be off in the "
            f"reference itself ({named}): calibration holds for the mix of rows that it was "
            f"fitted on.",
            effect="warn",
        )
    ]
