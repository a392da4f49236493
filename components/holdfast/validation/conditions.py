"""SQL conditions that people write, taken apart by DuckDB's own parser before data is read.

A condition may do nothing but look at one row: no file, no subquery, no other row, no chance. Its
columns get the names of `place`, so that no name in a table can clash with another or be mistaken.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from holdfast.errors import InputError, first_line

if TYPE_CHECKING:
    import duckdb

# Conditions come from outside: they see the rows, and no file of this machine; and their answer
# must not depend on the machine.
LOCK = (
    "SET memory_limit = '512MB'; SET TimeZone = 'UTC'; SET enable_external_access = false; "
    "SET autoload_known_extensions = false; SET lock_configuration = true"
)
# What DuckDB's parser calls the parts of an expression on a single row.
_ALLOWED = {
    "BETWEEN",
    "CASE",
    "CAST",
    "COLLATE",
    "COLUMN_REF",
    "COMPARISON",
    "CONJUNCTION",
    "CONSTANT",
    "FUNCTION",
    "LAMBDA",
    "OPERATOR",
    "TYPE",
}


@dataclass(frozen=True)
class Expression:
    """SQL on the columns of a row, which it calls by their places."""

    sql: str
    columns: tuple[str, ...]


def place(schema: pa.Schema, column: str) -> str:
    """Return what SQL calls a column, as an identifier.

    DuckDB does not tell "id" from "ID"; tables do.
    """
    return f'"holdfast {schema.get_field_index(column)}"'


def readable(field: pa.Field) -> pa.DataType:
    """Return the type that DuckDB reads a column as.

    Raises:
        InputError: It reads none.
    """
    if pa.types.is_float16(field.type):
        return pa.float32()
    if pa.types.is_decimal256(field.type):
        raise InputError(
            f"`table` must hold numbers of up to 38 digits where rules name them. Found: column "
            f"{field.name!r} of {field.type}. Read it as another type."
        )
    return field.type


def read_condition(condition: str, schema: pa.Schema) -> Expression:
    """Return a condition as an expression on the columns of a table.

    Raises:
        InputError: It is no SQL condition on the columns of a row.
    """
    import duckdb

    try:
        usual, document = _parsed("true"), _parsed(condition)
        where = _where(document, usual)
        columns = [_placed(node, schema) for node in _nodes(where)]
        ((sql,),) = (
            _session()
            .execute("SELECT json_deserialize_sql($1::JSON)", [json.dumps(document)])
            .fetchall()
        )
        named = tuple(dict.fromkeys(name for name in columns if name))
        expression = Expression(f"({sql.partition(' WHERE ')[2]})", named)
        require_condition(expression, schema)
    except (duckdb.Error, ValueError, RecursionError) as error:
        found = "too many nested parts" if isinstance(error, RecursionError) else first_line(error)
        raise InputError(
            f"`expectations` must hold conditions that DuckDB's SQL can decide for each row. "
            f"Found: {found} in {condition[:300]!r}. Name columns as they are, in double quotes "
            f"where they are not plain words."
        ) from error
    return expression


def require_condition(expression: Expression, schema: pa.Schema) -> None:
    """Ask an expression of a row without values: mistakes show before data is read.

    Raises:
        ValueError: It names no column, or is neither true nor false.
        duckdb.Error: It is of no sense to DuckDB.
    """
    if not expression.columns:
        raise ValueError("no column of the table")
    names = [place(schema, name)[1:-1] for name in expression.columns]
    nulls = [pa.nulls(1, readable(schema.field(name))) for name in expression.columns]
    session = _session()
    session.register("rows", pa.table(nulls, names))
    # Where rows are chosen, DuckDB takes no aggregates.
    answer = session.sql(f"SELECT {expression.sql} FROM rows WHERE {expression.sql}")  # noqa: S608
    if str(answer.types[0]) != "BOOLEAN":
        raise ValueError(f"{answer.types[0]} instead of true or false")
    answer.fetchall()


@cache
def _session() -> "duckdb.DuckDBPyConnection":
    import duckdb

    session = duckdb.connect()
    session.execute(LOCK)
    return session


@cache
def _volatile() -> frozenset[str]:
    """Return the functions that have effects, or an answer that is not in their arguments."""
    found = _session().sql(
        "SELECT function_name FROM duckdb_functions() WHERE stability = 'VOLATILE'"
    )
    return frozenset(name for (name,) in found.fetchall())


def _parsed(condition: str) -> dict[str, Any]:
    query = f"SELECT 1 FROM rows WHERE {condition}"  # noqa: S608
    ((answer,),) = _session().execute("SELECT json_serialize_sql($1)", [query]).fetchall()
    document: dict[str, Any] = json.loads(answer)
    if document.get("error"):
        raise ValueError(str(document.get("error_message")))
    return document


def _where(document: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """Return the condition of a query that differs from the usual one in nothing else."""
    statements = document["statements"]
    where: dict[str, Any] = statements[0]["node"].get("where_clause")
    (expected,) = usual["statements"]
    expected["node"]["where_clause"] = where
    if statements != [expected]:
        raise ValueError("more than one condition")
    return where


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Yield the parts of an expression.

    Raises:
        ValueError: One of them needs more than the row.
    """
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            kind = node.get("class", "CONSTANT")
            if kind not in _ALLOWED:
                raise ValueError(f"a {kind.lower()}; only the columns of a row can be used")
            if str(node.get("function_name")).lower() in _volatile():
                raise ValueError(f"{node['function_name']}, whose answer is not in the row")
            yield node
            waiting += reversed(node.values())
        elif isinstance(node, list):
            waiting += reversed(node)


def _placed(node: dict[str, Any], schema: pa.Schema) -> str:
    """Let a part that names a column name its place; return the column, empty for none."""
    if node.get("class") != "COLUMN_REF":
        return ""
    (*table, name) = node["column_names"]
    if table:
        raise ValueError(f"{'.'.join(node['column_names'])}; name columns alone")
    # DuckDB reads names without regard to case.
    alike = [c for c in schema.names if c.lower() == name.lower()]
    if name not in alike and len(alike) > 1:
        raise ValueError(f"{name}, which could be any of {alike}; write one of them")
    column = name if name in alike else "".join(alike)
    if column:
        node["column_names"] = [place(schema, column)[1:-1]]
    # DuckDB's own words, such as current_date, look like columns.
    return column
