"""Statistics of a table as TFDV's proto, computed from Arrow batches.

Filled are the fields that schema inference and validation read: counts, missing values, range,
mean, standard deviation, zeros, distinct strings and their frequencies. Booleans count as 0 and 1
and times as whole seconds since 1970, both as INT; text is STRING.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0.statistics_pb2 import (
    CommonStatistics,
    DatasetFeatureStatistics,
    FeatureNameStatistics,
)

from holdfast.errors import InputError
from holdfast.table import Table

TOP_VALUES = 20
# TFDV keeps this many values in the histogram that domains are inferred from.
RANK_VALUES = 1000
WHOLE = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_date, pa.types.is_timestamp)
TEXT = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_time,
    pa.types.is_null,
)


class Accumulator(Protocol):
    """Takes in a column batch by batch, and describes it at the end."""

    def update(self, values: pa.Array) -> None:
        """Take in one batch."""

    def describe(self, feature: FeatureNameStatistics) -> None:
        """Write what was seen into the proto."""


def table_statistics(table: Table) -> DatasetFeatureStatistics:
    """Return the statistics of all columns of a table, read once and in batches."""
    return statistics(table.schema, table.batches())


def statistics(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> DatasetFeatureStatistics:
    """Return the statistics of all columns of a stream of batches."""
    columns = [_accumulator(column) for column in schema]
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        for column, values in zip(columns, batch.columns, strict=True):
            column.update(values)
    result = DatasetFeatureStatistics(num_examples=rows)
    for name, column in zip(schema.names, columns, strict=True):
        feature = result.features.add()
        feature.path.step.append(name)
        column.describe(feature)
    return result


def _accumulator(column: pa.Field) -> Accumulator:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Numbers(FeatureNameStatistics.FLOAT)
    if any(check(kind) for check in WHOLE):
        return Numbers(FeatureNameStatistics.INT)
    if any(check(kind) for check in TEXT):
        return Strings()
    raise InputError(
        f"`table` must hold numbers, booleans, dates, times and text. Found: column "
        f"{column.name!r} of type {kind}. Leave it out, or pass the table through ingest_table."
    )


class Numbers:
    """Moments and range, merged batch by batch (Chan, Golub and LeVeque 1979)."""

    def __init__(self, kind: "FeatureNameStatistics.Type") -> None:
        self.kind = kind
        self.present = self.missing = self.zeros = 0
        self.mean = self.squares = 0.0
        self.low, self.high = np.inf, -np.inf

    def update(self, values: pa.Array) -> None:
        """Take in one batch; NaN counts as missing, as in TFDV."""
        known = _as_numbers(values.drop_null()).to_numpy(zero_copy_only=False)
        if self.kind == FeatureNameStatistics.FLOAT:
            known = known[~np.isnan(known)].astype(np.float64)
        count = known.size
        self.missing += len(values) - count
        if not count:
            return
        mean = float(known.mean())
        shift = mean - self.mean
        total = self.present + count
        self.squares += float(np.square(known - mean).sum())
        self.squares += shift * shift * self.present * count / total
        self.mean += shift * count / total
        self.zeros += int(np.count_nonzero(known == 0))
        self.low = min(self.low, float(known.min()))
        self.high = max(self.high, float(known.max()))
        self.present = total

    def describe(self, feature: FeatureNameStatistics) -> None:
        """Write what was seen into the proto."""
        feature.type = self.kind
        _describe_presence(feature.num_stats.common_stats, self.present, self.missing)
        if self.present:
            numbers = feature.num_stats
            numbers.mean, numbers.num_zeros = self.mean, self.zeros
            numbers.std_dev = float(np.sqrt(self.squares / self.present))
            numbers.min, numbers.max = self.low, self.high


class Strings:
    """Distinct values and their frequencies."""

    def __init__(self) -> None:
        self.missing = 0
        self.counts: Counter[str] = Counter()

    def update(self, values: pa.Array) -> None:
        """Take in one batch."""
        self.missing += values.null_count
        values = values.cast(pa.string())
        for entry in pc.value_counts(values.drop_null()).to_pylist():
            self.counts[entry["values"]] += entry["counts"]

    def describe(self, feature: FeatureNameStatistics) -> None:
        """Write what was seen into the proto."""
        feature.type = FeatureNameStatistics.STRING
        present = self.counts.total()
        _describe_presence(feature.string_stats.common_stats, present, self.missing)
        if not present:
            return
        strings = feature.string_stats
        strings.unique = len(self.counts)
        length = sum(len(value.encode()) * count for value, count in self.counts.items())
        strings.avg_length = length / present
        # As in TFDV: among values of one frequency, the last of the alphabet comes first.
        ranked = sorted(self.counts.items(), key=lambda item: (item[1], item[0]), reverse=True)
        for rank, (value, count) in enumerate(ranked[:RANK_VALUES]):
            if rank < TOP_VALUES:
                strings.top_values.add(value=value, frequency=count)
            strings.rank_histogram.buckets.add(
                low_rank=rank, high_rank=rank, label=value, sample_count=count
            )


def _as_numbers(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        return _as_numbers(values.dictionary_decode())
    if pa.types.is_decimal(values.type):
        return values.cast(pa.float64())
    if pa.types.is_boolean(values.type):
        return values.cast(pa.int8())
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        seconds = values.cast(pa.timestamp("s", tz=getattr(values.type, "tz", None)), safe=False)
        return seconds.cast(pa.int64())
    return values


def _describe_presence(common: CommonStatistics, present: int, missing: int) -> None:
    """Each row of a flat table holds one value or none."""
    common.num_non_missing, common.num_missing = present, missing
    if present:
        common.min_num_values = common.max_num_values = 1
        common.avg_num_values, common.tot_num_values = 1, present
