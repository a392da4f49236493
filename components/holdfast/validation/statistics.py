"""A profile as TFDV's statistics.

Histograms and quantiles come from the profile's sample (all values, where there are few enough);
everything else is exact. Mean and deviation of a column with an infinite value are NaN. Booleans
count as 0 and 1 and times as whole seconds since 1970, both as INT; text is STRING. A row of a flat
table holds one value of a column, or none.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    CommonStatistics,
    DatasetFeatureStatistics,
    DatasetFeatureStatisticsList,
    FeatureNameStatistics,
    Histogram,
)

from holdfast.profiles.columns import NumberColumn, TextColumn, quantiles
from holdfast.profiles.profile import Profile
from holdfast.writing import whole

STATISTICS = "FeatureStats.pb"
TOP_VALUES = 20
# TFDV keeps this many values in the histogram that domains are inferred from.
RANK_VALUES = 1000
# TFDV's default for each of its histograms.
BUCKETS = 10


def write_profile(profile: Profile, path: str | Path) -> None:
    """Write a profile's directory, TFDV's statistics among it: all of it or nothing."""
    statistics = dataset_statistics(profile).SerializeToString(deterministic=True)
    with whole(path) as unfinished:
        profile.write(unfinished)
        (unfinished / STATISTICS).write_bytes(statistics)


def dataset_statistics(profile: Profile) -> DatasetFeatureStatisticsList:
    """Return what `tfdv.generate_statistics_from_dataframe` and its like return."""
    return DatasetFeatureStatisticsList(datasets=[table_statistics(profile)])


def table_statistics(profile: Profile) -> DatasetFeatureStatistics:
    """Return the statistics of all columns of a profile."""
    result = DatasetFeatureStatistics(num_examples=profile.rows)
    for name, column in profile.columns.items():
        feature = result.features.add()
        feature.path.step.append(name)
        if isinstance(column, NumberColumn):
            _describe_numbers(feature, column)
        else:
            _describe_text(feature, column)
    return result


def bucket_counts(column: NumberColumn, edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return how many values lie in each bucket, scaled from the sample.

    The first bucket holds both its bounds, the others the upper one alone.
    """
    values = column.sample.values
    ranks = np.searchsorted(values, edges, side="right").astype(np.float64)
    ranks[:1] = np.searchsorted(values, edges[:1], side="left")
    return np.diff(ranks) * (column.present / max(1, len(values)))


def equal_width_edges(column: NumberColumn, buckets: int = BUCKETS) -> npt.NDArray[np.float64]:
    """Return the bounds of equally wide buckets over the finite values of a column."""
    finite = column.sample.values[np.isfinite(column.sample.values)]
    if not len(finite):
        return np.zeros(0)
    low = column.low if np.isfinite(column.low) else finite[0]
    high = column.high if np.isfinite(column.high) else finite[-1]
    # By halves: high - low may be more than the largest float.
    return 2 * np.linspace(low / 2, high / 2, buckets + 1) if low < high else np.array([low, high])


def _describe_numbers(feature: FeatureNameStatistics, column: NumberColumn) -> None:
    feature.type = FeatureNameStatistics.INT if column.whole else FeatureNameStatistics.FLOAT
    numbers = feature.num_stats
    _describe_presence(numbers.common_stats, column)
    if not column.present:
        return
    numbers.mean, numbers.std_dev = column.mean, column.deviation
    numbers.num_zeros = column.zeros
    numbers.min, numbers.max = column.low, column.high
    numbers.median = float(quantiles(column, 0.5))
    numbers.histograms.append(_standard_histogram(column))
    numbers.histograms.append(_quantiles_histogram(column))


def _describe_text(feature: FeatureNameStatistics, column: TextColumn) -> None:
    feature.type = FeatureNameStatistics.STRING
    strings = feature.string_stats
    _describe_presence(strings.common_stats, column)
    if not column.present:
        return
    strings.unique = column.distinct
    strings.avg_length = column.length / column.present
    for rank, entry in enumerate(column.counts.slice(0, RANK_VALUES).to_pylist()):
        value, count = entry["value"], entry["count"]
        if rank < TOP_VALUES:
            strings.top_values.add(value=value, frequency=count)
        strings.rank_histogram.buckets.add(
            low_rank=rank, high_rank=rank, label=value, sample_count=count
        )


def _describe_presence(common: CommonStatistics, column: NumberColumn | TextColumn) -> None:
    common.num_non_missing, common.num_missing = column.present, column.missing
    if column.present:
        common.min_num_values = common.max_num_values = 1
        common.avg_num_values, common.tot_num_values = 1, column.present
        edges, counts = np.ones(BUCKETS + 1), np.full(BUCKETS, column.present / BUCKETS)
        histogram = _histogram(Histogram.QUANTILES, edges, counts)
        common.num_values_histogram.CopyFrom(histogram)


def _standard_histogram(column: NumberColumn) -> Histogram:
    """Return equally wide buckets; infinite values have buckets of their own, as in TFDV."""
    edges = equal_width_edges(column)
    histogram = _histogram(Histogram.STANDARD, edges, bucket_counts(column, edges))
    for infinite in {-np.inf, np.inf} & {column.low, column.high}:
        (count,) = bucket_counts(column, np.array([infinite, infinite]))
        histogram.buckets.add(low_value=infinite, high_value=infinite, sample_count=count)
    histogram.buckets.sort(key=lambda bucket: bucket.low_value)
    return histogram


def _quantiles_histogram(column: NumberColumn) -> Histogram:
    """Return equally full buckets; those with one upper bound share its values, as in TFDV."""
    edges = quantiles(column, np.linspace(0, 1, BUCKETS + 1))
    edges[0], edges[-1] = column.low, column.high
    _, bound, sharing = np.unique(edges[1:], return_inverse=True, return_counts=True)
    counts = np.bincount(bound, bucket_counts(column, edges))[bound] / sharing[bound]
    return _histogram(Histogram.QUANTILES, edges, counts)


def _histogram(
    kind: "Histogram.HistogramType",
    edges: npt.NDArray[np.float64],
    counts: npt.NDArray[np.float64],
) -> Histogram:
    histogram = Histogram(type=kind)
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        histogram.buckets.add(low_value=low, high_value=high, sample_count=count)
    return histogram
