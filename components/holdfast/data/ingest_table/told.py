"""Types told from values: DuckDB's guesses, kept where they change nothing."""

from collections.abc import Callable, Mapping, Sequence

import duckdb
import pyarrow as pa

ARROW = {
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
    "VARCHAR": pa.string(),
}
DATE = r"\d{4}-\d{2}-\d{2}"
TIME = rf"{DATE}(?:[T ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,6}})?)?)?"
OFFSET = r"(?:Z|[+-]\d{2}(?::?\d{2})?)"
TEMPORAL = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
# The whole process stays below 1 GiB: one vector of a table of 10,000 columns is 0.3 GB.
MEMORY_MB = 512
MEMORY_KB_PER_COLUMN = 64
WIDE = 1000

Query = Callable[[str], duckdb.DuckDBPyRelation]


def session(columns: int) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB of its own, which uses the same memory on every machine."""
    settings = {
        "autoinstall_known_extensions": False,
        "memory_limit": f"{MEMORY_MB + columns * MEMORY_KB_PER_COLUMN // 1024}MB",
        "threads": 1 if columns > WIDE else 2,
        "python_enable_replacements": False,
    }
    connection = duckdb.connect(config=settings)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def check_times(told: Mapping[str, str], as_text: Query) -> dict[str, str]:
    """Return the types of all columns, where a guess that would change a value is text.

    DuckDB reads 01/02/2024 as February, drops an offset from UTC that stands in some rows only,
    rounds nanoseconds, and writes 12:30 as 12:30:00. Only ISO 8601 is unambiguous; of times, all or
    none must carry an offset.

    Args:
        told: DuckDB's guess by column.
        as_text: Queries the values as they are written.
    """
    kept = {name: kind if kind in ARROW else "VARCHAR" for name, kind in told.items()}
    times = [name for name, kind in kept.items() if kind in TEMPORAL]
    if not times:
        return kept
    counts = as_text(", ".join(_counts(name) for name in times)).fetchall()[0]
    for index, name in enumerate(times):
        kept[name] = _kind(*counts[index * 4 : index * 4 + 4])
    return kept


def check_numbers(told: Mapping[str, str], as_text: Query) -> dict[str, str]:
    """Return text for columns that hold hexadecimal or binary numbers: DuckDB reads 0x10 as 16."""
    numbers = [name for name, kind in told.items() if kind in ("BIGINT", "DOUBLE")]
    if not numbers:
        return {}
    marked = (rf"count(*) FILTER (regexp_matches({quoted(n)}, '^\s*-?0[xXbB]'))" for n in numbers)
    counts = as_text(", ".join(marked)).fetchall()[0]
    return {name: "VARCHAR" for name, count in zip(numbers, counts, strict=True) if count}


def _counts(name: str) -> str:
    column = quoted(name)
    return ", ".join(
        [
            f"count({column})",
            *(
                f"count(*) FILTER (regexp_full_match({column}, '{expression}'))"
                for expression in (DATE, TIME, f"{TIME}{OFFSET}")
            ),
        ]
    )


def _kind(values: int, dates: int, times: int, with_offset: int) -> str:
    """Return the type of a column by how many of its values are of each form."""
    if dates == values:
        return "DATE"
    if times == values:
        return "TIMESTAMP"
    # A date alone followed by an offset is no time: DuckDB refuses it, and so it never comes here.
    return "TIMESTAMP WITH TIME ZONE" if with_offset == values else "VARCHAR"


def merge(kinds: Sequence[str]) -> str:
    """Return one type for a column of several parts; empty stands for a part without values."""
    distinct = set(kinds) - {""}
    if len(distinct) == 1:
        return distinct.pop()
    if distinct == {"BIGINT", "DOUBLE"}:
        return "DOUBLE"
    return "TIMESTAMP" if distinct == {"DATE", "TIMESTAMP"} else "VARCHAR"


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
