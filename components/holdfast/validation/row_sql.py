"""Find the rows that break rules, with DuckDB: SQL conditions, keys, patterns, look-ups.

Rows are told by their numbers, from 0 and in order. Whole tables go through in batches; what a key
needs beyond the memory limit is put on disk.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from holdfast.errors import InputError
from holdfast.table import Table
from holdfast.validation.expectations import (
    Condition,
    ExistsInReference,
    Matches,
    Unique,
)

if TYPE_CHECKING:
    import duckdb

MEMORY = "512MB"
ROW = "holdfast_row"
# Conditions come from outside: they see the rows, and no file of this machine.
_LOCK = "SET enable_external_access = false; SET lock_configuration = true"

Numbers: TypeAlias = "npt.NDArray[np.int64]"
_NONE: Numbers = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Check:
    """A question to each row: `broken` is SQL that holds for the rows to blame."""

    code: str
    columns: tuple[str, ...]
    broken: str


def check_of(rule: Condition | Matches, schema: pa.Schema) -> Check:
    """Return the question that a rule asks of each row.

    Raises:
        InputError: The condition is not SQL on the columns of the table.
    """
    if isinstance(rule, Matches):
        column = f"CAST({quoted(rule.column)} AS VARCHAR)"
        check = Check(
            "matches", (rule.column,), f"NOT regexp_full_match({column}, {text(rule.pattern)})"
        )
    else:
        check = Check("condition", _columns_of(rule.sql, schema), f"NOT ({rule.sql})")
    _try(check, schema)
    return check


def broken_by_checks(table: Table, checks: list[Check]) -> list[Numbers]:
    """Read the table once and return the rows that break each check."""
    if not checks:
        return []
    columns = sorted({name for check in checks for name in check.columns})
    flags = ", ".join(f"coalesce({c.broken}, false) AS b{i}" for i, c in enumerate(checks))
    some = " OR ".join(f"b{i}" for i in range(len(checks)))
    found: list[list[Numbers]] = [[] for _ in checks]
    with _session(table, columns) as session:
        query = f"SELECT * FROM (SELECT {ROW}, {flags} FROM rows) WHERE {some}"  # noqa: S608
        for batch in session.sql(query).to_arrow_reader():
            rows = batch[ROW].to_numpy()
            for index, parts in enumerate(found):
                parts.append(rows[batch[f"b{index}"].to_numpy(zero_copy_only=False)])
    return [np.sort(np.concatenate([*parts, _NONE])) for parts in found]


def broken_by_key(table: Table, rule: Unique) -> Numbers:
    """Return the rows whose key an earlier row has."""
    key = ", ".join(quoted(name) for name in rule.columns)
    with _session(table, rule.columns) as session:
        session.execute(
            f"CREATE TEMP TABLE repeated AS SELECT {key}, min({ROW}) AS first FROM rows "  # noqa: S608
            f"WHERE {_all_known(rule.columns)} GROUP BY {key} HAVING count(*) > 1"
        )
        if not session.sql("FROM repeated LIMIT 1").fetchall():
            return _NONE
    with _session(table, rule.columns) as session:
        rows = session.sql(
            f"SELECT {ROW} FROM (SELECT {ROW}, row_number() OVER (PARTITION BY {key} "  # noqa: S608
            f"ORDER BY {ROW}) AS n FROM rows WHERE {_all_known(rule.columns)}) WHERE n > 1"
        )
        return _numbers(rows)


def broken_by_reference(table: Table, rule: ExistsInReference, reference: Table) -> Numbers:
    """Return the rows whose values no row of the reference holds."""
    pairs = zip(rule.columns, rule.reference_columns, strict=True)
    equal = " AND ".join(f"rows.{quoted(a)} = known.{quoted(b)}" for a, b in pairs)
    keys = ", ".join(quoted(name) for name in rule.reference_columns)
    with _session(table, rule.columns) as session:
        batches = pa.RecordBatchReader.from_batches(
            _schema(reference, rule.reference_columns), reference.batches(rule.reference_columns)
        )
        session.register("reference", batches)
        session.execute(f"CREATE TEMP TABLE known AS SELECT DISTINCT {keys} FROM reference")  # noqa: S608
        try:
            rows = session.sql(
                f"SELECT {ROW} FROM rows ANTI JOIN known ON {equal} "  # noqa: S608
                f"WHERE {_all_known(rule.columns, 'rows.')}"
            )
            return _numbers(rows)
        except _duckdb_error() as error:
            raise InputError(
                f"`reference` must hold values of the same type as the table. Found: "
                f"{_first_line(error)}. Read both columns as the same type."
            ) from error


def quoted(name: str) -> str:
    """Return a column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return a string as SQL."""
    return "'" + value.replace("'", "''") + "'"


@contextmanager
def _session(table: Table, columns: list[str]) -> Iterator["duckdb.DuckDBPyConnection"]:
    """Yield a session that sees the numbered rows of a table, and nothing else of this machine."""
    import duckdb

    with tempfile.TemporaryDirectory() as scratch:
        settings = {"memory_limit": MEMORY, "temp_directory": scratch}
        session = duckdb.connect(config={"autoinstall_known_extensions": False, **settings})
        session.execute(_LOCK)
        session.register("rows", _numbered(table, columns))
        try:
            yield session
        finally:
            session.close()


def _numbered(table: Table, columns: list[str]) -> pa.RecordBatchReader:
    schema = _schema(table, columns).append(pa.field(ROW, pa.int64()))

    def batches() -> Iterator[pa.RecordBatch]:
        first = 0
        for batch in table.batches(columns):
            numbers = pa.array(np.arange(first, first + batch.num_rows))
            yield pa.RecordBatch.from_arrays([*batch.columns, numbers], schema=schema)
            first += batch.num_rows

    return pa.RecordBatchReader.from_batches(schema, batches())


def _schema(table: Table, columns: list[str]) -> pa.Schema:
    return pa.schema([table.schema.field(name) for name in columns])


def _all_known(columns: list[str], of: str = "") -> str:
    return " AND ".join(f"{of}{quoted(name)} IS NOT NULL" for name in columns)


def _numbers(rows: "duckdb.DuckDBPyRelation") -> Numbers:
    return np.sort(rows.to_arrow_table()[ROW].to_numpy())


def _columns_of(condition: str, schema: pa.Schema) -> tuple[str, ...]:
    """Return the columns that a condition names, as DuckDB's own parser sees it."""
    import duckdb

    query = f"SELECT 1 FROM rows WHERE ({condition})"  # noqa: S608
    (answer,) = duckdb.connect().execute("SELECT json_serialize_sql($1)", [query]).fetchone()
    parsed = json.loads(answer)
    if parsed.get("error"):
        raise _not_a_condition(condition, str(parsed.get("error_message")))
    if len(parsed["statements"]) != 1:
        raise _not_a_condition(condition, "more than one statement")
    named: list[str] = []
    for node in _nodes(parsed["statements"][0]["node"]["where_clause"]):
        if node.get("class") == "SUBQUERY":
            raise _not_a_condition(condition, "a subquery; only the columns of a row can be used")
        if node.get("class") == "COLUMN_REF":
            named.append(node["column_names"][-1])
    # DuckDB does not tell names apart by case; neither can a condition.
    by_folded = {name.casefold(): name for name in schema.names}
    return tuple(dict.fromkeys(by_folded[n.casefold()] for n in named if n.casefold() in by_folded))


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for child in children:
        yield from _nodes(child)


def _try(check: Check, schema: pa.Schema) -> None:
    """Ask the question of no rows: mistakes show before data is read."""
    import duckdb

    if not check.columns:
        raise _not_a_condition(check.broken.removeprefix("NOT "), "no column of the table")
    session = duckdb.connect(config={"autoinstall_known_extensions": False})
    session.execute(_LOCK)
    session.register("rows", pa.schema([schema.field(n) for n in check.columns]).empty_table())
    try:
        # The cast tells a condition from any other expression.
        session.sql(f"SELECT CAST(({check.broken}) AS BOOLEAN) FROM rows").fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise _not_a_condition(check.broken.removeprefix("NOT "), _first_line(error)) from error


def _not_a_condition(condition: str, found: str) -> InputError:
    return InputError(
        f"`expectations` must hold conditions that DuckDB's SQL can decide for each row. Found: "
        f"{found} in {condition!r}. Name columns as they are, in double quotes where they are not "
        f"plain words."
    )


def _duckdb_error() -> type[Exception]:
    import duckdb

    return duckdb.Error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
