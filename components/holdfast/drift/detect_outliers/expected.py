"""How many outliers a table like the reference may hold."""

from dataclasses import dataclass

import numpy as np

# Standard deviations around the mean beyond which no count is looked for.
SPREAD = 15


@dataclass(frozen=True)
class Expected:
    """What is expected of a table like the reference: the mean count, and an interval of counts.

    Counts below `low`, and above `high`, come each with a chance of at most the p-value.
    """

    mean: float
    low: int
    high: int


def expected_count(rows: int, beyond: int, judged: int, p_value: float) -> Expected:
    """Return how many of some rows exceed a threshold by chance.

    Args:
        rows: Rows of the table.
        beyond: Places that the threshold leaves above itself, of `judged` + 1.
        judged: Scores that the threshold was taken from.
        p_value: Chance on either side of the interval.

    The count is beta-binomial: the share is Beta(beyond, judged + 1 - beyond) distributed (the
    threshold comes from a sample), and the rows are drawn with it.
    """
    from scipy.stats import betabinom

    law = betabinom(rows, beyond, judged + 1 - beyond)
    mean, width = float(law.mean()), SPREAD * float(law.std())
    first, last = max(0, int(mean - width)), min(rows, int(mean + width) + SPREAD)
    counts = np.arange(first, last + 1)
    below = np.cumsum(law.pmf(counts))
    low = int(counts[np.searchsorted(below, p_value)])
    high = int(counts[min(np.searchsorted(below, 1 - p_value), len(counts) - 1)])
    return Expected(mean, low, high)
