"""Score the rows that can be scored, and say of the others why not.

A batch is scored as one. Only where the library refuses it are the rows looked at: those without a
value that this model needs are found by asking it, once, about a made-up row without that value;
what else it refuses is found by halving.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import InputError, first_line
from holdfast.model import Kind, Model, feature_frame
from holdfast.performance.answers import finite_rows, output_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Mask: TypeAlias = npt.NDArray[np.bool_]

UNPARSABLE, INFINITE = "unparsable_value", "infinite_number"
MISSING, REFUSED, NOT_FINITE = "missing_value", "refused_by_model", "answer_not_finite"
# Rows of a batch that are looked for one by one; a model that refuses more has another defect.
MAX_REFUSED = 500
# Numbers in a transformed batch: one-hot columns must not make it large.
BATCH_VALUES = 2**24
BATCH_ROWS = 65_536
# A row of no one; categories that a model has never seen are none that it refuses.
MADE_UP: dict[Kind, Any] = {"numbers": 0.0, "text": "", "dates": "2000-01-01"}


@dataclass(frozen=True)
class Scored:
    """A batch: `output` is the model's, a row for each of the `good` ones, in order.

    `reasons` are of the other rows, in order: a code, and the columns to blame.
    """

    good: "Mask"
    output: "npt.NDArray[np.float64]"
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Scorer:
    """A model that scores batches; text in the columns `parse` is read as it reads them."""

    model: Model
    parse: tuple[str, ...] = ()

    @cached_property
    def batch_rows(self) -> int:
        """How many rows to score at a time, so that what the transformer makes of them is small."""
        try:
            width = len(self.model.pipeline[:-1].get_feature_names_out())
        except (AttributeError, TypeError, ValueError):
            width = len(self.model.info.features)
        return max(1, min(BATCH_ROWS, BATCH_VALUES // max(1, width)))

    def score(self, rows: pa.Table) -> Scored:
        """Score some rows.

        Raises:
            InputError: The model refuses too many of them to look at each.
        """
        import numpy as np

        read, why = self._parsed(rows)
        _mark(why, self._infinite(read), INFINITE)
        good = np.array([not reason for reason in why]) if any(why) else np.ones(len(why), bool)
        try:
            output = self._output(_taken(read, good))
        except _REFUSALS:
            self._mark_refused(read, why)
            good = np.array([not reason for reason in why], bool)
            output = self._output(_taken(read, good))
        finite = finite_rows(output)
        if not finite.all():
            lost = np.flatnonzero(good)[~finite]
            for row in lost:
                why[row] = NOT_FINITE
            good[lost] = False
            output = output[finite]
        return Scored(good, output, tuple(reason for reason in why if reason))

    def _output(self, rows: pa.Table) -> "npt.NDArray[np.float64]":
        return output_of(self.model, feature_frame(rows, self.model.info.features))

    def _parsed(self, rows: pa.Table) -> tuple[pa.Table, list[str]]:
        """Return the rows with text read as numbers or dates, and where that can't be done."""
        why = [""] * rows.num_rows
        bad: dict[str, Mask] = {}
        for name in self.parse:
            text = _trimmed(rows.column(name).cast(pa.string()))
            read = _read(text, self.model.info.kind_of(name))
            # Blank text is a missing value, as in a CSV file.
            given = pc.fill_null(pc.not_equal(text, ""), fill_value=False)
            bad[name] = pc.and_(pc.is_null(read), given).to_numpy()
            rows = rows.set_column(rows.schema.get_field_index(name), name, read)
        _mark(why, bad, UNPARSABLE)
        return rows, why

    def _infinite(self, rows: pa.Table) -> "dict[str, Mask]":
        floats = (n for n in self.model.info.numeric if _is_float(rows.schema.field(n).type))
        return {
            name: pc.fill_null(pc.is_inf(rows.column(name)), fill_value=False).to_numpy()
            for name in floats
        }

    def _mark_refused(self, rows: pa.Table, why: list[str]) -> None:
        """Find the rows that the model refuses."""
        _mark(why, {name: _missing(rows.column(name)) for name in self.needed}, MISSING)
        left = [row for row, reason in enumerate(why) if not reason]
        for count, (place, said) in enumerate(self._refused(rows.take(left))):
            if count == MAX_REFUSED:
                raise InputError(
                    f"`model` must be able to score the rows of `inputs`. Found: it refuses more "
                    f"than {MAX_REFUSED} of {len(left)} rows that have all the values it needs: "
                    f"{said} Check that the table is made by the same query as the training table."
                )
            why[left[place]] = f"{REFUSED}: {said}"

    def _refused(self, rows: pa.Table, start: int = 0) -> Iterator[tuple[int, str]]:
        """Yield place and message of each row that makes the model refuse."""
        try:
            self._output(rows)
        except _REFUSALS as error:
            if rows.num_rows == 1:
                yield start, _said(error)
                return
            half = rows.num_rows // 2
            yield from self._refused(rows.slice(0, half), start)
            yield from self._refused(rows.slice(half), start + half)

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The features without which the model refuses a row."""
        whole = self._made_up()
        if self._refuses(whole):
            return ()
        return tuple(n for n in self.model.info.features if self._refuses(self._made_up(n)))

    def _refuses(self, frame: "pd.DataFrame") -> bool:
        try:
            return not finite_rows(output_of(self.model, frame)).all()
        except _REFUSALS:
            return True

    def _made_up(self, without: str = "") -> "pd.DataFrame":
        kinds = {name: self.model.info.kind_of(name) for name in self.model.info.features}
        columns = {
            name: pa.array([None if name == without else MADE_UP[kind]]).cast(ARROW[kind])
            for name, kind in kinds.items()
        }
        return feature_frame(pa.table(columns), self.model.info.features)


# Arrow's own where text is not UTF-8.
_REFUSALS = (ValueError, TypeError, ArithmeticError, KeyError, pa.ArrowException)
# What a model's kinds of columns are to Arrow.
ARROW: dict[Kind, pa.DataType] = {
    "numbers": pa.float64(),
    "text": pa.string(),
    "dates": pa.timestamp("us"),
}


def _taken(rows: pa.Table, good: "Mask") -> pa.Table:
    return rows if good.all() else rows.filter(pa.array(good))


def _mark(why: list[str], bad: "dict[str, Mask]", code: str) -> None:
    """Note the columns to blame for each row that has no reason yet."""
    import numpy as np

    blamed: dict[int, list[str]] = {}
    for name, mask in bad.items():
        for row in np.flatnonzero(mask):
            if not why[row]:
                blamed.setdefault(int(row), []).append(name)
    for row, names in blamed.items():
        why[row] = f"{code}: {', '.join(names)}"


def _missing(column: pa.ChunkedArray) -> "Mask":
    mask: Mask = pc.is_null(column, nan_is_null=True).to_numpy()
    return mask


def _is_float(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind))


def _trimmed(text: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return pc.utf8_trim_whitespace(text)
    except pa.ArrowInvalid:
        # What is not UTF-8 gets a sign in its place that is in no number and no date.
        raw = text.cast(pa.binary()).to_pylist()
        whole = [value and value.decode(errors="replace") for value in raw]
        return pc.utf8_trim_whitespace(pa.chunked_array([whole], pa.string()))


def _read(text: pa.ChunkedArray, kind: Kind) -> pa.ChunkedArray:
    """Return text as numbers or dates, null where it is neither."""
    import pandas as pd

    values = text.to_pandas()
    read: pd.Series[Any]
    if kind == "numbers":
        read = pd.to_numeric(values, errors="coerce").astype("float64")
    else:
        times = pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True)
        read = times.dt.tz_localize(None)
    return pa.chunked_array([pa.Array.from_pandas(read).cast(ARROW[kind], safe=False)])


def _said(error: Exception) -> str:
    """Return what a library said, without the time and the place in its source."""
    return re.sub(r"^\[[\d:]+\] \S+: ", "", first_line(error))[:300]
