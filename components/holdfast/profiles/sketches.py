"""Small summaries of a stream of values that can be merged, and are the same for the same values.

Apache DataSketches would be the library for this; its quantile sketches draw unseeded random
numbers, so that two runs differ, and its distinct counts take values one by one from Python.
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes: TypeAlias = "npt.NDArray[np.uint64]"
Numbers: TypeAlias = "npt.NDArray[np.float64]"

ALL = np.uint64(2**64 - 1)
# The relative standard error of a count estimated from k hashes is 1 / sqrt(k - 2): 1.6 %.
KEPT_HASHES = 4096


def mix(keys: Hashes) -> Hashes:
    """Return a well-mixed 64-bit hash of each key (the finalizer of SplitMix64, Steele 2014)."""
    mixed = keys + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


@dataclass
class DistinctCount:
    """How many distinct hashes a stream holds, from the k smallest of them.

    Exact below k, then the estimate (k - 1) / (the k-th smallest as a share of all hashes) of
    Bar-Yossef et al. 2002 in the form of Beyer et al. 2007. Merging loses nothing.
    """

    hashes: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))

    @property
    def exact(self) -> bool:
        """Whether every distinct hash is held."""
        return len(self.hashes) < KEPT_HASHES

    @property
    def count(self) -> int:
        """The number of distinct values, estimated where it is not exact."""
        if self.exact:
            return len(self.hashes)
        return round((KEPT_HASHES - 1) * 2.0**64 / float(self.hashes[-1]))

    def update(self, hashes: Hashes) -> None:
        """Take in hashes, in any order and with repetitions."""
        if not self.exact:
            hashes = hashes[hashes < self.hashes[-1]]
        if len(hashes):
            # np.unique takes five times as long.
            both = np.sort(np.concatenate((self.hashes, hashes)))
            first = np.append(True, both[1:] != both[:-1])
            self.hashes = both[first][:KEPT_HASHES].copy()


@dataclass(frozen=True)
class Draw:
    """The random priorities of the rows of a batch; `below` gives the rows with small ones."""

    priorities: Hashes
    # Columns without missing values ask for the same rows.
    found: dict[int, npt.NDArray[np.int64]] = field(default_factory=dict)

    def below(self, limit: np.uint64) -> npt.NDArray[np.int64]:
        """Return the positions of the rows whose priority is not above a limit."""
        if int(limit) not in self.found:
            self.found[int(limit)] = np.flatnonzero(self.priorities <= limit)
        return self.found[int(limit)]


def draw(first_row: int, rows: int, seed: int) -> Draw:
    """Return the priorities of rows: a row's depends on its number and the seed alone."""
    numbers = np.arange(first_row, first_row + rows, dtype=np.uint64)
    return Draw(mix(numbers ^ mix(np.array([seed], np.uint64))))


@dataclass
class ValueSample:
    """A uniform sample of a column's values: those of the rows of smallest random priority.

    All values where there are at most `size`; settled, in ascending order. Beyond, the share of
    values below any bound is within 0.01 of the true share but for a chance of 2 exp(-0.0002 size)
    (Dvoretzky, Kiefer and Wolfowitz 1956, with the constant of Massart 1990): 4 in a million for a
    size of 65,536. Samples of parts of a table merge into the sample of the whole.
    """

    size: int
    priorities: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))
    values: Numbers = field(default_factory=lambda: np.zeros(0))
    limit: np.uint64 = ALL
    _pending: list[tuple[Hashes, Numbers]] = field(default_factory=list)
    _pending_rows: int = 0

    def update(self, column: pa.Array, rows: Draw) -> None:
        """Take in a batch of the column, as numbers; missing values and NaN are left out."""
        chosen = rows.below(self.limit)
        if not len(chosen):
            return
        # A missing value becomes NaN.
        values = column.take(pa.array(chosen)).cast(pa.float64(), safe=False)
        numbers = values.to_numpy(zero_copy_only=False)
        known = ~np.isnan(numbers)
        self._add(rows.priorities[chosen][known], numbers[known])

    def merge(self, other: "ValueSample") -> None:
        """Take in the sample of other rows."""
        self.size = min(self.size, other.size)
        self._add(other.priorities, other.values)
        self.settle()

    def settle(self) -> None:
        """Keep no more values than the size allows, in ascending order."""
        self._cut()
        order = np.lexsort((self.priorities, self.values))
        self.priorities, self.values = self.priorities[order], self.values[order]

    def _cut(self) -> None:
        parts = [(self.priorities, self.values), *self._pending]
        self.priorities = np.concatenate([part[0] for part in parts])
        self.values = np.concatenate([part[1] for part in parts])
        self._pending, self._pending_rows = [], 0
        if len(self.values) >= self.size:
            self.limit = np.partition(self.priorities, self.size - 1)[self.size - 1]
            # Rows of different tables may share a priority: all of the last one are kept, so that
            # the order of merging does not matter.
            kept = self.priorities <= self.limit
            self.priorities, self.values = self.priorities[kept], self.values[kept]

    def _add(self, priorities: Hashes, values: Numbers) -> None:
        self._pending.append((priorities, values))
        self._pending_rows += len(values)
        if len(self.values) + self._pending_rows > 1.25 * self.size:
            self._cut()


def bits(values: npt.NDArray[Any]) -> Hashes:
    """Return the bits of each number, which tell distinct values apart; -0.0 counts as 0.0."""
    if np.issubdtype(values.dtype, np.floating):
        return (values.astype(np.float64) + 0.0).view(np.uint64)
    return values.astype(np.int64).view(np.uint64)
