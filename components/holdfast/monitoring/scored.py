"""A table of predictions, and its rows as arrays."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import InputError, first_line
from holdfast.model import is_numeric
from holdfast.performance.columns import (
    DATA_SHA256,
    MODEL_NAME,
    MODEL_VERSION,
    PREDICTED_AT,
    PREDICTION,
    PredictionColumns,
    columns_of,
)
from holdfast.performance.predictions import Predictions
from holdfast.table import Table, is_number, open_table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# What batch_predict adds to a row; all other columns are the input's own.
ADDED = (PREDICTION, MODEL_NAME, MODEL_VERSION, DATA_SHA256, PREDICTED_AT)
MAX_VERSIONS = 5


@dataclass(frozen=True)
class Scored:
    """A table of predictions, and what its columns mean."""

    table: Table
    columns: PredictionColumns
    name: str = "predictions"

    @property
    def own(self) -> list[str]:
        """The columns that the input had before it was scored, the target left out."""
        added = {*ADDED, *self.columns.probabilities, self.columns.target}
        return [name for name in self.table.schema.names if name not in added]

    def require(self, names: Sequence[str], parameter: str) -> None:
        """Refuse columns that the table lacks.

        Raises:
            InputError: One of them is missing.
        """
        lacking = [name for name in names if name not in self.table.schema.names]
        if lacking:
            raise InputError(
                f"`{parameter}` must name columns of `{self.name}`. Found: {lacking} is not among "
                f"{self.table.schema.names[:20]}. Correct the names, or score the rows again with "
                f"all their columns."
            )

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows with these columns and the prediction's, whole rows only.

        Raises:
            InputError: A row has no prediction, or one that is not a number.
        """
        wanted = list(dict.fromkeys([*names, PREDICTION, *self.columns.probabilities]))
        for batch in self.table.batches(wanted):
            self._require_answers(batch)
            yield batch

    def _require_answers(self, batch: pa.RecordBatch) -> None:
        for name in (PREDICTION, *self.columns.probabilities):
            values = batch[name]
            numeric = name != PREDICTION or self.columns.task == "regression"
            if numeric and not is_number(values.type):
                raise InputError(
                    f"`{self.name}` must hold numbers in {name!r}. Found: {values.type}. Pass what "
                    f"batch_predict wrote, with its types."
                )
            good = pc.is_finite(values) if numeric else pc.is_valid(values)
            bad = len(values) - (pc.sum(good).as_py() or 0)
            if bad:
                raise InputError(
                    f"`{self.name}` must hold a prediction in each row. Found: {bad} rows where "
                    f"{name!r} is missing or not finite. Pass what batch_predict wrote; what it "
                    f"cannot score it sets aside."
                )


def open_predictions(path: str, name: str = "predictions", classes: Sequence[Any] = ()) -> Scored:
    """Open a table of predictions, as batch_predict writes it.

    Raises:
        InputError: It is not one, or of other classes than expected.
    """
    table = open_table(path, name)
    return Scored(table, columns_of(table.schema, name, classes), name)


def versions_of(scored: Scored) -> list[tuple[str, str]]:
    """Return the names and versions of the models that made the predictions, at most five."""
    names = [name for name in (MODEL_NAME, MODEL_VERSION) if name in scored.table.schema.names]
    found: set[tuple[str, ...]] = set()
    for batch in scored.table.batches(names) if names else ():
        pairs = pa.Table.from_batches([batch]).group_by(names).aggregate([]).to_pylist()
        found |= {tuple(str(row.get(n, "")) for n in (MODEL_NAME, MODEL_VERSION)) for row in pairs}
    return sorted((first, second) for first, second in found)[:MAX_VERSIONS]


def answers_of(rows: "pa.Table | pa.RecordBatch") -> "npt.NDArray[Any]":
    """Return the answers."""
    return _plain(rows[PREDICTION])


def probabilities_of(
    rows: "pa.Table | pa.RecordBatch", columns: PredictionColumns
) -> "npt.NDArray[np.float64]":
    """Return the probability of each class, a column each; no columns for regression."""
    import numpy as np

    found = [rows[name].to_numpy(zero_copy_only=False) if isinstance(rows, pa.RecordBatch)
             else rows[name].to_numpy() for name in columns.probabilities]  # fmt: skip
    return np.column_stack(found).astype(float) if found else np.empty((rows.num_rows, 0))


def predictions_of(rows: pa.Table, label: str, columns: PredictionColumns) -> Predictions:
    """Return truth and answers of rows that all have a label."""
    return Predictions(
        columns.task,
        _plain(rows[label]),
        answers_of(rows),
        probabilities_of(rows, columns),
        columns.classes,
    )


def as_label(
    values: pa.Array, like: pa.DataType, columns: PredictionColumns, name: str
) -> pa.Array:
    """Return labels in the type of the answers; what is not finite is missing.

    Raises:
        InputError: The labels are of another kind than the answers.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_dictionary(like):
        like = like.value_type
    if pa.types.is_null(values.type):
        return values.cast(like)
    if columns.task == "regression":
        like = pa.float64()
    numeric = is_numeric(values.type)
    expected = is_numeric(like)
    if numeric != expected:
        raise InputError(
            f"`{name}` must hold labels of the predictions' type, {like}. Found: {values.type}. "
            f"Convert the labels as the model's target was."
        )
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, None)
    try:
        return values.cast(like)
    except pa.ArrowInvalid as error:
        raise InputError(
            f"`{name}` must hold labels that fit the predictions' type, {like}. Found: "
            f"{first_line(error)}. Convert the labels as the model's target was."
        ) from error


def _plain(values: "pa.Array | pa.ChunkedArray") -> "npt.NDArray[Any]":
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    plain = values.cast(kind)
    return (
        plain.to_numpy() if isinstance(plain, pa.ChunkedArray)
        else plain.to_numpy(zero_copy_only=False)
    )  # fmt: skip
