"""What is given to the join: rows with their window and label, checked on the way."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.monitoring.scored import Scored, as_label
from holdfast.monitoring.time_windows import ALL, STAMP, Windows
from holdfast.performance.columns import PREDICTED_AT, PREDICTION
from holdfast.table import Table

# Columns of ours beside those of the tables.
ROW, WINDOW, TIME, LABEL = (f"holdfast_{name}" for name in ("row", "window", "time", "label"))
KINDS = {
    "whole numbers": pa.types.is_integer,
    "fractions": pa.types.is_floating,
    "text": lambda kind: (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    ),
    "dates": pa.types.is_date,
}
Rows = tuple[pa.Schema, Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Labels:
    """Where the labels are: in a table of their own, or in the predictions' where it is None."""

    column: str
    keys: tuple[str, ...] = ()
    table: Table | None = None

    @property
    def joined_by(self) -> tuple[str, ...]:
        """The keys; none where there is nothing to join."""
        return self.keys if self.table is not None else ()


def time_column(scored: Scored, wanted: str, window: str) -> str:
    """Return the column with the time of a row: the wanted one, or when it was predicted.

    Raises:
        InputError: There is no such column, and rows are to be cut by it.
    """
    if wanted:
        scored.require([wanted], "time")
        return wanted
    if PREDICTED_AT in scored.table.schema.names:
        return PREDICTED_AT
    if window:
        raise InputError(
            f"`window` needs a column with the time of each row. Found: no `time`, and no "
            f"{PREDICTED_AT!r} in `{scored.name}`. Name the column."
        )
    return ""


def check(scored: Scored, labels: Labels) -> None:
    """Refuse tables that cannot be joined.

    Raises:
        InputError: A column is missing, or keys are of different types.
    """
    if labels.table is None:
        scored.require([labels.column], "label")
        return
    if not labels.keys:
        raise InputError(
            "`keys` must name the columns that `predictions` and `labels` share, such as an id. "
            "Found: none. Without a key nothing tells which label belongs to which prediction."
        )
    scored.require(labels.keys, "keys")
    names = labels.table.schema.names
    lacking = [name for name in (*labels.keys, labels.column) if name not in names]
    if lacking:
        raise InputError(
            f"`labels` must hold the keys and the label {labels.column!r}. Found: {names[:20]}, "
            f"without {lacking}. Name the label's column by `label`, or rename it."
        )
    for key in labels.keys:
        kinds = [_plain(t.schema.field(key).type) for t in (scored.table, labels.table)]
        if _kind(kinds[0]) != _kind(kinds[1]):
            raise InputError(
                f"`keys` must be of one type in `predictions` and `labels`. Found: {key!r} is "
                f"{kinds[0]} in the one and {kinds[1]} in the other. Convert one of them."
            )


def scored_rows(scored: Scored, labels: Labels, windows: Windows) -> Rows:
    """Return the predictions with row number, window, time and, where it is theirs, label."""
    answers = [PREDICTION, *scored.columns.probabilities]
    own = [] if labels.table is not None else [labels.column]
    names = list(dict.fromkeys([*labels.joined_by, *answers]))
    schema = scored.table.schema
    like = schema.field(PREDICTION).type
    fields = [pa.field(name, _plain(schema.field(name).type)) for name in names]
    fields += [pa.field(ROW, pa.int64()), pa.field(WINDOW, pa.int64()), pa.field(TIME, STAMP)]
    fields += [pa.field(LABEL, as_label(pa.nulls(0), like, scored.columns, "x").type)] * len(own)
    whole = pa.schema(fields)

    def batches() -> Iterator[pa.RecordBatch]:
        first = 0
        timed = [windows.column] if windows.column else []
        for batch in scored.batches([*names, *timed, *own]):
            rows = batch.num_rows
            columns = [_decoded(batch[name]) for name in names]
            columns.append(pa.array(range(first, first + rows), pa.int64()))
            columns += window_of(batch, windows, scored.name)
            columns += [as_label(batch[n], like, scored.columns, scored.name) for n in own]
            first += rows
            yield pa.RecordBatch.from_arrays(columns, schema=whole)

    return whole, batches()


def label_rows(table: Table, labels: Labels, scored: Scored) -> Rows:
    """Return the labels with their keys."""
    like = scored.table.schema.field(PREDICTION).type
    fields = [pa.field(key, _plain(table.schema.field(key).type)) for key in labels.keys]
    kind = as_label(pa.nulls(0), like, scored.columns, "labels").type
    schema = pa.schema([*fields, pa.field(LABEL, kind)])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in table.batches(list(dict.fromkeys([*labels.keys, labels.column]))):
            columns = [_decoded(batch[key]) for key in labels.keys]
            columns.append(as_label(batch[labels.column], like, scored.columns, "labels"))
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return schema, batches()


def window_of(batch: pa.RecordBatch, windows: Windows, name: str) -> list[pa.Array]:
    """Return window and time of each row."""
    if not windows.column:
        return [pa.array([ALL] * batch.num_rows, pa.int64()), pa.nulls(batch.num_rows, STAMP)]
    times = batch[windows.column]
    return [windows.of(times, name), windows.instants(times, name)]


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _decoded(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _kind(kind: pa.DataType) -> str:
    return next((name for name, check in KINDS.items() if check(kind)), str(kind))
