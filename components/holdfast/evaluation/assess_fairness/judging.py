"""What is expected of groups, and what a finding does to the verdict."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from holdfast.performance.bootstrap import Interval
from holdfast.verdict import Decision, Reason, Verdict

Outcome = Literal["pass", "fail", "undecided", ""]

# What each metric is told from: measures of groups, whose largest difference or smallest ratio
# between two groups it is.
SPREADS: dict[str, tuple[str, ...]] = {
    "demographic_parity_difference": ("selection_rate",),
    "demographic_parity_ratio": ("selection_rate",),
    "equalized_odds_difference": ("true_positive_rate", "false_positive_rate"),
    "equalized_odds_ratio": ("true_positive_rate", "false_positive_rate"),
    "equal_opportunity_difference": ("true_positive_rate",),
    "equal_opportunity_ratio": ("true_positive_rate",),
    "false_positive_rate_difference": ("false_positive_rate",),
    "false_positive_rate_ratio": ("false_positive_rate",),
    "accuracy_difference": ("accuracy",),
    "calibration_difference": ("calibration_gap",),
    "mean_difference": ("mean_answer",),
    "mae_difference": ("mean_absolute_error",),
}
# Told of each group against the reference group, by its selection rate.
AGAINST = ("statistical_parity_difference", "disparate_impact")
REGRESSION = ("mean_difference", "mae_difference")
CLASSIFICATION = (*(name for name in SPREADS if name not in REGRESSION), *AGAINST)
USUAL_GATES = {
    "classification": (
        "demographic_parity_difference",
        "disparate_impact",
        "equal_opportunity_difference",
        "equalized_odds_difference",
    ),
    "regression": REGRESSION,
}
# The worst comes first.
ORDER = {"fail": 0, "undecided": 1, "pass": 2, "": 3}
EFFECTS: dict[str, str] = {"fail": "fail", "undecided": "warn", "pass": ""}
CODES = {"fail": "beyond_threshold", "undecided": "undecided", "pass": "within_threshold"}
SHOWN_GROUPS = 10


@dataclass(frozen=True)
class Limits:
    """What differences and ratios may be; differences in units of `unit`."""

    difference: float
    min_ratio: float
    max_ratio: float
    unit: float = 1.0

    def of(self, metric: str) -> tuple[float, float]:
        """Return the lowest and the highest value that a metric may have."""
        widest = self.difference * self.unit
        if metric == "disparate_impact":
            return self.min_ratio, self.max_ratio
        if metric.endswith("_ratio"):
            return self.min_ratio, math.inf
        return (-widest, widest) if metric in AGAINST else (-math.inf, widest)

    def text(self, metric: str) -> str:
        """Say what a metric may be."""
        low, high = self.of(metric)
        if math.isinf(low):
            return f"at most {high:.6g}"
        return f"at least {low:.6g}" if math.isinf(high) else f"{low:.6g} to {high:.6g}"


@dataclass(frozen=True)
class Finding:
    """A metric of a sensitive column, of all its groups or of one against the reference.

    `everyone` is the metric over all groups, small ones too, as fairlearn has it; `judged` is that
    of the groups with enough rows, None where fewer than two have. `outcome` is empty for a metric
    that decides nothing.
    """

    column: str
    metric: str
    group: str
    everyone: float
    judged: Interval | None
    expected: str
    outcome: Outcome

    @property
    def subject(self) -> str:
        """Say what the finding is of."""
        return f"{self.column}: {self.group}" if self.group else self.column

    @property
    def observed(self) -> str:
        """Return value and interval as text."""
        if self.judged is None or math.isnan(self.judged.value):
            return "not known"
        return f"{self.judged.value:.3g} [{self.judged.low:.3g}, {self.judged.high:.3g}]"

    def reason(self) -> Reason:
        """Return the finding as the verdict has it."""
        said = {
            "fail": "and all of its interval is beyond what is allowed",
            "undecided": "and its interval does not tell whether that is within what is allowed",
            "pass": "and all of its interval is within what is allowed",
        }[self.outcome]
        return Reason(
            CODES[self.outcome],
            self.subject,
            self.observed,
            self.expected,
            f"{self.metric} is {self.observed}, {said}: {self.expected}.",
            EFFECTS[self.outcome],
        )


def outcome(found: Interval | None, allowed: tuple[float, float]) -> Outcome:
    """Tell whether all of an interval, none of it or some of it is within what is allowed."""
    if found is None or math.isnan(found.value):
        return "undecided"
    if found.low > allowed[1] or found.high < allowed[0]:
        return "fail"
    return "pass" if allowed[0] <= found.low and found.high <= allowed[1] else "undecided"


def small_groups(column: str, base: str, small: Sequence[str], minimum: int) -> Reason:
    """Return the reason that names groups which are too small to be judged."""
    more = len(small) - SHOWN_GROUPS
    named = ", ".join(small[:SHOWN_GROUPS]) + (f" and {more} more" if more > 0 else "")
    return Reason(
        "small_group",
        column,
        named,
        f"at least {minimum} {base}",
        f"Groups with fewer than {minimum} {base} are not judged: {named}.",
        "warn",
    )


def one_group(column: str, label: str) -> Reason:
    """Return the reason for a column that has nothing to compare."""
    return Reason(
        "one_group",
        column,
        f"only {label}",
        "at least two groups",
        f"All rows are of one group, {label}: there is nothing to compare it with.",
        "no_baseline",
    )


def no_column() -> Verdict:
    """Return the verdict where no sensitive column is given."""
    reason = Reason(
        "no_sensitive_column",
        "sensitive",
        "none",
        "at least one column",
        "No sensitive column is given: whether the model is fair to groups is not known. Name "
        "columns of the test table, for example sensitive=['sex', 'race', 'sex,race'].",
        "no_baseline",
    )
    return Verdict("no_baseline", (reason,))


def decide(findings: Sequence[Finding], notes: Sequence[Reason]) -> Verdict:
    """Return the verdict: the worst reason decides, and comes first."""
    judged = [finding.reason() for finding in findings if finding.outcome]
    severity = {"fail": 0, "warn": 1, "no_baseline": 2, "": 3}
    reasons = sorted([*judged, *notes], key=lambda reason: severity[reason.effect])
    effects = {reason.effect for reason in reasons}
    decision: Decision = "no_baseline"
    if "fail" in effects:
        decision = "fail"
    elif "warn" in effects:
        decision = "warn"
    elif "" in effects:
        decision = "pass"
    return Verdict(decision, tuple(reasons))
