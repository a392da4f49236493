"""Write the rows of a source as the table contract, and tell the task from the target."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.data.ingest_table.opening import DEFAULT, open_rows
from holdfast.data.ingest_table.rows import Reading, Rows
from holdfast.errors import InputError
from holdfast.table import Table, TableWriter, Task, open_table

# More distinct whole numbers than this are measured, not classes.
MAX_NUMERIC_CLASSES = 20
# Text with more distinct values is a name, not a class.
MAX_CLASSES = 1000
KEPT = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_date,
    pa.types.is_timestamp,
)
AS_TEXT = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_time,
    pa.types.is_null,
)


def ingest(
    uri: str | Path,
    path: str | Path,
    target: str = "",
    task: str = "",
    query: str = "",
    reading: Reading = DEFAULT,
    fingerprint: str = "",
) -> Table:
    """Write what lies behind `uri` as a table at `path`.

    Raises:
        InputError: The source, the target or the task cannot be used.
    """
    with open_rows(uri, query, reading, fingerprint) as rows:
        return write(rows, path, target, task)


def write(
    rows: Rows, path: str | Path, target: str = "", task: str = "", allow_empty: bool = False
) -> Table:
    """Write rows as a table at `path`.

    Args:
        rows: The opened source.
        path: Where the table goes; nothing is left there after an error.
        target: The column to be predicted; it must vary and be known in every row.
        task: classification or regression; told from the target's values when empty.
        allow_empty: Whether no rows are a table, too.

    Raises:
        InputError: The rows, the target or the task cannot be used.
    """
    if task not in ("", "classification", "regression"):
        raise InputError(
            f"`task` must be classification or regression. Found: {task!r}. Leave it out to have "
            f"it told from the target's values."
        )
    if target and target not in rows.schema.names:
        raise InputError(
            f"`target` must be a column of the table. Found: {target!r}, which is not among "
            f"{rows.schema.names[:30]}. Check the spelling; case counts."
        )
    kinds = [(column.name, _plain(column)) for column in rows.schema]
    schema = pa.schema(kinds, rows.schema.metadata)
    values = TargetValues(target)
    with TableWriter(path, schema, target) as writer:
        for batch in rows.batches:
            plain = batch.cast(schema)
            values.update(plain)
            writer.write(plain)
        if writer.rows == 0 and not allow_empty:
            raise InputError(
                "`uri` must hold at least one row. Found: column names and no row. Check the query "
                "or the export that wrote it, and `where`."
            )
        writer.task = values.task(task) if writer.rows else ""
    return open_table(path)


def _plain(column: pa.Field) -> pa.DataType:
    """Return the type that every family can read: no dictionaries, views, decimals or nulls."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return pa.float64()
    if any(check(kind) for check in KEPT):
        return kind
    if any(check(kind) for check in AS_TEXT):
        return pa.string()
    raise InputError(
        f"`uri` must hold numbers, booleans, dates, times and text. Found: column {column.name!r} "
        f"of type {kind}. Leave it out or flatten it at the source."
    )


class TargetValues:
    """What a stream of target values tells: whether it can be learned, and as which task."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self.missing = 0
        self.numeric = False
        self.whole = True
        self.distinct: set[object] = set()

    def update(self, batch: pa.RecordBatch) -> None:
        """Take in the target's values of one batch."""
        if not self.name:
            return
        values = batch.column(self.name)
        if pa.types.is_temporal(values.type):
            raise InputError(
                f"`target` {self.name!r} must be numbers, booleans or text. Found: {values.type}. "
                f"Derive from it at the source what is to be predicted."
            )
        self.rows += len(values)
        self.numeric = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
        if pa.types.is_floating(values.type):
            values = pc.if_else(pc.is_finite(values), values, None)
            self.whole = self.whole and pc.all(pc.equal(values, pc.floor(values))).as_py() is True
        self.missing += values.null_count
        if len(self.distinct) <= MAX_CLASSES:
            self.distinct.update(pc.unique(values.drop_null()).to_pylist())

    def task(self, wanted: str) -> Task:
        """Return the task, empty where there is no target.

        Raises:
            InputError: Nothing can be learned from the target.
        """
        if not self.name:
            return ""
        if self.missing:
            raise InputError(
                f"`target` {self.name!r} must be known in every row. Found: {self.missing} missing "
                f"or infinite values in {self.rows} rows. Drop these rows, or fill them at the "
                f"source."
            )
        example = next(iter(self.distinct))
        if len(self.distinct) < 2:
            raise InputError(
                f"`target` {self.name!r} must have at least two values. Found: only {example!r} in "
                f"{self.rows} rows. Choose another column, or a source with every class."
            )
        if wanted == "regression" and not self.numeric:
            raise InputError(
                f"`target` {self.name!r} must be numeric for regression. Found: values such as "
                f"{example!r}. Use task=classification, or a numeric column."
            )
        classes = not self.numeric or (self.whole and len(self.distinct) <= MAX_NUMERIC_CLASSES)
        if wanted == "regression" or (not wanted and not classes):
            return "regression"
        if len(self.distinct) > MAX_CLASSES:
            raise InputError(
                f"`target` {self.name!r} must have at most {MAX_CLASSES} classes. Found: more, in "
                f"{self.rows} rows. Choose another column, or group its values at the source."
            )
        return "classification"
