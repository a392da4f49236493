"""Find the rows that break rules, with DuckDB: SQL conditions, keys, patterns, look-ups.

Rows are told by their numbers, from 0 and in order. Whole tables go through in batches; what a key
needs beyond the memory limit is put on disk.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from holdfast.errors import InputError, first_line
from holdfast.table import Table, is_number
from holdfast.validation.conditions import (
    LOCK,
    Expression,
    place,
    read_condition,
    readable,
    require_condition,
)
from holdfast.validation.expectations import (
    Condition,
    ExistsInReference,
    Matches,
    Unique,
)

if TYPE_CHECKING:
    import duckdb

ROW = '"holdfast row"'
# So many questions at once; each lengthens the time that DuckDB plans for.
CHECKS = 200

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
        InputError: The condition is not SQL on the columns of the table, or the pattern is none.
    """
    if isinstance(rule, Condition):
        condition = read_condition(rule.sql, schema)
        return Check("condition", condition.columns, f"NOT {condition.sql}")
    import duckdb

    column = f"CAST({place(schema, rule.column)} AS VARCHAR)"
    matches = f"regexp_full_match({column}, {text(rule.pattern)})"
    try:
        require_condition(Expression(matches, (rule.column,)), schema)
    except duckdb.Error as error:
        raise InputError(
            f"`expectations` must hold regular expressions of RE2. Found: {first_line(error)} in "
            f"{rule.pattern[:300]!r} for column {rule.column!r}. RE2 has no look-around and no "
            f"references to groups."
        ) from error
    return Check("matches", (rule.column,), f"NOT {matches}")


def broken_by_checks(table: Table, checks: Sequence[Check]) -> list[Numbers]:
    """Read the table once for so many checks and return the rows that break each.

    Raises:
        InputError: A condition cannot be decided for some row.
    """
    import duckdb

    found: list[Numbers] = []
    for first in range(0, len(checks), CHECKS):
        some = checks[first : first + CHECKS]
        try:
            found += _broken(table, some)
        except (duckdb.Error, pa.ArrowException) as error:
            # DuckDB's own message would name a value.
            kind, rules = str(error).partition(":")[0], [(c.code, *c.columns) for c in some]
            raise InputError(
                f"`expectations` must hold conditions that can be decided for each row. Found: "
                f"{kind} in one of {rules[:20]}. Use TRY_CAST instead of CAST."
            ) from None
    return found


def _broken(table: Table, checks: Sequence[Check]) -> list[Numbers]:
    columns = list(dict.fromkeys(name for check in checks for name in check.columns))
    flags = ", ".join(f"coalesce({c.broken}, false) AS b{i}" for i, c in enumerate(checks))
    some = " OR ".join(f"b{i}" for i in range(len(checks)))
    found: list[list[Numbers]] = [[] for _ in checks]
    with _session() as session:
        session.register("rows", _numbered(table, columns))
        query = f"SELECT * FROM (SELECT {ROW}, {flags} FROM rows) WHERE {some}"  # noqa: S608
        for batch in session.sql(query).to_arrow_reader():
            rows = batch[0].to_numpy()
            for index, parts in enumerate(found):
                parts.append(rows[batch[index + 1].to_numpy(zero_copy_only=False)])
    return [np.sort(np.concatenate([*parts, _NONE])) for parts in found]


def broken_by_key(table: Table, rule: Unique) -> Numbers:
    """Return the rows whose key an earlier row has."""
    places = [place(table.schema, name) for name in dict.fromkeys(rule.columns)]
    key = ", ".join(places)
    with _session() as session:
        session.register("rows", _numbered(table, rule.columns))
        session.execute(
            f"CREATE TEMP TABLE repeated AS SELECT {key}, min({ROW}) AS first FROM rows "  # noqa: S608
            f"WHERE {_all_known(places)} GROUP BY {key} HAVING count(*) > 1"
        )
        if not session.sql("FROM repeated LIMIT 1").fetchall():
            return _NONE
        # A reader is read once.
        session.register("again", _numbered(table, rule.columns))
        return _numbers(
            session.sql(
                f"SELECT {ROW} FROM again JOIN repeated USING ({key}) "  # noqa: S608
                f"WHERE {ROW} > first"
            )
        )


def broken_by_reference(table: Table, rule: ExistsInReference, reference: Table) -> Numbers:
    """Return the rows whose values no row of the reference holds."""
    places = [place(table.schema, name) for name in rule.columns]
    others = [place(reference.schema, name) for name in rule.reference_columns]
    equal = " AND ".join(f"rows.{a} = known.{b}" for a, b in zip(places, others, strict=True))
    with _session() as session:
        session.register("rows", _numbered(table, rule.columns))
        session.register("reference", _numbered(reference, rule.reference_columns))
        session.execute(
            f"CREATE TEMP TABLE known AS SELECT DISTINCT {', '.join(dict.fromkeys(others))} "  # noqa: S608
            f"FROM reference"
        )
        return _numbers(
            session.sql(
                f"SELECT {ROW} FROM rows ANTI JOIN known ON {equal} "  # noqa: S608
                f"WHERE {_all_known(places)}"
            )
        )


def require_comparable(rule: ExistsInReference, schema: pa.Schema, reference: pa.Schema) -> None:
    """Refuse a look-up of values among those of another type.

    Raises:
        InputError: DuckDB would compare them as something else than they are, or not at all.
    """
    for name, other in zip(rule.columns, rule.reference_columns, strict=True):
        kinds = schema.field(name).type, reference.field(other).type
        if _kind(kinds[0]) != _kind(kinds[1]):
            raise InputError(
                f"`reference` must hold values of the same type as the table. Found: column "
                f"{other!r} of {kinds[1]} for {name!r} of {kinds[0]}. Read both as one type."
            )


def text(value: str) -> str:
    """Return a string as SQL."""
    return "'" + value.replace("'", "''") + "'"


@contextmanager
def _session() -> Iterator["duckdb.DuckDBPyConnection"]:
    """Yield a session that sees nothing of this machine."""
    import duckdb

    with tempfile.TemporaryDirectory() as scratch:
        session = duckdb.connect(config={"temp_directory": scratch})
        session.execute(LOCK)
        try:
            yield session
        finally:
            session.close()


def _numbered(table: Table, columns: Sequence[str]) -> pa.RecordBatchReader:
    """Return the rows of some columns, which are called by their places, with their numbers."""
    names = list(dict.fromkeys(columns))
    fields = [(place(table.schema, n)[1:-1], readable(table.schema.field(n))) for n in names]
    schema = pa.schema([*fields, (ROW[1:-1], pa.int64())])

    def batches() -> Iterator[pa.RecordBatch]:
        first = 0
        for batch in table.batches(names):
            numbers = pa.array(np.arange(first, first + batch.num_rows))
            columns = [c.cast(f.type) for c, f in zip(batch.columns, schema, strict=False)]
            yield pa.RecordBatch.from_arrays([*columns, numbers], schema=schema)
            first += batch.num_rows

    return pa.RecordBatchReader.from_batches(schema, batches())


def _all_known(places: Sequence[str]) -> str:
    return " AND ".join(f"{each} IS NOT NULL" for each in places)


def _numbers(rows: "duckdb.DuckDBPyRelation") -> Numbers:
    return np.sort(rows.to_arrow_table()[0].to_numpy())


def _kind(kind: pa.DataType) -> str:
    """Return what a type's values can be compared with."""
    if pa.types.is_dictionary(kind):
        return _kind(kind.value_type)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "time"
    text_kinds = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return "number" if is_number(kind) else "text" if text_kinds else str(kind)
