"""Confidence intervals by the bootstrap (Efron 1979): rows are drawn again, with replacement.

A draw is a count of each row, in one byte; no draw outlives its metrics, so that memory does not
grow with the number of draws. The percentile interval (Efron 1981) takes its ends from the draws.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.errors import InputError
from holdfast.performance.metrics import GATES, LOWER_IS_BETTER, make_scorer, undefined
from holdfast.performance.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MIN_DRAWS = 20
# An interval of few draws that are defined would be one of the lucky ones.
MIN_DEFINED = 0.5
# Whose best value no draw from flawless rows can leave.
BOUNDED = frozenset(
    {"roc_auc", "average_precision", "accuracy", "balanced_accuracy", "precision", "recall", "f1"}
)


@dataclass(frozen=True)
class Resampling:
    """How often rows are drawn, the share of the draws that an interval holds, and the seed."""

    n_resamples: int = 500
    confidence_level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what gives no interval.

        Raises:
            InputError: Too few draws, a confidence level that is no share, or a negative seed.
        """
        if self.n_resamples < MIN_DRAWS:
            raise InputError(
                f"`n_resamples` must be at least {MIN_DRAWS}. Found: {self.n_resamples}. "
                f"Use 200 or more; the ends of an interval of few draws are chance."
            )
        if not 0 < self.confidence_level < 1:
            raise InputError(
                f"`confidence_level` must lie between 0 and 1. Found: {self.confidence_level}. "
                f"The usual one is 0.95."
            )
        if self.seed < 0:
            raise InputError(f"`seed` must be 0 or more. Found: {self.seed}. Use any whole number.")


@dataclass(frozen=True)
class Interval:
    """A value, and the ends of its confidence interval."""

    value: float
    low: float
    high: float


def counts(rows: int, how: Resampling) -> "Iterator[npt.NDArray[np.uint8]]":
    """Yield how often each row is drawn, draw by draw; the same for the same rows and seed."""
    import numpy as np

    generator = np.random.default_rng(how.seed)
    for _ in range(how.n_resamples):
        drawn = generator.integers(0, rows, rows, dtype=np.uint32)
        # No row is drawn 256 times: chance is below 1 in 256 factorial. Bytes stay in the cache.
        yield np.bincount(drawn, minlength=rows).astype(np.uint8)


def intervals(
    predicted: Predictions, how: Resampling, wanted: Sequence[str] = ()
) -> dict[str, Interval]:
    """Return the interval of each metric that may gate and is defined for these rows.

    Args:
        predicted: Truth and answers.
        how: Resamples, confidence level and seed.
        wanted: The metrics that are wanted; all that may gate if empty.
    """
    import numpy as np

    wanted = wanted or GATES[predicted.task]
    scorer = make_scorer(predicted, wanted)
    possible = set(wanted) - undefined(predicted)
    sample = np.array([scorer(drawn) for drawn in counts(predicted.rows, how)])
    found = {}
    for name, value, draws in zip(scorer.names, scorer().tolist(), sample.T, strict=True):
        ends = ends_of(draws, how.confidence_level)
        if name in possible and math.isfinite(value) and ends is not None:
            found[name] = _widened(Interval(value, *ends), name, predicted, how.confidence_level)
    return found


def ends_of(
    draws: "npt.NDArray[np.float64]", confidence_level: float
) -> tuple[float, float] | None:
    """Return the ends of the percentile interval; None where most draws have no value."""
    import numpy as np

    defined = draws[np.isfinite(draws)]
    if len(defined) < MIN_DEFINED * len(draws):
        return None
    # "weibull" expects a new draw below the k-th of n with the chance k / (n + 1).
    tail = (1 - confidence_level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail], method="weibull")
    return float(low), float(high)


def _widened(
    interval: Interval, name: str, predicted: Predictions, confidence_level: float
) -> Interval:
    """Open an interval that has no width because the rows are flawless, or all wrong.

    Where n of n are right, a share below tail ** (1 / n) would be an accident (Clopper & Pearson
    1934; Hanley & Lippman-Hand 1983, If nothing goes wrong, is everything all right?). What weighs
    the classes alike has the rows of its smallest class for n.
    """
    import numpy as np

    if interval.low != interval.high or name not in BOUNDED:
        return interval
    rows = predicted.rows
    if name != "accuracy":
        sizes = np.bincount(predicted.truth_codes)
        rows = int(sizes[sizes > 0].min())
    edge = ((1 - confidence_level) / 2) ** (1 / rows)
    if interval.value >= 1:
        return Interval(interval.value, edge, interval.high)
    return Interval(interval.value, interval.low, max(interval.high, 1 - edge))


def better(first: float, second: float, metric: str) -> bool:
    """Tell whether the first value is the better one."""
    return first < second if metric in LOWER_IS_BETTER else first > second
