"""PostgreSQL, streamed both ways as Arrow by ADBC."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from holdfast.data.sources.places import host_of
from holdfast.errors import InputError, MachineError, shown

NUMBERS = ("int2", "int4", "int8", "float4", "float8")
KEPT = (*NUMBERS, "bool", "date", "timestamp", "timestamptz", "text", "varchar")
# Their text is their value; for everything else it is not.
AS_TEXT = ("bpchar", "name", "uuid", "json", "jsonb", "time", "timetz", "interval", "inet", "cidr",
           "macaddr", "xml", "money", "citext", "oid", "bit", "varbit")  # fmt: skip
# The same query over the same rows gives the same order, and so the same table and fingerprint.
STEADY = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "SET LOCAL synchronize_seqscans = off",
    "SET LOCAL max_parallel_workers_per_gather = 0",
    "SET LOCAL TimeZone = 'UTC'",
)
CLASSES = {
    "08": "Check host and port, and that the server runs.",
    "53": "The server has no room for it now: try again, or ask who runs it.",
    "57": "The server starts, stops, or was told to break off: try again.",
    "25": "Only SELECT is allowed here.",
    "28": "Check the user in `uri` and PGPASSWORD.",
    "42": "Correct the query; names and rights are PostgreSQL's.",
}


@contextmanager
def connected(uri: str) -> Iterator[Any]:
    """Yield a connection in a transaction that is rolled back unless it is committed.

    The password comes from PGPASSWORD or what else libpq reads; never from the URI.
    """
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    try:
        connection = dbapi.connect(_with_timeout(uri))
    except Error as error:
        raise refused(uri, error) from error
    try:
        yield connection
    except (Error, OSError) as error:
        raise refused(uri, error) from error
    finally:
        connection.close()


def _with_timeout(uri: str) -> str:
    """Return the URI with libpq's limit: a host that drops packets would hold the step."""
    if "connect_timeout" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}connect_timeout=10"


@contextmanager
def selected(uri: str, query: str) -> Iterator[pa.RecordBatchReader]:
    """Yield the rows of a query as a stream, read in a transaction that cannot write.

    Raises:
        InputError: The user or the query is refused, or a column is no plain value.
        MachineError: The server does not answer.
    """
    if not query.strip():
        raise InputError(
            f"`query` must say what to read from {shown(uri)}. Found: nothing. Pass a SELECT."
        )
    with connected(uri) as connection, connection.cursor() as cursor:
        for setting in STEADY:
            cursor.execute(setting)
        inner = query.strip().rstrip(";")
        schema = cursor.adbc_execute_schema(inner)
        cursor.execute(_plain(inner, schema))
        reader = cursor.fetch_record_batch()
        yield pa.RecordBatchReader.from_batches(
            pa.schema(
                [pa.field(n, f.type) for n, f in zip(schema.names, reader.schema, strict=True)]
            ),
            (batch.rename_columns(schema.names) for batch in _translated(uri, reader)),
        )


def _translated(uri: str, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """Yield the batches; an error of the server, and no other, becomes one for the user."""
    rest = iter(reader)
    while True:
        try:
            batch = next(rest)
        except StopIteration:
            return
        except (pa.ArrowException, OSError) as error:
            raise refused(uri, error) from error
        yield batch


def _plain(query: str, schema: pa.Schema) -> str:
    """Wrap a query so that PostgreSQL itself turns each column into a plain type.

    Numbers without a bound become float64 there: ADBC hands them out as text.
    """
    columns = [f"c{index}" for index in range(len(schema))]
    chosen = [_as_plain(name, field) for name, field in zip(columns, schema, strict=True)]
    # The line break ends a comment that the query may end with.
    return f"SELECT {', '.join(chosen)} FROM (\n{query}\n) AS q({', '.join(columns)})"  # noqa: S608


def _as_plain(column: str, field: pa.Field) -> str:
    kind = (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode()
    if kind in KEPT:
        return column
    if kind == "numeric":
        return f"{column}::float8"
    if kind in AS_TEXT or pa.types.is_string(field.type):
        return f"{column}::text"
    raise InputError(
        f"`query` must give numbers, booleans, dates, times and text. Found: column "
        f"{field.name!r} of type {kind or field.type}. Leave it out, or cast it in the query."
    )


# Of errors that a second try may mend, and what tells them where a connection was not made.
TRANSIENT = ("08", "53", "57")
AWAY = re.compile("Failed to connect|server closed the connection|could not receive data")
BUSY = re.compile("the database system is|too many (?:clients|connections)|connection slots")


def refused(uri: str, error: Exception) -> InputError | MachineError:
    """Return what the server said, with the remedy that its class of error has."""
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    what = next((line for line in said if "ERROR:" in line or "FATAL:" in line), said[0])
    # What comes after may be a row of the user's data.
    what = what.rpartition("ERROR:")[2].rpartition("FATAL:")[2].strip() or said[0]
    if "invalid input" in what or "out of range" in what:
        what = what.partition(":")[0]
    state = str(getattr(error, "sqlstate", None) or "")
    remedy = CLASSES.get(state[:2]) or _remedy(str(error))
    return (MachineError if _is_transient(state, str(error)) else InputError)(
        f"`uri` {shown(uri)} needs PostgreSQL at {host_of(uri) or 'its socket'} to do what is "
        f"asked. Found: {what.rstrip('.')}. {remedy}"
    )


def _is_transient(state: str, said: str) -> bool:
    """Tell whether the server did not answer, or could not do it now."""
    if state:
        return state[:2] in TRANSIENT
    # What begins with FATAL is an answer.
    return bool(BUSY.search(said)) or ("FATAL:" not in said and bool(AWAY.search(said)))


def _remedy(said: str) -> str:
    if BUSY.search(said):
        return CLASSES["57"]
    if "authentication" in said or "password" in said or "role" in said:
        return CLASSES["28"]
    if "Failed to connect" in said:
        return CLASSES["08"]
    return "Try the query with psql."


class Digest:
    """The hash of a stream of rows; ADBC cuts the same rows into the same batches."""

    def __init__(self, schema: pa.Schema) -> None:
        self._hash = hashlib.sha256(str(schema).encode())
        self.rows = 0
        self.bytes = 0

    def update(self, batch: pa.RecordBatch) -> None:
        """Take in a batch."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        self._hash.update(sink.getvalue())
        self.rows += batch.num_rows
        self.bytes += batch.nbytes

    def hexdigest(self) -> str:
        """Return the hash so far."""
        return self._hash.hexdigest()
