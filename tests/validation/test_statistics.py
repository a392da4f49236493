"""Statistics worked out by hand, and the same however the rows are cut into batches."""

import datetime
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

from holdfast.table import open_table
from holdfast.validation.statistics import RANK_VALUES, TOP_VALUES, statistics, table_statistics


def describe(values, kind=None, rows_per_batch=None):
    """Return the statistics of one column, its rows cut into batches."""
    rows = pa.table({"x": pa.array(values, kind)})
    batches = rows.to_batches(max_chunksize=rows_per_batch)
    return statistics(rows.schema, batches).features[0]


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


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32()], ids=str)
@pytest.mark.parametrize("rows_per_batch", [1, 7, 1000])
def test_numbers_merged_over_batches_are_those_of_one_batch(kind, rows_per_batch):
    numbers = np.random.default_rng(0).normal(1000, 3, 10_000)
    values = pa.array(numbers).cast(kind, safe=False)
    merged, one = describe(values, rows_per_batch=rows_per_batch), describe(values)
    assert moments(merged) == pytest.approx(moments(one), rel=1e-12)
    assert presence(merged) == presence(one)


def test_single_precision_is_summed_in_double_precision():
    values = np.random.default_rng(0).normal(10_000, 1, 100_000).astype(np.float32)
    mean, deviation, *_ = moments(describe(pa.array(values)))
    exact = values.astype(np.float64)
    assert (mean, deviation) == pytest.approx((exact.mean(), exact.std()), rel=1e-12)


def test_text_merged_over_batches_is_that_of_one_batch():
    values = [f"v{n * n % 37}" if n % 11 else None for n in range(5000)]
    assert describe(values, rows_per_batch=13) == describe(values)


def test_a_table_is_described_column_by_column(table):
    described = table_statistics(table({"n": [1, 2], "s": ["x", None]}))
    assert described.num_examples == 2
    assert [list(feature.path.step) for feature in described.features] == [["n"], ["s"]]


def test_the_categorical_columns_of_another_team_are_text(tmp_path):
    labels = ["x", "y", "x", None]
    pq.write_table(pa.table({"x": pa.array(labels).dictionary_encode()}), tmp_path / "t.parquet")
    assert table_statistics(open_table(tmp_path / "t.parquet")).features[0] == describe(labels)


def test_the_decimals_of_another_team_are_numbers(tmp_path):
    column = pa.array([1, 2], pa.decimal128(4, 1))
    pq.write_table(pa.table({"x": column}), tmp_path / "t.parquet")
    assert table_statistics(open_table(tmp_path / "t.parquet")).features[0].num_stats.mean == 1.5
