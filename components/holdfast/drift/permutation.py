"""How small the smallest p-value of a table becomes by chance (Westfall and Young 1993)."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = "npt.NDArray[np.float64]"

# A p-value of the table is at least 1 / 200; the level of the test is exact all the same.
DRAWS = 199
# Half a second of exchanges: rows times columns.
VALUES = 500_000
LEAST_ROWS = 2_000
GRID = 24


@dataclass(frozen=True)
class _Ranked:
    """A column of both samples together: each row's rank, and how many rows are up to each.

    `share` is `up_to` divided by the reference's rows.
    """

    ranks: "npt.NDArray[Any]"
    up_to: "npt.NDArray[Any]"
    share: Floats


def smallest_by_chance(
    reference: Floats, current: Floats, categories: "npt.NDArray[np.bool_]", seed: int
) -> Floats:
    """Return the smallest p-value of all columns for each of 199 random exchanges of rows.

    Args:
        reference: Rows as `encoding.encode` has them, rows x columns.
        current: The same of the other table.
        categories: Which columns hold codes of categories (chi-squared); the others are compared
            by Kolmogorov and Smirnov's statistic.
        seed: Seed of the exchanges.

    Rows change places between the samples as a whole. Larger samples are represented by some of
    their rows: with p-values, not statistics, to be compared, their number hardly matters.
    """
    generator = np.random.default_rng(seed)
    reference, current = _some(reference, current, generator)
    rows, size = len(reference) + len(current), len(current)
    columns = [_ranked(reference[:, n], current[:, n]) for n in range(reference.shape[1])]
    distances, p_values = np.zeros(DRAWS), np.ones(DRAWS)
    for draw in range(DRAWS):
        chosen = generator.choice(rows, size, replace=False, shuffle=False)
        for column, category in zip(columns, categories, strict=True):
            counts = np.bincount(column.ranks[chosen], minlength=len(column.up_to))
            if category:
                p_values[draw] = min(p_values[draw], _chi_squared(counts, column.up_to, size))
            else:
                distance = _distance(counts, column, size)
                distances[draw] = max(distances[draw], distance)
    return np.minimum(p_values, _kolmogorov(distances, rows - size, size))


def _some(
    reference: Floats, current: Floats, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return as many rows as can be dealt with, of the larger sample the fewer."""
    limit = max(LEAST_ROWS, VALUES // max(1, reference.shape[1]))
    size = min(len(current), max(limit // 2, limit - len(reference)))
    parts = []
    for rows, wanted in ((reference, limit - size), (current, size)):
        kept = rows
        if len(rows) > wanted:
            kept = rows[generator.choice(len(rows), wanted, replace=False, shuffle=False)]
        parts.append(kept)
    return parts[0], parts[1]


def _ranked(reference: Floats, current: Floats) -> _Ranked:
    values, ranks = np.unique(np.concatenate((reference, current)), return_inverse=True)
    counts = np.bincount(ranks, minlength=len(values))
    up_to = np.cumsum(counts)
    return _Ranked(ranks.astype(np.int32), up_to, up_to / len(reference))


def _distance(counts: "npt.NDArray[Any]", column: _Ranked, size: int) -> float:
    """Return the largest distance of the two distribution functions."""
    rows = int(column.up_to[-1])
    apart = np.cumsum(counts) * (1 / size + 1 / (rows - size))
    apart -= column.share
    return float(max(apart.max(), -apart.min()))


def _kolmogorov(distances: Floats, rows: int, size: int) -> Floats:
    """Return p-values as scipy.stats.ks_2samp(method="asymp") does.

    Its distribution takes 3 ms a value; the logarithm is all but linear in the distance's square.
    """
    from scipy.stats import kstwo

    grid = np.linspace(distances.min(), distances.max(), GRID)
    with np.errstate(divide="ignore"):
        known = np.log(kstwo.sf(grid, max(1, np.round(rows * size / (rows + size)))))
    return np.exp(np.interp(distances**2, grid**2, known))


def _chi_squared(counts: "npt.NDArray[Any]", up_to: "npt.NDArray[Any]", size: int) -> float:
    """Return the p-value as scipy.stats.chi2_contingency does, with Yates' correction for 2 x 2."""
    from scipy.special import chdtrc

    if len(counts) < 2:
        return 1.0
    rows = int(up_to[-1])
    totals = np.diff(up_to, prepend=0)
    off = np.abs(counts - totals * (size / rows))
    if len(counts) == 2:
        off = off - np.minimum(0.5, off)
    statistic = float((off**2 / totals).sum()) * (rows / size + rows / (rows - size))
    return float(chdtrc(len(counts) - 1, statistic))
