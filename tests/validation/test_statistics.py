"""Statistics worked out by hand, and quantiles against all values."""

import datetime
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    DatasetFeatureStatisticsList,
    FeatureNameStatistics,
    Histogram,
)

from holdfast.profiles.profile import profile_table
from holdfast.table import open_table
from holdfast.validation.statistics import (
    RANK_VALUES,
    STATISTICS,
    TOP_VALUES,
    dataset_statistics,
    quantiles,
    table_statistics,
    write_profile,
)
from tests.validation.profiles import column, profiled

INFINITE = math.inf


def describe(values, kind=None, rows_per_batch=None):
    """Return the statistics of one column, its rows cut into batches."""
    profile = profiled({"x": pa.array(values, kind)}, rows_per_batch)
    return table_statistics(profile).features[0]


def buckets(feature, kind):
    """Return the buckets of a histogram of numbers."""
    (found,) = [each for each in feature.num_stats.histograms if each.type == kind]
    return [(b.low_value, b.high_value, b.sample_count) for b in found.buckets]


def moments(feature):
    numbers = feature.num_stats
    return numbers.mean, numbers.std_dev, numbers.min, numbers.max, numbers.num_zeros


def presence(feature):
    common = getattr(feature, feature.WhichOneof("stats")).common_stats
    return common.num_non_missing, common.num_missing


def test_whole_numbers():
    feature = describe([1, 2, 3, 4, None, 0])
    assert feature.type == FeatureNameStatistics.INT
    assert presence(feature) == (5, 1)
    assert moments(feature) == (2, pytest.approx(math.sqrt(2), rel=1e-15), 0, 4, 1)


def test_nan_counts_as_missing_and_minus_zero_as_zero():
    feature = describe([1.0, float("nan"), None, 3.0, 0.0, -0.0])
    assert feature.type == FeatureNameStatistics.FLOAT
    assert presence(feature) == (4, 2)
    assert moments(feature) == (1, pytest.approx(math.sqrt(1.5), rel=1e-15), 0, 3, 2)


def test_booleans_count_as_zero_and_one():
    feature = describe([True, False, None, True])
    assert feature.type == FeatureNameStatistics.INT
    assert presence(feature) == (3, 1)
    mean, deviation, low, high, zeros = moments(feature)
    assert (mean, deviation) == (pytest.approx(2 / 3), pytest.approx(math.sqrt(2) / 3))
    assert (low, high, zeros) == (0, 1, 1)


def test_dates_count_as_seconds_since_1970():
    feature = describe([datetime.date(1970, 1, 1), datetime.date(1970, 1, 3), None])
    assert feature.type == FeatureNameStatistics.INT
    assert presence(feature) == (2, 1)
    assert moments(feature) == (86_400, 86_400, 0, 172_800, 1)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_times_count_as_whole_seconds_in_every_unit(unit, zone):
    kind = pa.timestamp(unit, tz=zone)
    seconds = pa.array([10, 20], pa.timestamp("s", tz=zone)).cast(kind)
    assert moments(describe(seconds)) == (15, 5, 10, 20, 0)


def test_text_is_counted_and_ties_are_ranked_from_the_end_of_the_alphabet():
    feature = describe(["b", "a", "b", "a", "ccc", None, ""])
    strings = feature.string_stats
    assert feature.type == FeatureNameStatistics.STRING
    assert presence(feature) == (6, 1)
    assert strings.unique == 4
    assert strings.avg_length == pytest.approx(7 / 6)
    ranked = [("b", 2), ("a", 2), ("ccc", 1), ("", 1)]
    assert [(top.value, top.frequency) for top in strings.top_values] == ranked
    buckets = strings.rank_histogram.buckets
    assert [(bucket.label, bucket.sample_count) for bucket in buckets] == ranked
    assert [(bucket.low_rank, bucket.high_rank) for bucket in buckets] == [
        (rank, rank) for rank in range(4)
    ]


def test_the_length_of_text_is_counted_in_bytes():
    assert describe(["é", "ab", "abcde"]).string_stats.avg_length == 3


def test_long_rankings_are_cut_and_all_distinct_values_counted():
    strings = describe([f"{n:04}" for n in range(1500)]).string_stats
    assert strings.unique == 1500
    assert len(strings.top_values) == TOP_VALUES
    assert len(strings.rank_histogram.buckets) == RANK_VALUES
    assert strings.top_values[0].value == "1499"


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.date32()])
def test_a_column_without_values_is_all_missing(kind):
    assert presence(describe([None, None, None], kind)) == (0, 3)


def test_each_present_row_holds_one_value():
    common = describe([1, None, 3]).num_stats.common_stats
    assert (common.min_num_values, common.max_num_values, common.avg_num_values) == (1, 1, 1)
    assert common.tot_num_values == 2


def test_single_precision_is_summed_in_double_precision():
    values = np.random.default_rng(0).normal(10_000, 1, 100_000).astype(np.float32)
    mean, deviation, *_ = moments(describe(pa.array(values)))
    exact = values.astype(np.float64)
    assert (mean, deviation) == pytest.approx((exact.mean(), exact.std()), rel=1e-12)


def test_a_table_is_described_column_by_column(table):
    described = table_statistics(profile_table(table({"n": [1, 2], "s": ["x", None]})))
    assert described.num_examples == 2
    assert [list(feature.path.step) for feature in described.features] == [["n"], ["s"]]


def test_the_statistics_of_a_profile_are_written_with_it(tmp_path):
    profile = profiled({"x": [1, 2], "s": ["a", None]})
    write_profile(profile, tmp_path)
    read = DatasetFeatureStatisticsList.FromString((tmp_path / STATISTICS).read_bytes())
    assert read == dataset_statistics(profile)
    assert read.datasets[0] == table_statistics(profile)


def test_the_categorical_columns_of_another_team_are_text(tmp_path):
    labels = ["x", "y", "x", None]
    pq.write_table(pa.table({"x": pa.array(labels).dictionary_encode()}), tmp_path / "t.parquet")
    described = table_statistics(profile_table(open_table(tmp_path / "t.parquet")))
    assert described.features[0] == describe(labels)


def test_the_decimals_of_another_team_are_numbers(tmp_path):
    decimals = pa.array([1, 2], pa.decimal128(4, 1))
    pq.write_table(pa.table({"x": decimals}), tmp_path / "t.parquet")
    described = table_statistics(profile_table(open_table(tmp_path / "t.parquet")))
    assert described.features[0].num_stats.mean == 1.5


@pytest.mark.parametrize(
    ("values", "median"), [([3, 1, 2], 2), ([4, 1, 3, 2], 3), ([7], 7), ([None, 5, None], 5)]
)
def test_the_median_is_the_upper_one_of_two_in_the_middle(values, median):
    assert describe(values).num_stats.median == median


def test_quantiles_are_values_of_the_column():
    found = quantiles(column([10, 20, 30, 40]), [0, 0.24, 0.25, 0.5, 0.99, 1])
    assert found.tolist() == [10, 10, 20, 30, 40, 40]


def test_a_column_without_values_has_no_quantiles():
    assert np.isnan(quantiles(column([None], pa.int64()), [0.5, 1])).all()


def test_the_standard_histogram_has_ten_buckets_of_equal_width():
    found = buckets(describe([0, 1, 1, 2, 10, None]), Histogram.STANDARD)
    assert [(low, high) for low, high, _ in found] == [(n, n + 1) for n in range(10)]
    # The first holds both its bounds, the others the upper one.
    assert [count for *_, count in found] == [3, 1, 0, 0, 0, 0, 0, 0, 0, 1]


def test_a_constant_column_has_one_standard_bucket():
    assert buckets(describe([5, 5, None]), Histogram.STANDARD) == [(5, 5, 2)]


def test_infinite_values_have_standard_buckets_of_their_own():
    values = [1.0, 2.0, INFINITE, 11.0, -INFINITE, INFINITE]
    found = buckets(describe(values), Histogram.STANDARD)
    assert found[0] == (-INFINITE, -INFINITE, 1)
    assert found[1] == (1, 2, 2)
    assert found[10] == (10, 11, 1)
    assert found[11:] == [(INFINITE, INFINITE, 2)]


def test_a_column_of_infinite_values_alone_has_no_finite_bucket():
    found = buckets(describe([INFINITE, INFINITE, -INFINITE]), Histogram.STANDARD)
    assert found == [(-INFINITE, -INFINITE, 1), (INFINITE, INFINITE, 2)]


def test_the_widest_range_of_floats_has_buckets():
    found = buckets(describe([-1.7e308, 1.7e308, 0.0]), Histogram.STANDARD)
    assert [count for *_, count in found] == [1, 0, 0, 0, 1, 0, 0, 0, 0, 1]


def test_the_quantiles_histogram_has_ten_equally_full_buckets():
    found = buckets(describe(range(100)), Histogram.QUANTILES)
    assert [(low, high) for low, high, _ in found] == [
        *((n, n + 10) for n in range(0, 90, 10)),
        (90, 99),
    ]
    assert [count for *_, count in found] == [11, 10, 10, 10, 10, 10, 10, 10, 10, 9]


def test_quantile_buckets_with_one_upper_bound_share_its_values():
    """What TFDV 1.16.1 says of these values."""
    found = buckets(describe([1.0, 2.0, 3.0, 4.0, INFINITE, 0.0, 5.0, 6.0]), Histogram.QUANTILES)
    assert found == [
        (0, 0, 1), (0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 4, 0.5), (4, 4, 0.5), (4, 5, 1),
        (5, 6, 1), (6, INFINITE, 0.5), (INFINITE, INFINITE, 0.5),
    ]  # fmt: skip


def test_histograms_of_a_sample_reach_from_the_least_to_the_greatest_value():
    values = np.random.default_rng(0).normal(size=200_000)
    for kind in (Histogram.STANDARD, Histogram.QUANTILES):
        found = buckets(describe(values), kind)
        assert (found[0][0], found[-1][1]) == (values.min(), values.max())


def test_histograms_of_a_sample_are_scaled_to_all_values():
    values = np.random.default_rng(0).normal(size=200_000)
    feature = describe(values)
    for kind in (Histogram.STANDARD, Histogram.QUANTILES):
        assert sum(count for *_, count in buckets(feature, kind)) == pytest.approx(200_000)


LONG = np.random.default_rng(0)
MILLION = {
    "skewed": LONG.lognormal(0, 3, 1_000_000),
    "discrete": LONG.poisson(3, 1_000_000),
    "half missing": np.where(LONG.random(1_000_000) < 0.5, np.nan, LONG.normal(size=1_000_000)),
    "sorted": np.arange(1_000_000),
}


@pytest.mark.parametrize("name", MILLION)
def test_quantiles_of_a_million_values_are_within_one_percent_of_rank(name):
    shares = np.linspace(0, 1, 101)
    found = quantiles(column(MILLION[name], None, 100_000), shares)
    values = np.sort(MILLION[name][~np.isnan(MILLION[name])])
    below = np.searchsorted(values, found, side="left") / len(values)
    up_to = np.searchsorted(values, found, side="right") / len(values)
    assert (below <= shares + 0.01).all()
    assert (up_to >= shares - 0.01).all()
