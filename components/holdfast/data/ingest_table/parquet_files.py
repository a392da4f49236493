"""Parquet, read by pyarrow in batches."""

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.data.ingest_table.rows import (
    File,
    Piece,
    Reading,
    Rows,
    batch_rows,
    numbered,
    require_same_columns,
    translated,
)
from holdfast.errors import InputError, first_line


def open_parquet(files: Sequence[File], reading: Reading) -> Rows:
    """Open Parquet files of the same columns; a column of several types is read as one for all.

    Raises:
        InputError: A file is cut off or damaged, or parts differ in their columns.
    """
    opened = [_open(file) for file in files]
    schemas = [part.schema_arrow for part in opened]
    require_same_columns(files, [schema.names for schema in schemas])
    names = schemas[0].names
    wanted = set(reading.wanted(names))
    schema = pa.schema(
        [_one_type([s.field(name) for s in schemas]) for name in names if name in wanted],
        metadata=_said_of_itself(schemas),
    )
    return Rows(schema, _read(files, opened, schema))


def _open(file: File) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file.path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file)(error) from error


def _damaged(file: File) -> Callable[[Exception], InputError]:
    def explain(error: Exception) -> InputError:
        return InputError(
            f"{file.label} must be a whole Parquet file. Found: {first_line(error)} Copy it "
            f"again, or write it again."
        )

    return explain


def _read(
    files: Sequence[File], opened: Sequence[pq.ParquetFile], schema: pa.Schema
) -> Iterator[Piece]:
    for file, part in zip(files, opened, strict=True):
        batches = part.iter_batches(batch_rows(len(schema)), columns=schema.names)
        found = translated(batches, (pa.ArrowException, OSError), _damaged(file))
        chosen = (_as(batch.select(schema.names), schema) for batch in found)
        yield from numbered(file.label, chosen)


def _as(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        column if column.type == field.type else column.cast(field.type, safe=False)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _said_of_itself(schemas: Sequence[pa.Schema]) -> dict[bytes, bytes]:
    """Return what a table of ours says of its columns, where all parts say it alike."""
    first, *others = [schema.metadata or {} for schema in schemas]
    ours = {key: value for key, value in first.items() if key.startswith(b"holdfast.")}
    return {k: v for k, v in ours.items() if all(other.get(k) == v for other in others)}


def _one_type(fields: Sequence[pa.Field]) -> pa.Field:
    """Return a field that holds the values of all parts: numbers widen, all else is text."""
    kinds = {field.type for field in fields} - {pa.null()}
    if len(kinds) <= 1:
        return pa.field(fields[0].name, kinds.pop() if kinds else pa.null())
    number = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in kinds)
    if not number:
        return pa.field(fields[0].name, pa.string())
    plain = [pa.schema([field.with_nullable(True).remove_metadata()]) for field in fields]
    return pa.unify_schemas(plain, promote_options="permissive").field(0)
