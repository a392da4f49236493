"""How far a column has moved from its baseline."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.profiles.columns import NumberColumn, TextColumn, quantiles

# Above 0.25 a population is commonly said to have changed (Siddiqi, Credit Risk Scorecards, 2006).
USUAL_LIMIT = 0.25
# An empty bucket counts as this share of the values, or the logarithm would be infinite.
LEAST_SHARE = 1e-4
CATEGORIES = 100
# The standard normal distribution's quantile.
ONE_IN_A_THOUSAND = 3.0902


def population_stability_index(
    column: NumberColumn | TextColumn, baseline: NumberColumn | TextColumn
) -> float:
    """Return the population stability index of a column against its baseline: 0 for no change.

    Buckets are the deciles of the baseline's numbers, or its 100 most frequent strings and the
    rest; missing values are a bucket of their own. NaN where either has no rows, or one is of
    numbers and the other of text.
    """
    counts, expected = _buckets(column, baseline)
    if not counts.sum() or not expected.sum():
        return float("nan")
    now = np.maximum(counts / counts.sum(), LEAST_SHARE)
    before = np.maximum(expected / expected.sum(), LEAST_SHARE)
    return float(((now - before) * np.log(now / before)).sum())


def index_by_chance(
    column: NumberColumn | TextColumn, baseline: NumberColumn | TextColumn
) -> float:
    """Return the index that two tables of one population exceed by chance once in a thousand times.

    Scaled by the numbers of rows, the index is about chi-squared with a degree of freedom less than
    there are buckets (Yurdakul 2018); its quantile is Wilson and Hilferty's of 1931.
    """
    counts, expected = _buckets(column, baseline)
    freedom = np.count_nonzero(counts + expected) - 1
    if freedom < 1 or not counts.sum() or not expected.sum():
        return 0.0
    spread = 2 / (9 * freedom)
    quantile = freedom * (1 - spread + ONE_IN_A_THOUSAND * np.sqrt(spread)) ** 3
    return float(quantile * (1 / counts.sum() + 1 / expected.sum()))


def _buckets(
    column: NumberColumn | TextColumn, baseline: NumberColumn | TextColumn
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return how many rows of each lie in each bucket; none where they can't be compared."""
    if isinstance(column, NumberColumn) and isinstance(baseline, NumberColumn):
        edges = np.unique(quantiles(baseline, np.linspace(0.1, 0.9, 9)))
        return _between(column, edges), _between(baseline, edges)
    if isinstance(column, TextColumn) and isinstance(baseline, TextColumn):
        known = baseline.counts["value"].slice(0, CATEGORIES)
        return _each(column, known), _each(baseline, known)
    return np.zeros(0), np.zeros(0)


def _between(column: NumberColumn, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how many values lie between the edges, and how many are missing."""
    values = column.sample.values
    buckets = np.searchsorted(edges, values, side="left")
    counts = np.bincount(buckets, minlength=len(edges) + 1).astype(np.float64)
    return np.append(counts * (column.present / max(1, len(values))), column.missing)


def _each(column: TextColumn, known: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Return how often each known string occurs, how often another, and how many are missing."""
    places = pc.index_in(column.counts["value"], value_set=known)
    counts = np.zeros(len(known) + 2)
    numbers = column.counts["count"].to_numpy()
    found = ~places.is_null().to_numpy()
    np.add.at(counts, places.drop_null().to_numpy(), numbers[found])
    # What an inexact count has lost counts as other strings.
    counts[-2], counts[-1] = column.present - numbers[found].sum(), column.missing
    return counts
