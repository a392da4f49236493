"""Rows as the numbers that tests compare: ranks of numbers, codes of categories."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.drift.columns import Judged
from holdfast.table import is_number

Floats: TypeAlias = "npt.NDArray[np.float64]"

# Below, the chi-squared distribution is a poor guide to a cell's count (Cochran 1954).
LEAST_EXPECTED = 5
MOST_CATEGORIES = 100
# Missing values rank below all others, so that a test sees their share, too. NaN would make a
# test's p-value NaN, which Alibi Detect takes for no drift.
MISSING = -np.inf


def encode(
    reference: pa.Table, current: pa.Table, judged: Sequence[Judged]
) -> tuple[Floats, Floats]:
    """Return the rows of both as numbers, in the order of `judged`.

    Numbers stay as they are. Categories become codes: one for each of up to 100 of which either
    table can be expected to hold 5 rows, one for all others, and one for missing values. The codes
    depend on the rows of both together, not on which table a row is of.
    """
    # Column by column: tests sort one column at a time.
    before = np.empty((reference.num_rows, len(judged)), order="F")
    now = np.empty((current.num_rows, len(judged)), order="F")
    for place, column in enumerate(judged):
        parts = [reference[column.name], current[column.name]]
        if column.kind == "number":
            before[:, place], now[:, place] = (_numbers(part) for part in parts)
        else:
            codes = _codes(*(names_of(part, column) for part in parts))
            before[:, place], now[:, place] = codes[: len(before)], codes[len(before) :]
    return before, now


def numbers_of(values: pa.ChunkedArray) -> Floats:
    """Return a column as floats, NaN where a value is missing."""
    if pa.types.is_null(values.type) or pa.types.is_string(values.type):
        return np.full(len(values), np.nan)
    return np.asarray(values.cast(pa.float64(), safe=False).to_numpy())


def _numbers(values: pa.ChunkedArray) -> Floats:
    numbers = numbers_of(values)
    return np.where(np.isnan(numbers), MISSING, numbers)


def names_of(values: pa.ChunkedArray, column: Judged) -> pa.ChunkedArray:
    """Return categories as text; numbers that stand for categories whatever their width."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return values.cast(kind.value_type).cast(pa.large_string())
    if column.type == "bool" or pa.types.is_boolean(kind):
        return values.cast(pa.int8()).cast(pa.large_string())
    if is_number(kind):
        numbers = values.cast(pa.float64(), safe=False)
        known = pc.if_else(pc.is_nan(numbers), None, numbers)
        return known.cast(pa.large_string())
    return values.cast(pa.large_string())


def _codes(reference: pa.ChunkedArray, current: pa.ChunkedArray) -> "npt.NDArray[Any]":
    """Return the place of each row's category among the frequent ones."""
    least = max(1, min(len(reference), len(current)))
    both = pa.chunked_array([*reference.chunks, *current.chunks], pa.large_string())
    found = pc.value_counts(both.drop_null())
    counts = pa.table({"value": found.field(0), "count": found.field(1)})
    order = [("count", "descending"), ("value", "ascending")]
    needed = LEAST_EXPECTED * (len(both) / least)
    frequent = counts.filter(pc.greater_equal(counts["count"], needed)).sort_by(order)
    known = frequent["value"].slice(0, MOST_CATEGORIES)
    places = pc.index_in(both, value_set=known).fill_null(len(known))
    codes = np.array(places.to_numpy())
    codes[both.is_null().to_numpy()] = len(known) + 1
    return codes
