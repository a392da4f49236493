"""What is done to rows between their source and the table: missing values, types, rows, columns."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.data.ingest_table.rows import Piece, Reading, Rows, brief
from holdfast.errors import InputError, first_line

# By the names of Arrow, and as a table's manifest writes them.
TYPES = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "double": pa.float64(),
    "string": pa.string(),
    "bool": pa.bool_(),
    "date32": pa.date32(),
    "date32[day]": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamp[us]": pa.timestamp("us"),
    "timestamp[us, tz=UTC]": pa.timestamp("us", tz="UTC"),
}
# Evaluates an expression without reach: no files, no network, no settings, no names of Python's.
LOCKED = {
    "enable_external_access": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,
    "allow_community_extensions": False,
    "lock_configuration": True,
    "memory_limit": "256MB",
    "threads": 1,
}

Keep = Callable[[pa.RecordBatch], pa.RecordBatch]


def shape(rows: Rows, reading: Reading) -> Rows:
    """Return rows with declared types, without those that `where` leaves out, and as selected.

    Raises:
        InputError: A name or type is unknown, or `where` is no expression over the columns.
    """
    names = rows.schema.names
    reading.wanted(names)
    types = declared(reading.types)
    said = rows.schema.metadata
    schema = pa.schema([pa.field(f.name, types.get(f.name, f.type)) for f in rows.schema], said)
    keep = row_filter(reading.where, schema) if reading.where.strip() else None
    chosen = list(reading.columns) or names
    final = pa.schema([schema.field(name) for name in chosen], said)

    def shaped() -> Iterator[Piece]:
        for piece in rows.pieces:
            batch = _without(piece.batch, reading.null_values)
            batch = _converted(batch, schema, piece)
            batch = keep(batch) if keep else batch
            yield Piece(batch.select(chosen), piece.label, piece.start)

    return Rows(final, shaped(), rows.origin)


def declared(types: Mapping[str, str]) -> dict[str, pa.DataType]:
    """Return Arrow types by column.

    Raises:
        InputError: A type is unknown.
    """
    unknown = sorted({str(kind) for kind in types.values()} - set(TYPES))
    if unknown:
        raise InputError(
            f"`types` must give each column one of {list(TYPES)}. Found: {unknown[:10]}. Correct "
            f"it."
        )
    return {name: TYPES[kind] for name, kind in types.items()}


def _without(batch: pa.RecordBatch, null_values: Sequence[str]) -> pa.RecordBatch:
    """Return the batch with texts that stand for a missing value made missing."""
    if not null_values:
        return batch
    columns = []
    for column in batch.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            missing = pc.is_in(column, value_set=pa.array(null_values, column.type))
            columns.append(pc.if_else(missing, pa.scalar(None, column.type), column))
        else:
            columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _converted(batch: pa.RecordBatch, schema: pa.Schema, piece: Piece) -> pa.RecordBatch:
    columns = []
    for column, field in zip(batch.columns, schema, strict=True):
        same = column.type == field.type
        columns.append(column if same else _convert(column, field, piece))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _convert(column: pa.Array, field: pa.Field, piece: Piece) -> pa.Array:
    try:
        return _cast(column, field.type)
    except pa.ArrowException as error:
        row = piece.start + _first_bad(column, field.type) + 1
        raise InputError(
            f"`types` says that column {field.name!r} is {field.type}. Found: a value in row {row} "
            f"of {piece.label} that is not (the header is not counted). Declare it as string, or "
            f"name the text in `null_values` if it means missing."
        ) from error


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast strictly: Arrow refuses 1.5 as a whole number, and a time without its offset as UTC."""
    if pa.types.is_string(column.type):
        column = pc.utf8_trim_whitespace(column)
    return pc.cast(column, kind)


def _first_bad(column: pa.Array, kind: pa.DataType) -> int:
    """Return the index of the first value that cannot be cast, found by halving."""
    low, high = 0, len(column)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            _cast(column.slice(low, middle - low), kind)
            low = middle
        except pa.ArrowException:
            high = middle
    return low


def row_filter(where: str, schema: pa.Schema) -> Keep:
    """Return a function that keeps the rows for which a SQL expression over the columns is true.

    Each batch is looked at alone, so that order and memory stay as they are.

    Raises:
        InputError: It is no such expression.
    """
    import duckdb

    lower = [name.lower() for name in schema.names]
    if len(set(lower)) < len(lower):
        raise InputError(
            "`where` needs names that differ in more than case. Found: some that do not. Rename "
            "them at the source."
        )
    connection = duckdb.connect(config=LOCKED)

    def keep(batch: pa.RecordBatch) -> pa.RecordBatch:
        try:
            table = pa.Table.from_batches([batch])
            found = connection.from_arrow(table).project(f"CAST(({where}\n) AS BOOLEAN) AS keep")
            mask = found.to_arrow_table().column(0)
        except (duckdb.Error, pa.ArrowException) as error:
            raise _not_an_expression(error, schema) from error
        return batch.filter(mask.combine_chunks())

    try:
        # Only as a filter are aggregates and windows refused, which would see one batch alone.
        connection.from_arrow(schema.empty_table()).filter(f"({where}\n)").fetchall()
    except (duckdb.Error, pa.ArrowException) as error:
        raise _not_an_expression(error, schema) from error
    return keep


def _not_an_expression(error: Exception, schema: pa.Schema) -> InputError:
    said = first_line(error).rpartition("Error: ")[2]
    if "Conversion" in str(error):
        # What follows is a value of the user's data.
        said = "a value that cannot be converted as the expression asks"
    return InputError(
        f'`where` must be a SQL condition over the columns, such as "age" >= 18, or what a window '
        f"makes of `time_column`, a column of times, dates or ISO 8601 text. Found: "
        f'{said[:300].rstrip(".")}. The columns are {brief(schema.names)}; quote names by ".'
    )
