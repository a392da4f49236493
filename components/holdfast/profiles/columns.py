"""What a profile knows of one column, gathered batch by batch and merged part by part."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.profiles.sketches import DistinctCount, Draw, ValueSample, bits, mix

NO_COUNTS = pa.table({"value": pa.array([], pa.large_string()), "count": pa.array([], pa.int64())})
# Of equally frequent ones, the last by name first, as in TFDV.
MOST_FREQUENT_FIRST = [("count", "descending"), ("value", "descending")]
# Distinct strings are added up when this many have come together.
PENDING_VALUES = 65_536


class Column(Protocol):
    """Takes in a column batch by batch."""

    present: int
    missing: int

    @property
    def distinct(self) -> int:
        """How many distinct values there are."""

    @property
    def distinct_is_exact(self) -> bool:
        """Whether `distinct` was counted rather than estimated."""

    def update(self, values: pa.Array, rows: Draw) -> None:
        """Take in one batch."""

    def settle(self) -> None:
        """Work off what was put by, after the last batch."""


@dataclass
class NumberColumn:
    """Moments and range of numbers, a count of distinct ones and a sample.

    `squares` is the sum of squared deviations from the mean; batches are merged as in Chan, Golub
    and LeVeque 1979. With an infinite value they are NaN. `whole` tells whole numbers, booleans and
    times from fractions.
    """

    whole: bool
    sample: ValueSample
    present: int = 0
    missing: int = 0
    zeros: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = np.inf
    high: float = -np.inf
    hashes: DistinctCount = field(default_factory=DistinctCount)

    @property
    def distinct(self) -> int:
        """How many distinct values there are."""
        return min(self.hashes.count, self.present)

    @property
    def distinct_is_exact(self) -> bool:
        """Whether `distinct` was counted rather than estimated."""
        return self.hashes.exact

    @property
    def deviation(self) -> float:
        """The standard deviation of all values (not of a sample of a larger population)."""
        return float(np.sqrt(self.squares / self.present)) if self.present else 0.0

    @np.errstate(invalid="ignore", over="ignore")  # of infinite values
    def update(self, values: pa.Array, rows: Draw) -> None:
        """Take in one batch; NaN counts as missing, as in TFDV."""
        known = values.drop_null().to_numpy(zero_copy_only=False)
        numbers = known.astype(np.float64, copy=False)
        mean = float(numbers.mean()) if numbers.size else 0.0
        if np.isnan(mean) and np.isnan(numbers).any():
            known = numbers = numbers[~np.isnan(numbers)]
            mean = float(numbers.mean()) if numbers.size else 0.0
        self.missing += len(values) - numbers.size
        if not numbers.size:
            return
        self._merge_moments(numbers.size, mean, float(np.square(numbers - mean).sum()))
        self.zeros += numbers.size - int(np.count_nonzero(numbers))
        self.low = min(self.low, float(numbers.min()))
        self.high = max(self.high, float(numbers.max()))
        if self.hashes.exact:
            # Few distinct values may come many times: their hashes are wanted once.
            known = pc.unique(pa.array(known)).to_numpy(zero_copy_only=False)
        self.hashes.update(mix(bits(known)))
        self.sample.update(values, rows)

    def settle(self) -> None:
        """Work off what was put by, after the last batch."""
        self.sample.settle()

    def merge(self, other: "NumberColumn") -> None:
        """Take in what is known of other rows of the column."""
        self.missing += other.missing
        if other.present:
            self._merge_moments(other.present, other.mean, other.squares)
        self.zeros += other.zeros
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.hashes.update(other.hashes.hashes)
        self.sample.merge(other.sample)

    def _merge_moments(self, count: int, mean: float, squares: float) -> None:
        total = self.present + count
        # However the rows are cut into batches: inf - inf is NaN, too.
        shift = mean - self.mean if np.isfinite(mean) else np.nan
        self.squares += squares + shift * shift * self.present * count / total
        self.mean += shift * count / total
        self.present = total


@dataclass
class TextColumn:
    """Distinct strings and how often each occurs.

    Exact while they fit in `limit` bytes. Beyond, the rarest half is dropped as in Misra and Gries
    1982 (mergeable: Agarwal et al. 2012): a count is then too low by at most `undercount`, and the
    number of distinct values is estimated. Lengths are in bytes of UTF-8.
    """

    limit: int
    present: int = 0
    missing: int = 0
    length: int = 0
    shortest: int = 2**62
    longest: int = 0
    undercount: int = 0
    hashes: DistinctCount = field(default_factory=DistinctCount)
    _counts: pa.Table = field(default_factory=NO_COUNTS.slice)
    _pending: list[pa.Table] = field(default_factory=list)
    _pending_rows: int = 0

    @property
    def counts(self) -> pa.Table:
        """Columns `value` and `count`: the most frequent first, and of these the last by name."""
        return self._counts

    @property
    def distinct(self) -> int:
        """How many distinct values there are."""
        return self._counts.num_rows if self.distinct_is_exact else self.hashes.count

    @property
    def distinct_is_exact(self) -> bool:
        """Whether `distinct` was counted rather than estimated."""
        return self.undercount == 0

    def update(self, values: pa.Array, rows: Draw) -> None:  # noqa: ARG002  # text is not sampled
        """Take in one batch."""
        self.missing += values.null_count
        self.present += len(values) - values.null_count
        if len(values) == values.null_count:
            return
        known = values.drop_null().cast(pa.large_string())
        lengths = pc.binary_length(known)
        self.length += pc.sum(lengths).as_py()
        ends = pc.min_max(lengths).as_py()
        self.shortest, self.longest = (
            min(self.shortest, ends["min"]),
            max(self.longest, ends["max"]),
        )
        found = pc.value_counts(known)
        self._add(pa.table({"value": found.field(0), "count": found.field(1)}))

    def settle(self) -> None:
        """Work off what was put by, after the last batch."""
        self._add_up()
        self._counts = self._counts.sort_by(MOST_FREQUENT_FIRST)

    def merge(self, other: "TextColumn") -> None:
        """Take in what is known of other rows of the column."""
        self.present += other.present
        self.missing += other.missing
        self.length += other.length
        self.shortest = min(self.shortest, other.shortest)
        self.longest = max(self.longest, other.longest)
        if self.distinct_is_exact and not other.distinct_is_exact:
            self.hashes.update(_hashes(self._counts))
        self.hashes.update(other.hashes.hashes)
        self.undercount += other.undercount
        self._add(other.counts)
        self.settle()

    def _add(self, counts: pa.Table) -> None:
        if not self.distinct_is_exact:
            self.hashes.update(_hashes(counts))
        self._pending.append(counts)
        self._pending_rows += counts.num_rows
        if self._pending_rows >= max(PENDING_VALUES, self._counts.num_rows):
            self._add_up()

    def _add_up(self) -> None:
        if not self._pending:
            return
        both = pa.concat_tables([self._counts, *self._pending])
        summed = both.group_by("value", use_threads=False).aggregate([("count", "sum")])
        self._counts = summed.rename_columns(["value", "count"])
        self._pending, self._pending_rows = [], 0
        if self._counts.nbytes > self.limit:
            self._drop_the_rarest()

    def _drop_the_rarest(self) -> None:
        if self.distinct_is_exact:
            self.hashes.update(_hashes(self._counts))
        kept = self._counts.num_rows // 2
        ordered = self._counts.sort_by(MOST_FREQUENT_FIRST)
        taken = ordered["count"][kept].as_py()
        left = pc.subtract(ordered["count"], taken)
        # A copy: a slice would keep the whole of it in memory.
        enough = pc.greater(left, 0)
        self._counts = ordered.set_column(1, "count", left).filter(enough).combine_chunks()
        self.undercount += taken


def _hashes(counts: pa.Table) -> npt.NDArray[np.uint64]:
    """Return half of the MD5 of each string: DuckDB has it for whole columns."""
    import duckdb

    session = duckdb.connect()
    session.register("counts", counts.select(["value"]))
    found = session.sql("SELECT md5_number_lower(value) AS hash FROM counts").to_arrow_table()
    return found["hash"].to_numpy()


def quantiles(column: NumberColumn, shares: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the values below which the given shares of a column's values lie; NaN for none."""
    values = column.sample.values
    if not len(values):
        return np.full(np.shape(shares), np.nan)
    # Of the two values in the middle the upper one, as in TFDV.
    ranks = (np.asarray(shares) * len(values)).astype(np.int64)
    return values[np.minimum(ranks, len(values) - 1)]
