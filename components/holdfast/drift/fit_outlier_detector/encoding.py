"""Rows as numbers for an outlier detector, by what the reference says of each column.

A number stays as it is; where it is missing, the reference's median stands in, and a second number
tells that it was. A category becomes its information, -log(share of the reference's rows); missing
is a category, and those seen at most once share the rest (Good 1953): an unseen category is as
surprising as one seen once, neither an error nor unnoticed.

A detector learns nothing from a column that is always the same, and from an event that it has never
met. Such surprises are counted beside the numbers: a category seen at most once where few rows hold
such; missing, or infinite, where no value was; another value where all were alike; and, for a
detector that tells nothing of numbers beyond the reference's, such numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import InputError
from holdfast.profiles.columns import NumberColumn, TextColumn, quantiles
from holdfast.profiles.profile import Profile

if TYPE_CHECKING:
    import numpy.typing as npt

NUMBERS = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_boolean,
)
TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
# A time lies beyond the reference as soon as it is later: that is no outlier.
TIMES = (pa.types.is_temporal,)
# Rarer ones count as seen once.
MOST_CATEGORIES = 10_000
GRID = np.linspace(0, 1, 1001)


@dataclass(frozen=True)
class Code:
    """How one column is read.

    Of the `rows` of the reference that were learned from, `missing` had no value. Of a column of
    numbers, `grid` holds the quantiles 0, 0.001 to 1 of the others (none where all are missing) and
    `infinite` tells whether some had no end. Of text, `values` are the categories seen twice or
    more, as often as `counts` says.
    """

    name: str
    kind: str
    rows: int
    missing: int
    infinite: bool = False
    grid: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def constant(self) -> bool:
        """Whether numbers were all alike, or all missing."""
        return not self.grid or self.grid[0] == self.grid[-1]

    @property
    def rest(self) -> float:
        """The share of rows that a category seen at most once, or an event never seen, may have."""
        listed = sum(self.counts) + (self.missing if self.missing > 1 else 0)
        return (self.rows - listed + 1) / (self.rows + 1)

    @property
    def width(self) -> int:
        """How many numbers the column becomes."""
        if self.kind == "text":
            return 1
        return int(not self.constant) + int(self.missing > 0)


@dataclass(frozen=True)
class Encoded:
    """Rows as numbers, and which columns of each row hold a surprise."""

    values: "npt.NDArray[np.float64]"
    surprises: "npt.NDArray[np.bool_]"


def kind_of(field: pa.Field, name: str) -> str:
    """Return number, text, or nothing for times, which are left out.

    Raises:
        InputError: The column of the input `name` holds something else.
    """
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    for found, checks in (("number", NUMBERS), ("text", TEXTS), ("", TIMES)):
        if any(check(kind) for check in checks):
            return found
    raise InputError(
        f"`{name}` must hold numbers, booleans and text. Found: column {field.name!r} of type "
        f"{kind}. Name the columns to use in `columns`, without it."
    )


def plain(values: pa.Array, kind: str) -> pa.Array:
    """Return a column as 64-bit numbers, the infinite ones kept, or as text."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if kind == "text":
        return values.cast(pa.large_string())
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    return values.cast(pa.float64(), safe=False)


def finite(values: pa.Array) -> pa.Array:
    """Return numbers, those that are NaN or infinite as missing."""
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))


def codes_of(profile: Profile, infinite: Sequence[str]) -> tuple[Code, ...]:
    """Return how to read each column of a profile; `infinite` names those that had such values."""
    found = []
    for name, column in profile.columns.items():
        if isinstance(column, NumberColumn):
            grid = tuple(quantiles(column, GRID).tolist()) if column.present else ()
            if column.present:
                # The sample of a long table may lack its ends.
                grid = (column.low, *grid[1:-1], column.high)
            code = Code(name, "number", profile.rows, column.missing, name in infinite, grid)
        else:
            code = _text_code(name, column, profile.rows)
        found.append(code)
    return tuple(found)


def _text_code(name: str, column: TextColumn, rows: int) -> Code:
    often = column.counts.filter(pc.greater(column.counts["count"], 1)).slice(0, MOST_CATEGORIES)
    values, counts = often["value"].to_pylist(), often["count"].to_pylist()
    return Code(name, "text", rows, column.missing, values=tuple(values), counts=tuple(counts))


def require_columns(schema: pa.Schema, codes: Sequence[Code], name: str) -> None:
    """Refuse a table that lacks columns, or has them in another kind.

    Raises:
        InputError: It does; the input is called `name`.
    """
    lacking = [code.name for code in codes if code.name not in schema.names]
    if lacking:
        raise InputError(
            f"`{name}` lacks {lacking[:20]}, which the detector was fitted on. Found: "
            f"{schema.names[:20]}. Pass a table made by the same query, or fit a detector without."
        )
    for code in codes:
        field = schema.field(code.name)
        # Arrow has a type of its own for a column without any value.
        if not pa.types.is_null(field.type) and kind_of(field, name) != code.kind:
            raise InputError(
                f"`{name}` must hold {code.name!r} as {code.kind}, as the reference did. Found: "
                f"{field.type}. Pass a table made by the same query, or fit the detector again."
            )


def encode(
    batch: pa.RecordBatch, codes: Sequence[Code], rare: float, *, ends: bool = False
) -> Encoded:
    """Encode rows.

    Args:
        batch: Rows that hold the columns of `codes`.
        codes: How to read them.
        rare: The share of rows below which something is a surprise, 0 to 1.
        ends: Whether a number beyond all of the reference is a surprise, too.
    """
    # Of n rows like the reference's, 2 in n + 1 lie beyond it in a column, and more in several.
    numbers = [code for code in codes if code.grid]
    ends = ends and sum(2 / (code.rows + 1) for code in numbers) < rare
    values, surprises = [np.empty((batch.num_rows, 0))], []
    for code in codes:
        column = batch.column(batch.schema.get_field_index(code.name))
        is_number = code.kind == "number"
        found, surprise = (
            _number(column, code, rare, ends) if is_number else _text(column, code, rare)
        )
        values.append(found)
        surprises.append(surprise)
    return Encoded(np.hstack(values), np.stack(surprises, axis=1))


def _number(
    column: pa.Array, code: Code, rare: float, ends: bool
) -> "tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]":
    raw = plain(column, "number").to_numpy(zero_copy_only=False)
    missing = ~np.isfinite(raw)
    surprise = np.isinf(raw) & (not code.infinite)
    if not code.missing:
        surprise |= missing
    if code.constant:
        held = code.grid[0] if code.grid else np.nan
        surprise |= ~missing & (raw != held)
    parts = []
    if not code.constant:
        parts.append(np.where(missing, code.grid[len(GRID) // 2], raw))
    if code.missing:
        parts.append(missing.astype(np.float64))
    surprise &= 1 / (code.rows + 1) < rare
    if ends and code.grid:
        surprise |= ~missing & ((raw < code.grid[0]) | (raw > code.grid[-1]))
    return np.stack(parts, axis=1) if parts else np.empty((len(raw), 0)), surprise


def _text(
    column: pa.Array, code: Code, rare: float
) -> "tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]":
    places = category_places(column, code)
    information = -np.log(category_shares(code))
    unlisted = places == len(code.values)
    if code.missing < 2:
        unlisted |= places == len(code.values) + 1
    return information[places][:, None], unlisted & (code.rest < rare)


def category_places(column: pa.Array, code: Code) -> "npt.NDArray[np.int64]":
    """Return the place of each row's category among `category_shares`."""
    known = pa.array(code.values, pa.large_string())
    coded = plain(column, "text").dictionary_encode()
    found = pc.index_in(coded.dictionary, value_set=known)
    of_dictionary = pc.fill_null(found, len(known)).to_numpy(zero_copy_only=False)
    # Missing rows have no place in the dictionary, and come last.
    of_dictionary = np.append(of_dictionary, len(known) + 1)
    rows = pc.fill_null(coded.indices, len(of_dictionary) - 1).to_numpy(zero_copy_only=False)
    return of_dictionary[rows].astype(np.int64)


def category_shares(code: Code) -> "npt.NDArray[np.float64]":
    """Return the share of each listed category, of all others together, and of missing."""
    missing = code.missing / code.rows if code.missing > 1 else code.rest
    return np.array([*(count / code.rows for count in code.counts), code.rest, missing])


def with_grid(code: Code, grid: Sequence[float]) -> Code:
    """Return a code with its grid, which is stored beside it."""
    return replace(code, grid=tuple(grid))
