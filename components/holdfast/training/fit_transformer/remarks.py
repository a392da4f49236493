"""What is suspicious about a column, told by its values in training."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.model import kind_of
from holdfast.table import Table

ALL_MISSING = "no value in training"
CONSTANT = "one value in all rows of training"
TELLS_TARGET = "tells the target in every row of training: a leak?"


# A column of that many different first values is neither constant nor a class by another name.
FIRST_ROWS = 1000


def count_levels(column: pa.ChunkedArray) -> int:
    """Return the number of different values, a missing one not counted."""
    known = _known(column)
    return len(known.unique()) - bool(known.null_count)


def make_remarks(rows: pa.Table, features: Sequence[str], train: Table) -> dict[str, str]:
    """Return the remark on each feature that calls for one.

    Args:
        rows: Features and target.
        features: Names of the features.
        train: The table that the rows are of.
    """
    target = _known(rows.column(train.target))
    classes = len(target.unique()) if train.task == "classification" else 0
    remarks = {name: _remark(_known(rows.column(name)), target, classes) for name in features}
    return {name: remark for name, remark in remarks.items() if remark}


def _known(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column whose missing values are null, and which is no dictionary."""
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    return column


def _remark(column: pa.ChunkedArray, target: pa.ChunkedArray, classes: int) -> str:
    """Return what is suspicious about a column; without classes, the target is a number."""
    if column.null_count == len(column):
        return ALL_MISSING
    # Counting all values of all columns costs as much as fitting.
    count = count_levels(column.slice(0, FIRST_ROWS))
    if count <= max(classes, 1):
        count = count_levels(column)
    if count == 1 and not column.null_count:
        return CONSTANT
    tells = _tells_class(column, target, count, classes) if classes else _tells(column, target)
    return TELLS_TARGET if tells else ""


def _tells_class(
    column: pa.ChunkedArray, target: pa.ChunkedArray, count: int, classes: int
) -> bool:
    """Tell whether each value, missing or not, stands for one class and each class for one value.

    Rows in which the feature is missing may also say nothing.
    """
    if classes < 2 or count not in (classes, classes - 1):
        return False
    pairs = pa.table({"column": column, "target": target}).group_by(["column", "target"])
    found = pairs.aggregate([])
    known = len(found) - found.column("column").null_count
    return classes in (len(found), known if count == classes else 0)


def _tells(column: pa.ChunkedArray, target: pa.ChunkedArray) -> bool:
    """Tell whether the target is the feature itself, in whatever unit."""
    import numpy as np

    if kind_of(column.type) != "numbers" or kind_of(target.type) != "numbers":
        return False
    both = [part.cast(pa.float64(), safe=False).to_numpy() for part in (column, target)]
    known = np.isfinite(both).all(axis=0)
    if known.sum() < 3:
        return False
    moved = [values[known] - values[known].mean() for values in both]
    spread = [float(values @ values) for values in moved]
    return float(moved[0] @ moved[1]) ** 2 > (1 - 1e-12) * spread[0] * spread[1] > 0
