"""Two models on the same rows: how far apart, and whether that may be chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.performance.bootstrap import Interval, Resampling, counts, ends_of
from holdfast.performance.metrics import (
    GATES,
    LOWER_IS_BETTER,
    make_scorer,
    placements,
    undefined,
)
from holdfast.performance.predictions import Predictions


@dataclass(frozen=True)
class Pair:
    """A metric of both models, and its difference: challenger less champion."""

    champion: float
    challenger: float
    difference: Interval

    def gain(self, metric: str) -> Interval:
        """Return the difference so that more is better."""
        d = self.difference
        return Interval(-d.value, -d.high, -d.low) if metric in LOWER_IS_BETTER else d


@dataclass(frozen=True)
class Test:
    """A test of the hypothesis that both models are as good as one another."""

    name: str
    subject: str
    statistic: str
    p_value: float


def compare(
    champion: Predictions, challenger: Predictions, how: Resampling, wanted: Sequence[str] = ()
) -> Mapping[str, Pair]:
    """Return both models' metrics and the intervals of their differences.

    Each draw takes the same rows for both models, so that what is hard for both cancels out. With
    `wanted`, other metrics are left out where that saves time.
    """
    import numpy as np

    metrics = wanted or GATES[champion.task]
    first, second = make_scorer(champion, metrics), make_scorer(challenger, metrics)
    sample = np.array([second(drawn) - first(drawn) for drawn in counts(champion.rows, how)])
    cannot = undefined(champion) | undefined(challenger)
    pairs = {}
    values = zip(first.names, first().tolist(), second().tolist(), sample.T, strict=True)
    for name, old, new, draws in values:
        ends = ends_of(draws, how.confidence_level)
        if name not in cannot and math.isfinite(old) and math.isfinite(new) and ends:
            pairs[name] = Pair(old, new, Interval(new - old, *ends))
    return pairs


def tests(champion: Predictions, challenger: Predictions) -> tuple[Test, ...]:
    """Return the tests that classical statistics has for two classifiers on the same rows."""
    if champion.task != "classification":
        return ()
    found = [mcnemar(champion, challenger)]
    if champion.binary and challenger.binary and len(set(champion.truth_codes.tolist())) == 2:
        found.append(delong(champion, challenger))
    return tuple(found)


def mcnemar(champion: Predictions, challenger: Predictions) -> Test:
    """Test whether one model is right more often, by the rows where just one of them is.

    McNemar 1947, Note on the sampling error of the difference between correlated proportions; the
    exact test by the binomial distribution.
    """
    from scipy.stats import binomtest

    old = champion.answer_codes == champion.truth_codes
    new = challenger.answer_codes == challenger.truth_codes
    only_new, only_old = int((new & ~old).sum()), int((old & ~new).sum())
    rows = only_new + only_old
    p_value = float(binomtest(only_new, rows).pvalue) if rows else 1.0
    statistic = f"only challenger right: {only_new}, only champion right: {only_old}"
    return Test("McNemar, exact", "accuracy", statistic, p_value)


def delong(champion: Predictions, challenger: Predictions) -> Test:
    """Test whether two areas under the ROC curve on the same rows differ.

    DeLong, DeLong & Clarke-Pearson 1988, Comparing the areas under two or more correlated receiver
    operating characteristic curves; by the fast algorithm of Sun & Xu 2014.
    """
    import numpy as np
    from scipy.stats import norm

    members = champion.truth_codes == 1
    gaps = [
        placements(predicted.probabilities[:, 1], members) for predicted in (challenger, champion)
    ]
    gap = gaps[0] - gaps[1]
    # Each class contributes the variance of its rows' placements.
    parts = [gap[members], gap[~members]]
    if min(len(part) for part in parts) < 2:
        return Test("DeLong", "roc_auc", "too few rows of a class", 1.0)
    variance = sum(float(part.var(ddof=1)) / len(part) for part in parts)
    difference = float(parts[0].mean())
    score = difference / np.sqrt(variance) if variance > 0 else 0.0
    if variance == 0 and difference != 0:
        score = math.copysign(math.inf, difference)
    low, high = (difference + sign * 1.959964 * math.sqrt(variance) for sign in (-1, 1))
    statistic = f"z = {score:.4g}; 95 % interval of the difference {low:.4g} to {high:.4g}"
    return Test("DeLong", "roc_auc", statistic, float(2 * norm.sf(abs(score))))
