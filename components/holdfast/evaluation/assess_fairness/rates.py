"""Figures of groups, and how sure they are.

What a table of predictions says of groups are shares and means. The uncertainty of a share is
drawn from its counts alone, that of a mean from its variance: time and memory do not depend on the
rows. The draws of a share are of Beta(hits + 1/2, misses + 1/2), Jeffreys' interval, which is right
for small groups and for shares of 0 and 1, where resampled counts are too sure (Brown, Cai and
DasGupta 2001, "Interval Estimation for a Binomial Proportion").
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from holdfast.evaluation.groups import Groups
from holdfast.performance.bootstrap import Interval

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Integers: TypeAlias = npt.NDArray[np.int64]
    Booleans: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Measure:
    """A figure of each group.

    `values` are not a number where a group has no rows to tell it from; `base` are the rows that a
    value rests on, and `draws` has a row for each draw and a column for each group.
    """

    name: str
    values: "Floats"
    base: "Integers"
    draws: "Floats"

    def interval(self, group: int, confidence_level: float) -> Interval:
        """Return the interval of one group's figure."""
        return _interval(float(self.values[group]), self.draws[:, group], confidence_level)

    def of(self, groups: "Booleans") -> "Measure":
        """Return the same of some groups."""
        return Measure(self.name, self.values[groups], self.base[groups], self.draws[:, groups])


def shares(
    truth: "Booleans",
    answers: "Booleans",
    groups: Groups,
    n_resamples: int,
    random: np.random.Generator,
) -> dict[str, Measure]:
    """Return what fairlearn tells of each group from the counts of truth and answer."""
    from fairlearn.metrics import false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import accuracy_score

    told: dict[str, tuple[Callable[..., float], Booleans]] = {
        "selection_rate": (selection_rate, np.ones(4, bool)),
        "true_positive_rate": (true_positive_rate, np.array([False, False, True, True])),
        "false_positive_rate": (false_positive_rate, np.array([True, True, False, False])),
        "accuracy": (accuracy_score, np.ones(4, bool)),
    }
    cells = _cells(truth, answers, groups)
    result = {}
    for name, (tell, kept) in told.items():
        values = _by_group(tell, cells * kept)
        base = (cells * kept).sum(axis=1)
        result[name] = share(name, values, base, n_resamples, random)
    return result


def share(
    name: str, values: "Floats", base: "Integers", n_resamples: int, random: np.random.Generator
) -> Measure:
    """Return a measure of shares with its draws."""
    hits = np.nan_to_num(values) * base
    drawn = random.beta(hits + 0.5, base - hits + 0.5, (n_resamples, len(base)))
    return Measure(name, values, base, drawn)


def _cells(truth: "Booleans", answers: "Booleans", groups: Groups) -> "Integers":
    """Return the rows of each group by truth and answer: no/no, no/yes, yes/no, yes/yes."""
    codes = groups.codes * 4 + truth * 2 + answers
    return np.bincount(codes, minlength=4 * len(groups.labels)).reshape(-1, 4)


def _by_group(tell: Callable[..., float], cells: "Integers") -> "Floats":
    """Let fairlearn tell a rate of each group from the cells, which stand for the rows in them."""
    import pandas as pd
    from fairlearn.metrics import MetricFrame

    group, kind = np.nonzero(cells)
    values = np.full(len(cells), np.nan)
    if len(group):
        frame = MetricFrame(
            metrics=tell,
            y_true=(kind >= 2).astype(int),
            y_pred=kind % 2,
            # fairlearn squeezes an array of one row to none.
            sensitive_features=pd.Series(group),
            sample_params={"sample_weight": cells[group, kind]},
        )
        values[np.unique(group)] = frame.by_group.to_numpy(float)
    return values


def mean(
    name: str, of: "Floats", groups: Groups, n_resamples: int, random: np.random.Generator
) -> Measure:
    """Return the mean of a number in each group; it is drawn from Student's t."""
    base = groups.rows
    count = np.maximum(base, 1)
    values = np.bincount(groups.codes, of, len(base)) / count
    squares = np.bincount(groups.codes, (of - values[groups.codes]) ** 2, len(base))
    spread = np.sqrt(squares / np.maximum(base - 1, 1) / count)
    drawn = values + spread * random.standard_t(np.maximum(base - 1, 1), (n_resamples, len(base)))
    return Measure(name, values, base, drawn)


def widest(measures: Sequence[Measure]) -> float:
    """Return the largest difference between two groups, in any of the measures."""
    return max(float(np.ptp(measure.values)) for measure in measures)


def least(measures: Sequence[Measure]) -> float:
    """Return the smallest ratio between two groups, in any of the measures."""
    each = [_divided(float(m.values.min()), float(m.values.max())) for m in measures]
    # A ratio of zeros says nothing, and leaves the other one to tell.
    return float(np.fmin.reduce(each))


def difference(measures: Sequence[Measure], confidence_level: float) -> Interval:
    """Return the largest difference between two groups with its interval."""
    value = widest(measures)
    low, high = _largest([measure.draws for measure in measures], confidence_level)
    return Interval(value, min(low, value), max(high, value))


def ratio(measures: Sequence[Measure], confidence_level: float) -> Interval:
    """Return the smallest ratio between two groups with its interval."""
    value = least(measures)
    low, high = _largest([np.log(measure.draws) for measure in measures], confidence_level)
    return Interval(value, min(float(np.exp(-high)), value), max(float(np.exp(-low)), value))


def _divided(one: float, other: float) -> float:
    return one / other if other else float("nan")


def _largest(draws: Sequence["Floats"], confidence_level: float) -> tuple[float, float]:
    """Return an interval of the largest difference between two columns.

    The draws' own largest difference would be above the truth where groups are alike. So each pair
    has an interval. Above, one must hold: that of the pair which is truly farthest apart. Below,
    all must hold at once, for the pair is chosen by its difference; they are balanced (Beran 1988,
    "Balanced Simultaneous Confidence Sets"). For two groups this is the interval of their
    difference, cut at zero.
    """
    pairs = np.concatenate([_pairs(drawn) for drawn in draws])
    order = pairs.argsort(axis=1)
    rising = np.take_along_axis(pairs, order, axis=1)
    ranks = np.empty(order.shape, np.int32)
    last = pairs.shape[1] - 1
    np.put_along_axis(ranks, order, np.arange(last + 1, dtype=np.int32)[np.newaxis], axis=1)
    outermost = np.minimum(ranks, last - ranks).min(axis=0)
    doubt = 1 - confidence_level
    # One place further out: a new draw lies beyond the ends more often than those that made them.
    level = float(np.quantile(outermost, doubt)) / (last + 2)
    low = max(_at(rising, level).max(), -_at(rising, 1 - level).min())
    high = max(_at(rising, 1 - doubt / 2).max(), -_at(rising, doubt / 2).min())
    return max(0.0, float(low)), float(high)


def _pairs(drawn: "Floats") -> "Floats":
    """Return the differences of each two columns, a row for each pair."""
    one, other = np.triu_indices(drawn.shape[1], k=1)
    columns = np.ascontiguousarray(drawn.T)
    return columns[one] - columns[other]


def _at(rising: "Floats", level: float) -> "Floats":
    """Return a quantile of each row of sorted values, as numpy's "weibull" has it."""
    last = rising.shape[1] - 1
    place = min(max(level * (last + 2) - 1, 0.0), float(last))
    below = int(place)
    above = min(below + 1, last)
    return rising[:, below] + (place - below) * (rising[:, above] - rising[:, below])


def against(
    measure: Measure, group: int, reference: int, confidence_level: float
) -> tuple[Interval, Interval]:
    """Return difference and ratio of a group's figure to the reference group's."""
    one, other = float(measure.values[group]), float(measure.values[reference])
    drawn, base = measure.draws[:, group], measure.draws[:, reference]
    return (
        _interval(one - other, drawn - base, confidence_level),
        _interval(_divided(one, other), drawn / base, confidence_level),
    )


def theil(
    truth: "Booleans", answers: "Booleans", n_resamples: int, confidence_level: float, random: Any
) -> Interval:
    """Return the Theil index of the benefits that answers give: 0 where all get what is theirs.

    The benefit is 1 for a right answer, 2 for a wrong yes and 0 for a wrong no; the index is their
    generalised entropy of order 1 (Speicher et al. 2018, "A Unified Approach to Quantifying
    Algorithmic Unfairness").
    """
    benefits = np.bincount(1 + answers.astype(int) - truth, minlength=3)
    value = _entropy(benefits / benefits.sum())
    return _interval(
        float(value), _entropy(random.dirichlet(benefits + 0.5, n_resamples)), confidence_level
    )


def _entropy(part: "Floats") -> Any:
    right, over = part[..., 1], part[..., 2]
    average = right + 2 * over
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (right * np.log(1 / average) + 2 * over * np.log(2 / average)) / average
    return np.where(average > 0, value, np.nan)


def _interval(value: float, drawn: "Floats", confidence_level: float) -> Interval:
    ends = [(1 - confidence_level) / 2, (1 + confidence_level) / 2]
    low, high = np.quantile(drawn, ends, method="weibull")
    return Interval(value, min(float(low), value), max(float(high), value))
