"""Groups of a table's rows: by the values of a column, or of a pair of columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import InputError
from holdfast.table import Table, is_number

if TYPE_CHECKING:
    import numpy.typing as npt

MISSING = "(missing)"
# More values of a number than these are binned.
MAX_NUMBERS = 10
# More groups than these are no groups of people, but names or identifiers.
MAX_GROUPS = 100


@dataclass(frozen=True)
class Groups:
    """Which group each row is of.

    `name` is what was asked for; `labels` are the groups in the order of their codes, and `codes`
    holds one for each row. Rows without a value are a group, too. `ordered` groups are bins of
    numbers, from low to high.
    """

    name: str
    labels: tuple[str, ...]
    codes: "npt.NDArray[np.int64]"
    ordered: bool = False

    @property
    def rows(self) -> "npt.NDArray[np.int64]":
        """Rows of each group."""
        return np.bincount(self.codes, minlength=len(self.labels))


def columns_of(asked: str, known: Sequence[str], name: str) -> list[str]:
    """Return the columns that "sex" or "sex,race" names; a column's own name comes first.

    Raises:
        InputError: It names a column that the table lacks, or more than two.
    """
    columns = [asked] if asked in known else [part.strip() for part in asked.split(",")]
    lacking = [column for column in columns if column not in known]
    if lacking:
        raise InputError(
            f"`{name}` must name columns of `test`. Found: {lacking[:10]}, which is not among "
            f"{list(known)[:30]}. A pair is written as one entry, with a comma: 'sex,race'."
        )
    if len(columns) > 2:
        raise InputError(
            f"`{name}` must name single columns or pairs. Found: {asked!r}, which is "
            f"{len(columns)} columns. Groups of more columns are too small to judge."
        )
    return columns


def group_rows(
    table: Table, asked: Sequence[str], bins: Mapping[str, Sequence[float]], name: str
) -> list[Groups]:
    """Return the groups of a table's rows for each column, or pair of columns, asked for.

    Args:
        table: The table.
        asked: Columns, and pairs as "sex,race".
        bins: Upper ends of the bins of numeric columns, the last bin being open; the quartiles of
            the table, where a column of many numbers has none.
        name: The input's name, for error messages.

    Raises:
        InputError: A column is not there, has too many values, or its bins do not rise.
    """
    wanted = {entry: columns_of(entry, table.schema.names, name) for entry in asked}
    read = sorted({column for columns in wanted.values() for column in columns})
    _check_bins(bins, table.schema)
    rows = pa.Table.from_batches(
        table.batches(read), table.schema.empty_table().select(read).schema
    )
    single = {column: _of_column(column, rows.column(column), bins, name) for column in read}
    return [_crossed(entry, [single[c] for c in columns]) for entry, columns in wanted.items()]


def _check_bins(bins: Mapping[str, Sequence[float]], schema: pa.Schema) -> None:
    for column, ends in bins.items():
        numeric = column in schema.names and is_number(schema.field(column).type)
        if not numeric or not _rises(ends):
            raise InputError(
                f"`bins` must give rising upper ends for columns of numbers. Found: {column!r} "
                f"with {list(ends)[:10]}. For example: {{'age': [25, 45, 65]}}."
            )


def _rises(ends: Sequence[float]) -> bool:
    if not ends or not all(isinstance(end, int | float) for end in ends):
        return False
    return all(low < high for low, high in pairwise(ends))


def _of_column(
    column: str, values: pa.ChunkedArray, bins: Mapping[str, Sequence[float]], name: str
) -> Groups:
    if is_number(values.type):
        numbers = values.cast(pa.float64(), safe=False).to_numpy()
        if column in bins:
            return _binned(column, numbers, np.asarray(bins[column], float))
        if len(np.unique(numbers[~np.isnan(numbers)])) > MAX_NUMBERS:
            quartiles = np.unique(np.nanquantile(numbers, [0.25, 0.5, 0.75]))
            return _binned(column, numbers, quartiles)
    if pa.types.is_floating(values.type):
        # What is not a number is missing.
        values = pa.chunked_array([pa.array(numbers, from_pandas=True)])
    return _by_value(column, values, name)


def _binned(column: str, numbers: "npt.NDArray[np.float64]", ends: Any) -> Groups:
    shown = [f"{end:.6g}" for end in ends]
    between = [f"above {low} to {high}" for low, high in pairwise(shown)]
    labels = (f"up to {shown[0]}", *between, f"above {shown[-1]}", MISSING)
    codes = np.searchsorted(ends, numbers, side="left")
    codes[np.isnan(numbers)] = len(labels) - 1
    return _without_empty(Groups(column, labels, codes, ordered=True))


def _by_value(column: str, values: pa.ChunkedArray, name: str) -> Groups:
    if pa.types.is_nested(values.type):
        raise InputError(
            f"`{name}` must name columns of text, numbers, booleans or dates. Found: {column!r} of "
            f"the type {values.type}. Make a plain column of it at the source."
        )
    coded = values.cast(pa.string()).combine_chunks().dictionary_encode()
    found = coded.dictionary.to_pylist()
    if len(found) > MAX_GROUPS:
        raise InputError(
            f"`{name}` must name columns with at most {MAX_GROUPS} values. Found: {column!r} with "
            f"{len(found)}. Leave out identifiers, and group the values at the source."
        )
    order = sorted(range(len(found)), key=found.__getitem__)
    place = np.empty(len(found) + 1, np.int64)
    place[order] = np.arange(len(found))
    # A missing value is a group of its own, even where the text "(missing)" is one.
    place[-1] = len(found)
    codes = place[pc.fill_null(coded.indices, len(found)).to_numpy(zero_copy_only=False)]
    return _without_empty(Groups(column, (*(found[i] for i in order), MISSING), codes))


def _crossed(asked: str, parts: Sequence[Groups]) -> Groups:
    if len(parts) == 1:
        return replace(parts[0], name=asked)
    first, second = parts
    labels = tuple(f"{one}, {other}" for one in first.labels for other in second.labels)
    codes = first.codes * len(second.labels) + second.codes
    return _without_empty(Groups(asked, labels, codes))


def _without_empty(groups: Groups) -> Groups:
    present = np.flatnonzero(groups.rows)
    place = np.zeros(len(groups.labels), np.int64)
    place[present] = np.arange(len(present))
    labels = tuple(groups.labels[code] for code in present)
    return replace(groups, labels=labels, codes=place[groups.codes])
