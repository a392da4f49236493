"""What counts of rows can be by chance alone: each bound is exceeded once in a thousand times."""

from holdfast.drift.effects import counts_of, knows_all
from holdfast.profiles.columns import NumberColumn, TextColumn

RARE = 0.001


def missing_changed(
    column: NumberColumn | TextColumn, reference: NumberColumn | TextColumn
) -> bool:
    """Tell whether the shares of missing values differ by more than chance (Fisher's test)."""
    from scipy.stats import fisher_exact

    pair = [[c.missing, c.present] for c in (column, reference)]
    return bool(fisher_exact(pair)[1] < RARE)


def unseen_is_more(
    rows: float, column: NumberColumn | TextColumn, reference: NumberColumn | TextColumn
) -> bool:
    """Tell whether more rows hold a new category than the reference makes one expect.

    The share of values that a sample of the reference's size has not met is about the share of
    values that it met once (Good 1953); taken is an upper bound of the latter.
    """
    from scipy.stats import binom, chi2

    if not knows_all(reference) or not reference.present:
        return False
    counts = counts_of(reference)["count"].to_numpy()
    once = int((counts == 1).sum())
    # The upper end of an exact interval for a Poisson count (Garwood 1936).
    most = float(chi2.ppf(1 - RARE, 2 * (once + 1))) / 2
    share = min(1.0, most / reference.present)
    return bool(binom.sf(rows - 1, column.present, share) < RARE)


def beyond_is_more(rows: int, sampled: int, reference: NumberColumn) -> bool:
    """Tell whether more numbers lie beyond the reference's range than one would expect.

    What lies outside the range of so many values has a beta distribution (Wilks 1941).
    """
    from scipy.stats import beta, binom

    if not reference.present:
        return False
    share = float(beta.ppf(1 - RARE, 2, max(1, reference.present - 1)))
    return bool(binom.sf(rows - 1, sampled, share) < RARE)


def volume_changed(rows: int, expected: int) -> bool:
    """Tell whether a number of rows differs from the expected by more than a Poisson count does."""
    from scipy.stats import poisson

    tail = poisson.cdf(rows, expected) if rows < expected else poisson.sf(rows - 1, expected)
    return bool(tail < RARE / 2)
