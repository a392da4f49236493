"""Properties of effect sizes: their bounds, and what they do not depend on."""

import math
import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.drift.columns import Judged
from holdfast.drift.effects import effect_of
from holdfast.profiles.profile import profile_batches
from tests.properties import MODEST

NUMBERS = st.lists(st.none() | MODEST, min_size=1, max_size=60)
CATEGORIES = st.lists(st.none() | st.sampled_from("abcdef"), min_size=1, max_size=60)
COLUMNS = st.one_of(
    st.tuples(st.just("number"), NUMBERS, NUMBERS),
    st.tuples(st.just("category"), CATEGORIES, CATEGORIES),
)


def effect(kind, now, before):
    """Return the effect of one column, from its profiles."""
    found = []
    for values in (now, before):
        rows = pa.table({"x": pa.array(values, pa.float64() if kind == "number" else pa.string())})
        found.append(profile_batches(rows.schema, rows.to_batches()).columns["x"])
    return effect_of(Judged("x", "feature", kind, "double"), *found)


@given(COLUMNS)
def test_every_measure_is_within_its_bounds(drawn):
    found = effect(*drawn)
    for name, low, high in (
        ("psi", 0, math.inf), ("jensen_shannon", 0, 1), ("wasserstein", 0, math.inf),
        ("total_variation", 0, 1), ("missing", -1, 1), ("unseen", 0, 1), ("beyond", 0, 1),
    ):  # fmt: skip
        value = getattr(found, name)
        assert math.isnan(value) or low - 1e-9 <= value <= high + 1e-9, (name, value)


@given(COLUMNS)
def test_a_column_has_not_moved_from_itself(drawn):
    kind, column, _ = drawn
    found = effect(kind, column, column)
    for name in ("psi", "jensen_shannon", "wasserstein", "total_variation", "missing", "unseen",
                 "beyond"):  # fmt: skip
        value = getattr(found, name)
        assert math.isnan(value) or value == pytest.approx(0, abs=1e-9), name


@given(CATEGORIES, CATEGORIES)
def test_distances_of_categories_are_the_same_from_either_side(one, other):
    there, back = effect("category", one, other), effect("category", other, one)
    for name in ("jensen_shannon", "total_variation"):
        assert getattr(there, name) == pytest.approx(getattr(back, name), nan_ok=True)
    assert there.missing == pytest.approx(-back.missing)


@given(COLUMNS, st.integers(0, 100))
def test_the_order_of_rows_does_not_matter(drawn, seed):
    kind, now, before = drawn
    shuffled = [*now]
    random.Random(seed).shuffle(shuffled)
    one, other = effect(kind, now, before), effect(kind, shuffled, before)
    for name in vars(one):
        assert getattr(one, name) == pytest.approx(getattr(other, name), nan_ok=True), name


@given(CATEGORIES, CATEGORIES)
def test_total_variation_is_half_the_sum_of_the_changes_of_shares(now, before):
    found = effect("category", now, before)
    shares = [
        {c: [v for v in values if v].count(c) / max(1, sum(map(bool, values))) for c in "abcdef"}
        for values in (now, before)
    ]
    if any(now) and any(before):
        wanted = sum(abs(shares[0][c] - shares[1][c]) for c in "abcdef") / 2
        assert found.total_variation == pytest.approx(wanted)
        assert found.unseen == pytest.approx(
            sum(shares[0][c] for c in "abcdef" if not shares[1][c])
        )
