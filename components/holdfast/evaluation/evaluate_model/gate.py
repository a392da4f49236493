"""The gate: whether a metric reaches its minimum, as far as the test rows can tell."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

from holdfast.errors import InputError
from holdfast.performance.bootstrap import Interval
from holdfast.performance.metrics import GATES, LOWER_IS_BETTER, make_scorer, undefined
from holdfast.performance.predictions import Predictions
from holdfast.verdict import Decision, Reason

# Where theory knows what a constant answer reaches.
CHANCE = {"roc_auc": 0.5, "r2": 0.0}
CODES = {"pass": "minimum_reached", "fail": "below_minimum", "warn": "undecided"}
LOWER_CODES = {"pass": "within_maximum", "fail": "above_maximum", "warn": "undecided"}
CHANCE_CODES = {"pass": "better_than_chance", "fail": "no_better_than_chance"}


@dataclass(frozen=True)
class Gate:
    """What the model must reach; below 0 for more than chance; the usual metric if empty."""

    metric: str = ""
    minimum: float = -1.0
    on_undecided: str = "warn"

    def __post_init__(self) -> None:
        """Refuse what is no decision.

        Raises:
            InputError: `on_undecided` is not pass, warn or fail.
        """
        if self.on_undecided not in ("pass", "warn", "fail"):
            raise InputError(
                f"`on_undecided` must be pass, warn or fail. Found: {self.on_undecided!r}. The "
                f"usual one is warn."
            )

    def metric_of(self, predicted: Predictions) -> str:
        """Return the metric of the gate.

        Raises:
            InputError: The metric does not fit the task.
        """
        possible = [m for m in GATES[predicted.task] if m not in undefined(predicted)]
        metric = self.metric or possible[0]
        if metric not in possible:
            raise InputError(
                f"`metric` must be one that {predicted.task} has here. Expected: one of "
                f"{possible}. Found: {metric!r}. Leave it out to use {possible[0]}."
            )
        return metric


@dataclass(frozen=True)
class Judgement:
    """What the gate decided, on which metric, and the limit that it held it against."""

    decision: Decision
    reason: Reason
    metric: str
    limit: float


def judge(
    predicted: Predictions, found: Mapping[str, Interval], gate: Gate, confidence_level: float
) -> Judgement:
    """Judge a metric by its interval.

    It passes where the whole interval reaches the limit and fails where none of it does; between
    the two the rows can't tell. Chance is another matter: a model that is not shown to beat a
    constant answer has shown nothing, and fails.

    Raises:
        InputError: The metric does not fit the task, or is not defined for these rows.
    """
    metric = gate.metric_of(predicted)
    if metric not in found:
        raise InputError(
            f"`test` must hold enough rows for {metric}: two of different target at least. Found: "
            f"too few or all alike. Pass a larger share."
        )
    interval = found[metric]
    by_chance = gate.minimum < 0
    limit = chance(predicted, metric) if by_chance else gate.minimum
    certain = decide(interval, limit, metric, by_chance)
    decision = gate.on_undecided if certain == "warn" else certain
    lower = metric in LOWER_IS_BETTER
    codes = CHANCE_CODES if by_chance else LOWER_CODES if lower else CODES
    reason = Reason(
        code=codes[certain],
        subject=metric,
        observed=f"{interval.value:.6g} ({interval.low:.6g} to {interval.high:.6g})",
        expected=_expected(limit, lower, by_chance),
        message=(
            f"{metric} on the test rows is {interval.value:.6g} ({100 * confidence_level:g} % "
            f"interval {interval.low:.6g} to {interval.high:.6g}), which "
            f"{_outcome(certain, limit, lower, by_chance)}."
        ),
        effect="" if decision == "pass" else decision,
    )
    return Judgement(_decision(decision), reason, metric, limit)


def decide(interval: Interval, limit: float, metric: str, by_chance: bool = False) -> str:
    """Return pass, fail, or warn where the interval lies on both sides of the limit."""
    low, high = interval.low, interval.high
    if metric in LOWER_IS_BETTER:
        low, high, limit = -high, -low, -limit
    if by_chance:
        return "pass" if low > limit else "fail"
    if low >= limit:
        return "pass"
    return "fail" if high < limit else "warn"


def chance(predicted: Predictions, metric: str) -> float:
    """Return what a constant answer reaches: the classes' shares, or the mean.

    Like scikit-learn's DummyClassifier(strategy="prior") and DummyRegressor, told by the test rows.
    """
    import numpy as np

    if metric in CHANCE:
        return CHANCE[metric]
    rows = predicted.rows
    if predicted.task == "regression":
        dull = replace(predicted, answers=np.full(rows, predicted.truth.mean()))
    else:
        shares = np.bincount(predicted.truth_codes, minlength=len(predicted.classes)) / rows
        labels = np.array(predicted.classes, dtype=predicted.answers.dtype)
        dull = replace(
            predicted,
            answers=np.full(rows, labels[shares.argmax()]),
            probabilities=np.broadcast_to(shares, (rows, len(shares))),
        )
    scorer = make_scorer(dull, (metric,))
    return float(dict(zip(scorer.names, scorer(), strict=True))[metric])


def _decision(text: str) -> Decision:
    return next(decision for decision in get_args(Decision) if decision == text)


def _expected(limit: float, lower: bool, by_chance: bool) -> str:
    if by_chance:
        return f"{'below' if lower else 'above'} {limit:.6g}"
    return f"at {'most' if lower else 'least'} {limit:.6g}"


def _outcome(certain: str, limit: float, lower: bool, by_chance: bool) -> str:
    if by_chance:
        shown = "is" if certain == "pass" else "is not shown to be"
        return f"{shown} better than chance: a constant answer has {limit:.6g}"
    words = {"pass": "reaches", "fail": "does not reach", "warn": "may or may not reach"}
    if lower:
        words = {"pass": "keeps to", "fail": "exceeds", "warn": "may or may not keep to"}
    return f"{words[certain]} the {'maximum' if lower else 'minimum'} of {limit:.6g}"
