"""The columns of what batch_predict writes, and what must hold of those that it is given."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.model import Model, kind_of, require_columns
from holdfast.performance.answers import answers_of
from holdfast.performance.columns import (
    DATA_SHA256,
    MODEL_NAME,
    MODEL_VERSION,
    PREDICTED_AT,
    PREDICTION,
    PredictionColumns,
)
from holdfast.serving.batch_predict.scoring import ARROW
from holdfast.serving.batch_predict.subject import Subject
from holdfast.table import Table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# As validate_table names it.
REASONS = "quarantine_reasons"
_CHUNK = 2**20


@dataclass(frozen=True)
class Choice:
    """Which columns go along; all where `keep` is empty. `key` says which row a prediction is of.

    `parse` are columns of text that the model reads as numbers or dates.
    """

    keep: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    parse: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """What is written of each row.

    `source` is the table as it is read, `parsed` its columns of text that the model reads as
    numbers or dates, `kept` the columns that go along with a prediction, and `scored` and `aside`
    are the schemas of predictions and quarantine.
    """

    source: pa.Schema
    parsed: tuple[str, ...]
    kept: tuple[str, ...]
    scored: pa.Schema
    aside: pa.Schema

    def predictions(
        self,
        rows: pa.Table,
        output: "npt.NDArray[np.float64]",
        subject: Subject,
        stamp: "Stamp",
    ) -> pa.RecordBatch:
        """Return rows with what the model answered."""
        columns: list[Any] = [rows.column(name) for name in self.kept]
        columns.append(pa.array(answers_of(subject.model, output)))
        columns += [pa.array(output[:, n]) for n in range(len(subject.model.info.classes))]
        same = (subject.name, subject.version, stamp.data_sha256, stamp.predicted_at)
        columns += [pa.repeat(pa.scalar(value), rows.num_rows) for value in same]
        fields = zip(self.scored, columns, strict=True)
        arrays = [_whole(column).cast(field.type) for field, column in fields]
        return pa.RecordBatch.from_arrays(arrays, schema=self.scored)

    def quarantine(self, rows: pa.Table, reasons: Sequence[str]) -> pa.RecordBatch:
        """Return rows as they came, with the reasons."""
        columns = [_whole(column) for column in rows.columns]
        return pa.RecordBatch.from_arrays([*columns, pa.array(reasons)], schema=self.aside)


@dataclass(frozen=True)
class Stamp:
    """What a batch was made of, and when."""

    data_sha256: str
    predicted_at: datetime


def lay_out(table: Table, model: Model, choice: Choice) -> Layout:
    """Check a table against the model and the choice, and say what is written of it.

    Raises:
        InputError: A column is missing, of another type, or has a name that is needed.
    """
    _require_known(table, model, choice)
    parsed = _parsed(table, model, choice)
    read = pa.schema([_as_read(field, model, parsed) for field in table.schema])
    require_columns(read, model, "inputs", model.info.features)
    source = pa.schema([pa.field(field.name, _plain(field.type)) for field in table.schema])
    wanted = {*(choice.keep or source.names), *choice.key, model.info.target}
    kept = tuple(name for name in source.names if name in wanted)
    meaning = PredictionColumns(model.info.task, model.info.target, model.info.classes)
    answer = pa.array(list(model.info.classes)).type if model.info.classes else pa.float64()
    new = [
        (PREDICTION, answer),
        *((name, pa.float64()) for name in meaning.probabilities),
        (MODEL_NAME, pa.string()),
        (MODEL_VERSION, pa.int64()),
        (DATA_SHA256, pa.string()),
        (PREDICTED_AT, pa.timestamp("us", tz="UTC")),
    ]
    _require_free([name for name, _ in new], kept, "Leave it out by `keep`, or rename it")
    _require_free([REASONS], source.names, "Rename it")
    scored = pa.schema([*(source.field(name) for name in kept), *(pa.field(*one) for one in new)])
    aside = source.append(pa.field(REASONS, pa.string()))
    return Layout(source, parsed, kept, meaning.attach(scored), aside)


def content_of(table: Table) -> str:
    """Return the sha256 of a table's content; one that came without a manifest is read for it."""
    if table.sha256:
        return table.sha256
    files = sorted(p for p in table.path.rglob("*") if p.is_file()) or [table.path]
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as source:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def time_of(text: str) -> datetime:
    """Return the time that predictions are of; now where the text is empty.

    Raises:
        InputError: It is no time.
    """
    if not text:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"`predicted_at` must be a time by ISO 8601, such as 2026-11-21T06:00:00Z. Found: "
            f"{text!r}. Leave it out for now."
        ) from error


def _require_known(table: Table, model: Model, choice: Choice) -> None:
    columns, features = table.schema.names, _no_text(model)
    asked = (
        ("keep", choice.keep, "columns", columns),
        ("key", choice.key, "columns", columns),
        ("parse", choice.parse, "features that `model` reads as numbers or dates", features),
    )
    for parameter, names, what, known in asked:
        unknown = [name for name in names if name not in known]
        if unknown:
            raise InputError(
                f"`{parameter}` must name {what}. Found: {unknown[:10]}, not among {known[:30]}. "
                f"Check the spelling; case counts."
            )


def _no_text(model: Model) -> list[str]:
    return [name for name in model.info.features if model.info.kind_of(name) != "text"]


def _parsed(table: Table, model: Model, choice: Choice) -> tuple[str, ...]:
    """Return the columns of text to read as numbers or dates: the chosen, and those of no value."""
    texts = [
        name
        for name in _no_text(model)
        if name in table.schema.names and kind_of(table.schema.field(name).type) == "text"
    ]
    filled = _with_values(table, [name for name in texts if name not in choice.parse])
    if filled:
        raise InputError(
            f"`inputs` must hold {filled[:10]} as numbers or dates, as `model` learned them. "
            f"Found: text. Pass a table made by the same query as the training table, or name them "
            f"in `parse`, which sets aside the rows whose text can't be read."
        )
    return tuple(texts)


def _with_values(table: Table, names: Sequence[str]) -> list[str]:
    """Return the columns with a value; of the others a CSV file does not tell the type."""
    empty = list(names)
    for batch in table.batches(names) if names else ():
        empty = [name for name in empty if batch.column(name).null_count == batch.num_rows]
        if not empty:
            break
    return [name for name in names if name not in empty]


def _require_free(needed: Sequence[str], names: Sequence[str], remedy: str) -> None:
    taken = [name for name in needed if name in names]
    if taken:
        raise InputError(
            f"`inputs` must have no column of a name that is written here. Found: {taken}. "
            f"{remedy}."
        )


def _as_read(field: pa.Field, model: Model, parsed: Sequence[str]) -> pa.Field:
    """Return a column as the model gets it: text that is parsed is what it stands for."""
    return field.with_type(ARROW[model.info.kind_of(field.name)]) if field.name in parsed else field


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return a type that every family can read: no dictionaries and no views."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.large_string() if pa.types.is_string_view(value) else value


def _whole(column: "pa.Array | pa.ChunkedArray") -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
