"""How far a column has moved, from the profiles of all rows: effect sizes, not p-values."""

from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.drift.columns import Judged
from holdfast.profiles.columns import MOST_FREQUENT_FIRST, NumberColumn, TextColumn, quantiles
from holdfast.profiles.stability import CATEGORIES, population_stability_index

Column: TypeAlias = NumberColumn | TextColumn
Floats: TypeAlias = "npt.NDArray[np.float64]"
NONE = float("nan")
OTHERS = "all others"


@dataclass(frozen=True)
class Effect:
    """How far a column has moved from its reference; NaN where a measure does not apply.

    psi: Population stability index, over the reference's deciles or its 100 most frequent
        categories, missing values apart; 0 for no change.
    jensen_shannon: Jensen-Shannon distance over the same buckets, base 2: from 0
        for the same shares to 1 for disjoint ones (Lin 1991).
    wasserstein: Wasserstein distance of numbers in standard deviations of the reference.
    total_variation: Half the sum of the absolute changes of the categories' shares, 0 to 1.
    missing: Change of the share of missing values, -1 to 1.
    unseen: Share of values that the reference never had, of categories.
    beyond: Share of numbers outside the reference's range.
    """

    psi: float = NONE
    jensen_shannon: float = NONE
    wasserstein: float = NONE
    total_variation: float = NONE
    missing: float = NONE
    unseen: float = NONE
    beyond: float = NONE


MEASURES = tuple(field.name for field in fields(Effect))


@dataclass(frozen=True)
class Shares:
    """How many rows hold each of the values that either table has."""

    values: tuple[str, ...]
    before: Floats
    now: Floats


def effect_of(judged: Judged, column: Column, reference: Column) -> Effect:
    """Return how far a column has moved; both profiles must be of the same kind."""
    missing = share_missing(column) - share_missing(reference)
    if not column.present or not reference.present:
        return Effect(missing=missing)
    if judged.kind == "category":
        psi = population_stability_index(_as_text(column), _as_text(reference))
        shares = shares_of(column, reference)
        before, now = shares.before / shares.before.sum(), shares.now / shares.now.sum()
        return Effect(
            psi=psi,
            jensen_shannon=_jensen_shannon(before, now),
            total_variation=float(np.abs(before - now).sum() / 2),
            missing=missing,
            unseen=unseen_rows(column, reference) / column.present,
        )
    if not isinstance(column, NumberColumn) or not isinstance(reference, NumberColumn):
        return Effect(missing=missing)
    return Effect(
        psi=population_stability_index(column, reference),
        jensen_shannon=_jensen_shannon(*_deciles(column, reference)),
        wasserstein=_wasserstein(column, reference),
        missing=missing,
        beyond=beyond_rows(column, reference) / len(column.sample.values),
    )


def share_missing(column: Column) -> float:
    """Return the share of missing values, 0 of a column without rows."""
    return column.missing / max(1, column.missing + column.present)


def counts_of(column: Column) -> pa.Table:
    """Return the values as text with how often each occurs, the most frequent first.

    Of numbers, those in the profile's sample, counted in as many rows as there are.
    """
    if isinstance(column, TextColumn):
        return column.counts
    values, counts = np.unique(column.sample.values, return_counts=True)
    names = [as_text(value) for value in values.tolist()]
    rows = np.round(counts * (column.present / max(1, counts.sum()))).astype(np.int64)
    found = pa.table({"value": pa.array(names, pa.large_string()), "count": rows})
    return found.sort_by(MOST_FREQUENT_FIRST)


def as_text(value: float) -> str:
    """Return how a number that stands for a category is named: 1 and 1.0 are the same."""
    return f"{value:.15g}"


def shares_of(column: Column, reference: Column) -> Shares:
    """Return how many rows hold each value: the reference's most frequent first, new ones last.

    What comes after the 100th is one bucket of others.
    """
    before, now = counts_of(reference), counts_of(column)
    places = pc.index_in(now["value"], value_set=before["value"])
    new = now.filter(places.is_null())
    counts = np.zeros(before.num_rows + new.num_rows)
    counts[places.drop_null().to_numpy()] = now.filter(places.is_valid())["count"].to_numpy()
    counts[before.num_rows :] = new["count"].to_numpy()
    were = np.concatenate([before["count"].to_numpy(), np.zeros(new.num_rows)])
    values = [part["value"].slice(0, CATEGORIES).to_pylist() for part in (before, new)]
    names = tuple([*values[0], *values[1]][:CATEGORIES])
    if len(counts) <= CATEGORIES:
        return Shares(names, were, counts)
    return Shares((*names, OTHERS), _folded(were), _folded(counts))


def _folded(counts: Floats) -> Floats:
    return np.append(counts[:CATEGORIES], counts[CATEGORIES:].sum())


def unseen_rows(column: Column, reference: Column) -> float:
    """Return in how many rows a category is that the reference never had.

    NaN where the reference has too many distinct values for its profile to know them all.
    """
    if not knows_all(reference):
        return NONE
    before, now = counts_of(reference), counts_of(column)
    known = pc.is_in(now["value"], value_set=before["value"])
    return float(column.present - (pc.sum(now.filter(known)["count"]).as_py() or 0))


def knows_all(column: Column) -> bool:
    """Tell whether a profile holds all distinct values of a column."""
    if isinstance(column, TextColumn):
        return column.distinct_is_exact
    return column.distinct_is_exact and len(np.unique(column.sample.values)) == column.distinct


def beyond_rows(column: NumberColumn, reference: NumberColumn) -> int:
    """Return how many of the sampled values lie outside the reference's range."""
    values = column.sample.values
    inside = np.searchsorted(values, reference.high, "right") - np.searchsorted(
        values, reference.low, "left"
    )
    return len(values) - int(inside)


def decile_edges(reference: NumberColumn) -> Floats:
    """Return the distinct deciles of a column; both ends of them are open."""
    return np.unique(quantiles(reference, np.linspace(0.1, 0.9, 9)))


def _as_text(column: Column) -> TextColumn:
    """Return a column of numbers that stand for categories as one of text."""
    if isinstance(column, TextColumn):
        return column
    counts = counts_of(column)
    return TextColumn(counts.nbytes, column.present, column.missing, _counts=counts)


def _deciles(column: NumberColumn, reference: NumberColumn) -> tuple[Floats, Floats]:
    edges = decile_edges(reference)
    both = []
    for values in (reference.sample.values, column.sample.values):
        places = np.searchsorted(edges, values, side="left")
        both.append(np.bincount(places, minlength=len(edges) + 1) / len(values))
    return both[0], both[1]


def _jensen_shannon(before: Floats, now: Floats) -> float:
    from scipy.spatial.distance import jensenshannon

    distance = float(jensenshannon(before, now, base=2))
    # The root of a rounding error below 0.
    return 0.0 if np.isnan(distance) else distance


def _wasserstein(column: NumberColumn, reference: NumberColumn) -> float:
    """Return the distance of finite values in units of the reference's standard deviation."""
    from scipy.stats import wasserstein_distance

    now, before = (c.sample.values[np.isfinite(c.sample.values)] for c in (column, reference))
    spread = float(before.std()) if len(before) else 0.0
    if not len(now) or not spread or not np.isfinite(spread):
        return NONE
    if len(now) == len(before):
        # Both are in order: the same as below, ten times as fast.
        return float(np.abs(now - before).mean()) / spread
    return float(wasserstein_distance(now, before)) / spread
