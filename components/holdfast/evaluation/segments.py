"""A metric by segment: the rows that share a value of a column, or of several."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from holdfast.errors import InputError
from holdfast.performance.bootstrap import Interval, Resampling, intervals
from holdfast.performance.metrics import LOWER_IS_BETTER
from holdfast.performance.predictions import Predictions
from holdfast.table import Table, is_number

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Codes: TypeAlias = npt.NDArray[np.intp]

# Numbers of more values than this are cut into quartiles.
MAX_VALUES = 4
# Of one column or combination; a column of a million values would take days.
MAX_JUDGED = 50


@dataclass(frozen=True)
class Segment:
    """Some rows by what they share; the interval is None where they are too few to be judged."""

    name: str
    rows: int
    interval: Interval | None = None


@dataclass(frozen=True)
class Segments:
    """The segments that were judged, the worst first, and those that were not.

    `small` have fewer rows than the minimum, or too few different ones for the metric; `left_out`
    counts those that were beyond the largest of their column.
    """

    judged: tuple[Segment, ...] = ()
    small: tuple[Segment, ...] = ()
    left_out: int = 0


def judge_segments(
    predicted: Predictions,
    table: Table,
    wanted: Sequence[str],
    metric: str,
    min_rows: int,
    how: Resampling,
) -> Segments:
    """Return a metric with its interval for each segment of a table.

    Args:
        predicted: Truth and answers for all rows of the table, in order.
        table: The table.
        wanted: Columns, and combinations of columns joined by commas.
        metric: The metric.
        min_rows: Segments of fewer rows are named, not judged.
        how: Resamples, confidence level and seed.

    Raises:
        InputError: A column is not in the table, or the minimum is below 2.
    """
    if min_rows < 2:
        raise InputError(
            f"`min_segment_rows` must be at least 2. Found: {min_rows}. Use 100 or more; "
            f"a metric of a few rows is chance."
        )
    found: list[Segment] = []
    left_out = 0
    for columns in [columns_of(text, table) for text in wanted]:
        large = 0
        for name, rows in _groups(table, columns):
            large += len(rows) >= min_rows
            if len(rows) < min_rows:
                found.append(Segment(name, len(rows)))
            elif large <= MAX_JUDGED:
                interval = intervals(predicted.take(rows), how, (metric,)).get(metric)
                found.append(Segment(name, len(rows), interval))
        left_out += max(0, large - MAX_JUDGED)
    sign = -1 if metric in LOWER_IS_BETTER else 1
    judged = [segment for segment in found if segment.interval]
    judged.sort(key=lambda segment: sign * segment.interval.value if segment.interval else 0.0)
    small = tuple(segment for segment in found if not segment.interval)
    return Segments(tuple(judged), small, left_out)


def columns_of(text: str, table: Table) -> list[str]:
    """Return the columns that a text names: one column, or several joined by commas.

    Raises:
        InputError: One of them is not in the table.
    """
    names = table.schema.names
    columns = [text] if text in names else [part.strip() for part in text.split(",")]
    unknown = [column for column in columns if column not in names]
    if unknown:
        raise InputError(
            f"`segments` must list columns of `test`, or several joined by commas. Found: "
            f"{unknown[:10]}. The columns are {names[:30]}."
        )
    return columns


def _groups(table: Table, columns: list[str]) -> "Iterator[tuple[str, Codes]]":
    """Yield the name and the rows of each segment, the largest first."""
    import numpy as np

    rows = table.read(columns)
    codes, names = _levels(columns[0], rows.column(columns[0]))
    for column in columns[1:]:
        more, others = _levels(column, rows.column(column))
        found, codes = np.unique(codes * len(others) + more, return_inverse=True)
        names = [
            f"{names[code // len(others)]}, {others[code % len(others)]}" for code in found.tolist()
        ]
    sizes = np.bincount(codes, minlength=len(names))
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(sizes)
    for place in np.argsort(-sizes, kind="stable").tolist():
        if sizes[place]:
            yield names[place], order[ends[place] - sizes[place] : ends[place]]


def _levels(name: str, column: "pa.ChunkedArray") -> "tuple[Codes, list[str]]":
    """Return the level of each row, and the levels' names."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if is_number(column.type):
        values = column.cast(pa.float64(), safe=False).to_numpy()
        if len(np.unique(values[~np.isnan(values)])) > MAX_VALUES:
            return _quartiles(name, values)
    encoded = pc.dictionary_encode(column, null_encoding="encode").combine_chunks()
    names = [_named(name, value) for value in encoded.dictionary.to_pylist()]
    return encoded.indices.to_numpy().astype(np.intp), names


def _quartiles(name: str, values: "npt.NDArray[Any]") -> "tuple[Codes, list[str]]":
    import numpy as np

    missing = np.isnan(values)
    edges = np.unique(np.quantile(values[~missing], [0.25, 0.5, 0.75]))
    levels = np.searchsorted(edges, values)
    levels[missing] = len(edges) + 1
    shown = [f"{edge:.6g}" for edge in edges]
    inner = [f"{low} < {name} <= {high}" for low, high in pairwise(shown)]
    names = [f"{name} <= {shown[0]}", *inner, f"{name} > {shown[-1]}", _named(name, None)]
    return levels, names


def _named(column: str, value: object) -> str:
    return f"{column} missing" if value is None else f"{column} = {value}"
