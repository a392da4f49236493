"""What is gathered of one column, worked out by hand or compared with all of its values."""

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from holdfast.profiles.columns import TextColumn
from holdfast.profiles.sketches import draw
from tests.validation.profiles import column

# So few bytes that a stream of words does not fit.
TINY = 200_000


def test_moments_range_and_zeros():
    found = column([1.0, 2.0, 3.0, 4.0, None, 0.0])
    assert (found.present, found.missing, found.zeros) == (5, 1, 1)
    assert (found.mean, found.low, found.high) == (2, 0, 4)
    assert found.deviation == pytest.approx(math.sqrt(2), rel=1e-15)
    assert (found.distinct, found.distinct_is_exact) == (5, True)


@pytest.mark.parametrize("rows_per_batch", [1, 2, None])
@pytest.mark.parametrize("values", [[math.inf, 1.0, 2.0], [1.0, -math.inf, 2.0, math.inf]], ids=str)
def test_infinite_values_have_no_mean_and_no_deviation(values, rows_per_batch):
    found = column(values, None, rows_per_batch)
    assert math.isnan(found.mean)
    assert math.isnan(found.deviation)
    assert (found.present, found.missing, found.distinct) == (len(values), 0, len(values))
    assert (found.low, found.high) == (min(values), max(values))


@pytest.mark.filterwarnings("error")
def test_infinite_and_missing_values_do_not_warn():
    column([math.inf, -math.inf, math.nan, None, 1e308, -1e308])
    column([math.nan, None])


def test_nan_is_missing_even_beside_infinite_values():
    found = column([math.nan, math.inf, None, 1.0])
    assert (found.present, found.missing, found.distinct) == (2, 2, 2)


def test_large_whole_numbers_are_counted_as_they_are():
    found = column([2**53, 2**53 + 1, 2**53 + 1, 2**62, None])
    assert (found.distinct, found.present) == (3, 4)


def test_half_precision_is_a_number():
    found = column(np.array([1.5, 2.5, 1.5], np.float16))
    assert (found.mean, found.distinct, found.low, found.high) == (5.5 / 3, 2, 1.5, 2.5)


def test_a_million_distinct_numbers_are_estimated_within_five_percent():
    found = column(np.random.default_rng(0).normal(size=1_000_000), None, 100_000)
    assert not found.distinct_is_exact
    assert found.distinct == pytest.approx(1_000_000, rel=0.05)


def test_there_are_never_more_distinct_values_than_values():
    found = column(np.arange(5000))
    assert found.distinct <= 5000


def test_lengths_of_text_are_in_bytes():
    found = column(["é", "abc", "", None])
    assert (found.length, found.shortest, found.longest) == (5, 0, 3)


def test_text_in_bounds_is_counted_exactly():
    found = column(["b", "a", "b", None])
    assert found.counts.to_pylist() == [{"value": "b", "count": 2}, {"value": "a", "count": 1}]
    assert (found.distinct, found.distinct_is_exact, found.undercount) == (2, True, 0)


def words(seed, rows=300_000):
    """Return words that are the rarer the higher their number."""
    numbers = np.random.default_rng(seed).zipf(1.2, rows)
    return pa.array([f"word {n % 10**7}" for n in numbers])


def text(values, limit, rows_per_batch=10_000):
    found = TextColumn(limit)
    for start in range(0, len(values), rows_per_batch):
        found.update(values.slice(start, rows_per_batch), draw(0, 0, 0))
    found.settle()
    return found


def assert_bounded(found, values):
    """Require that counts are too low by at most the undercount, and the rest is about right."""
    exact = Counter(values.to_pylist())
    assert not found.distinct_is_exact
    assert found.present == len(values)
    counts = {row["value"]: row["count"] for row in found.counts.to_pylist()}
    assert all(0 < count <= exact[value] for value, count in counts.items())
    short = max(exact[value] - counts.get(value, 0) for value in exact)
    assert 0 < short <= found.undercount < 0.01 * len(values)
    assert found.distinct == pytest.approx(len(exact), rel=0.05)
    frequent = [value for value, _ in exact.most_common(5)]
    assert found.counts["value"][:5].to_pylist() == frequent


def test_text_out_of_bounds_is_counted_within_the_undercount():
    values = words(0)
    found = text(values, TINY)
    assert_bounded(found, values)
    assert found.counts.nbytes < 2 * TINY


@pytest.mark.parametrize("limits", [(TINY, TINY), (TINY, 10**9), (10**9, TINY)], ids=str)
def test_merged_text_is_counted_within_the_undercount_of_both(limits):
    one, other = words(1), words(2)
    found = text(one, limits[0])
    found.merge(text(other, limits[1]))
    assert_bounded(found, pa.concat_arrays([one, other]))


def test_text_that_is_exact_on_both_sides_merges_exactly():
    values = pa.array(["x", "y", "x", "é"])
    found = text(values, TINY)
    found.merge(text(values, TINY))
    assert found.distinct_is_exact
    assert found.counts.to_pylist()[0] == {"value": "x", "count": 4}
    assert found.distinct == 3


def test_of_names_that_all_differ_the_number_is_estimated():
    found = text(pa.array([f"person {n}" for n in range(100_000)]), TINY)
    assert found.distinct == pytest.approx(100_000, rel=0.05)
    assert found.undercount > 0
