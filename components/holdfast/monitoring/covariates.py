"""What is kept of the reference's columns, to tell when rows have left it.

An estimate without labels says something of rows like those of the reference only. A row has left
it where a number lies outside the range of the reference, or a category, or a gap, is new there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import InputError
from holdfast.model import is_numeric

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Kind = Literal["number", "time", "category"]
# Numbers are counted between their deciles, text by its most frequent values.
EDGES = 9
CELLS = 50
# A column of more values than these names things rather than kinds of things.
MAX_CATEGORIES = 1000
# Of the reference's rows: text that hardly repeats is no category.
MOSTLY_DISTINCT = 0.5
# Standard errors from which on the largest of many columns' is no chance.
SURE = 3.0


@dataclass(frozen=True)
class Covariate:
    """A column of the reference.

    Its cells are the ranges between `edges`, or the most frequent `categories` and all others; the
    last cell holds the missing values. `counts` are the reference's rows by cell. `residuals` and
    `squares` are sums over the rows of a cell: by how much an estimate was wrong there.
    """

    name: str
    kind: Kind
    low: float
    high: float
    edges: tuple[float, ...]
    categories: tuple[str, ...]
    complete: bool
    counts: tuple[float, ...]
    residuals: tuple[float, ...]
    squares: tuple[float, ...]

    @property
    def had_missing(self) -> bool:
        """Whether the reference has rows without a value."""
        return self.counts[-1] > 0

    @property
    def labels(self) -> list[str]:
        """A name for each cell."""
        if self.kind == "category":
            return [*self.categories[:CELLS], "others", "missing"]
        ends = ["", *(f"{edge:.6g}" for edge in self.edges), ""]
        return [f"{a} to {b}" for a, b in pairwise(ends)] + ["missing"]


@dataclass(frozen=True)
class Placed:
    """A batch of a column: the cell of each row, whether it has left the reference, and a number.

    The number is the value itself, or the rank of the category; NaN where it is missing.
    """

    cells: "npt.NDArray[np.intp]"
    outside: "npt.NDArray[np.bool_]"
    numbers: "npt.NDArray[np.float64]"


@dataclass(frozen=True)
class Dependence:
    """By how much an estimate would be off in the reference with today's shares of a column.

    `deviation` is its standard error.
    """

    name: str
    off: float
    deviation: float

    @property
    def likely(self) -> float:
        """The part of it that chance does not explain (James and Stein 1961)."""
        if abs(self.off) <= self.deviation:
            return 0.0
        return self.off * (1 - (self.deviation / self.off) ** 2)

    @property
    def certain(self) -> bool:
        """Whether it is not by chance, though it is the largest of many columns'."""
        return abs(self.off) > SURE * self.deviation


def kind_of(type_: pa.DataType, name: str) -> Kind:
    """Return the kind of a column.

    Raises:
        InputError: It is a list, a struct, or the like.
    """
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_date(type_) or pa.types.is_timestamp(type_):
        return "time"
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    if any(check(type_) for check in (*texts, pa.types.is_time, pa.types.is_null)):
        return "category"
    if is_numeric(type_):
        return "number"
    raise InputError(
        f"`features` must name columns of numbers, booleans, dates, times and text. Found: {name!r}"
        f" of type {type_}. Leave it out."
    )


def describe(name: str, values: pa.ChunkedArray, residuals: "npt.NDArray[np.float64]") -> Covariate:
    """Return what is kept of a column of the reference.

    Args:
        name: The column.
        values: Of all rows of the reference.
        residuals: By how much the estimate was wrong in each row.
    """
    kind = kind_of(values.type, name)
    bare = _categories(name, values) if kind == "category" else _range(name, kind, values)
    return _with_residuals(bare, place(bare, values).cells, residuals)


def place(column: Covariate, values: "pa.Array | pa.ChunkedArray") -> Placed:
    """Return where the rows of a column lie.

    Raises:
        InputError: The column is of another kind than in the reference.
    """
    import numpy as np

    empty = pa.types.is_null(values.type)
    kind = kind_of(values.type, column.name)
    if kind != column.kind and not empty:
        raise InputError(
            f"`predictions` must hold {column.kind} values in {column.name!r}, as the reference "
            f"does. Found: {values.type}. Make the table by the same query, or fit the baseline "
            f"again."
        )
    if empty:
        numbers = np.full(len(values), np.nan)
    elif kind == "category":
        numbers = _ranks(column, values)
    else:
        numbers = _numbers(values)
    missing = np.isnan(numbers)
    if column.kind == "category":
        cells = np.minimum(np.where(missing, 0, numbers), min(len(column.categories), CELLS))
        outside = column.complete & (numbers >= len(column.categories))
    else:
        cells = np.searchsorted(column.edges, numbers)
        outside = (numbers < column.low) | (numbers > column.high)
    cells = np.where(missing, len(column.counts) - 1, cells).astype(np.intp)
    return Placed(cells, outside | (missing & (not column.had_missing)), numbers)


def dependence(column: Covariate, counts: "npt.NDArray[np.float64]") -> Dependence:
    """Return by how much the estimate would be wrong in the reference, had it today's shares.

    The mean residual of each cell, weighted by how much its share has changed.
    """
    import numpy as np

    rows = np.asarray(column.counts)
    if not counts.sum() or not rows.sum():
        return Dependence(column.name, 0.0, 0.0)
    known = rows > 1
    safe = np.where(known, rows, 2)
    mean = np.where(known, np.asarray(column.residuals) / safe, 0)
    noise = np.maximum(np.asarray(column.squares) / safe - mean**2, 0) / (safe - 1)
    moved = counts / counts.sum() - rows / rows.sum()
    spread = np.sqrt((moved**2 * np.where(known, noise, 0)).sum())
    return Dependence(column.name, float((moved * mean).sum()), float(spread))


def total_variation(column: Covariate, counts: "npt.NDArray[np.float64]") -> float:
    """Return half the sum of the changes of the cells' shares: 0 for none, 1 for all."""
    import numpy as np

    rows = np.asarray(column.counts)
    if not counts.sum() or not rows.sum():
        return 0.0
    return float(np.abs(counts / counts.sum() - rows / rows.sum()).sum() / 2)


def matrix(placed: Sequence[Placed]) -> "npt.NDArray[np.float64]":
    """Return the numbers of some columns, a row each."""
    import numpy as np

    return np.column_stack([column.numbers for column in placed])


def read(document: Mapping[str, Any]) -> Covariate:
    """Return a column from its JSON."""
    lists = ("edges", "categories", "counts", "residuals", "squares")
    return Covariate(**{**document, **{name: tuple(document[name]) for name in lists}})


def _categories(name: str, values: pa.ChunkedArray) -> Covariate:
    found = pc.value_counts(_text(values).drop_null())
    counts = sorted((-e["counts"], e["values"]) for e in found.to_pylist())
    present = sum(-count for count, _ in counts)
    complete = len(counts) <= MAX_CATEGORIES and len(counts) <= max(2, MOSTLY_DISTINCT * present)
    kept = tuple(value for _, value in counts[:MAX_CATEGORIES])
    cells = (0.0,) * (min(len(kept), CELLS) + 1) + (float(values.null_count),)
    return Covariate(name, "category", 0.0, 0.0, (), kept, complete, cells, cells, cells)


def _range(name: str, kind: Kind, values: pa.ChunkedArray) -> Covariate:
    import numpy as np

    numbers = _numbers(values)
    present = numbers[~np.isnan(numbers)]
    edges: tuple[float, ...] = ()
    # Where nothing is known, nothing lies inside: but JSON has no infinity.
    low, high = 0.0, -1.0
    if len(present):
        low, high = float(present.min()), float(present.max())
        shares = np.linspace(0, 1, EDGES + 2)[1:-1]
        edges = tuple(np.unique(np.quantile(present, shares, method="lower")).tolist())
    cells = (0.0,) * (len(edges) + 1) + (float(len(numbers) - len(present)),)
    return Covariate(name, kind, low, high, edges, (), True, cells, cells, cells)


def _with_residuals(
    column: Covariate, cells: "npt.NDArray[np.intp]", residuals: "npt.NDArray[np.float64]"
) -> Covariate:
    import numpy as np

    size = len(column.counts)
    sums = [np.bincount(cells, weights, size) for weights in (None, residuals, residuals**2)]
    counts, means, squares = (tuple(found.astype(float).tolist()) for found in sums)
    return replace(column, counts=counts, residuals=means, squares=squares)


def _numbers(values: "pa.Array | pa.ChunkedArray") -> "npt.NDArray[np.float64]":
    """Return numbers, times as seconds since 1970; infinities lie outside of every range."""
    import numpy as np

    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        zone = getattr(values.type, "tz", None)
        values = values.cast(pa.timestamp("s", tz=zone), safe=False).cast(pa.int64())
    whole = values.cast(pa.float64(), safe=False)
    chunked = isinstance(whole, pa.ChunkedArray)
    return np.array(whole.to_numpy() if chunked else whole.to_numpy(zero_copy_only=False), float)


def _ranks(column: Covariate, values: "pa.Array | pa.ChunkedArray") -> "npt.NDArray[np.float64]":
    import numpy as np

    text = _text(values)
    known = pa.array(column.categories, pa.large_string())
    found = pc.fill_null(pc.index_in(text, value_set=known), len(known))
    ranks = np.array(found.to_numpy(), float)
    ranks[np.asarray(text.is_null().to_numpy())] = np.nan
    return ranks


def _text(values: "pa.Array | pa.ChunkedArray") -> pa.ChunkedArray:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    text = values.cast(pa.large_string())
    return text if isinstance(text, pa.ChunkedArray) else pa.chunked_array([text])
