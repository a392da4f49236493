"""Replace the rows of a PostgreSQL table in one transaction."""

from typing import Any

import pyarrow as pa

from holdfast.data.sources.postgresql import connected
from holdfast.errors import InputError, shown
from holdfast.table import Table

# PostgreSQL cuts longer names off without an error.
MAX_NAME_BYTES = 63


def replace_rows(table: Table, uri: str, table_name: str, content: str) -> bool:
    """Write all rows, and return whether that was needed.

    Raises:
        InputError: The table cannot be written; its old rows are untouched.
    """
    schema_name, _, name = table_name.rpartition(".")
    if not name or '"' in table_name or "\0" in table_name:
        raise InputError(
            f"`table_name` must be TABLE or SCHEMA.TABLE for {shown(uri)}. Found: {table_name!r}. "
            f"Name the table to write."
        )
    _require_short([name, *table.schema.names])
    full = f'"{schema_name}"."{name}"' if schema_name else f'"{name}"'
    comment = f"holdfast {content}"
    plain = pa.schema([(field.name, _portable(field.type)) for field in table.schema])
    rows = pa.RecordBatchReader.from_batches(
        plain, (batch.cast(plain, safe=False) for batch in table.batches())
    )
    with connected(uri) as connection, connection.cursor() as cursor:
        # Two exports to one table wait for each other.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext($1))", (full,))
        exists, there = _state(cursor, full)
        if there == comment:
            return False
        if exists:
            # Not TRUNCATE, after which a reader's older transaction sees an empty table.
            cursor.execute(f"DELETE FROM {full}")  # noqa: S608  # a quoted name
        mode = "append" if exists else "create"
        cursor.adbc_ingest(name, rows, mode=mode, db_schema_name=schema_name or None)
        cursor.execute(f"COMMENT ON TABLE {full} IS '{comment}'")
        connection.commit()
    return True


def _state(cursor: Any, full: str) -> tuple[bool, str]:
    """Return whether a table is there, and its comment."""
    cursor.execute(
        "SELECT to_regclass($1) IS NOT NULL, "
        "coalesce(obj_description(to_regclass($1), 'pg_class'), '')",
        (full,),
    )
    exists, comment = cursor.fetchone()
    return bool(exists), str(comment)


def _require_short(names: list[str]) -> None:
    long = [name for name in names if len(name.encode()) > MAX_NAME_BYTES]
    if long:
        raise InputError(
            f"`table` must have names of at most {MAX_NAME_BYTES} bytes for PostgreSQL. Found: "
            f"{long[0][:60]!r}… Rename the column, or export to a file."
        )


def _portable(kind: pa.DataType) -> pa.DataType:
    """Return a type that ADBC writes: PostgreSQL has no unsigned numbers and no nanoseconds."""
    if pa.types.is_unsigned_integer(kind):
        return pa.int64()
    if pa.types.is_date(kind):
        return pa.date32()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz=kind.tz)
    return kind
