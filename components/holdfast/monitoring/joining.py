"""Predictions and the labels that came later, joined by key on disk.

DuckDB does it within a bound of memory. Nothing is joined twice, and nothing is left out without
being counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.monitoring.join_rows import (
    LABEL,
    ROW,
    TIME,
    WINDOW,
    Labels,
    Rows,
    check,
    label_rows,
    scored_rows,
)
from holdfast.monitoring.scored import Scored
from holdfast.monitoring.time_windows import FUTURE, NOT_WINDOWS, TIMELESS, Windows

if TYPE_CHECKING:
    import duckdb

MEMORY = "1GB"
EXAMPLES = 5


@dataclass(frozen=True)
class Counts:
    """What the join found: numbers of rows."""

    predictions: int = 0
    future: int = 0
    timeless: int = 0
    keyless: int = 0
    repeated: int = 0
    labels: int = 0
    repeated_labels: int = 0
    conflicting: int = 0
    unknown: int = 0
    joined: int = 0
    labelled: int = 0


@dataclass(frozen=True)
class Joined:
    """Predictions with their labels, in a database on disk."""

    session: "duckdb.DuckDBPyConnection"
    counts: Counts
    keys: tuple[str, ...] = ()

    def unknown(self) -> tuple[str, ...]:
        """Return up to five keys of labels that no prediction has."""
        if not self.keys:
            return ()
        names = ", ".join(quoted(k) for k in self.keys)
        rows = self.session.sql(
            f"SELECT {names} FROM labels ANTI JOIN kept USING ({names}) ORDER BY ALL "  # noqa: S608  # quoted
            f"LIMIT {EXAMPLES}"
        ).fetchall()
        return tuple(", ".join(str(value) for value in row) for row in rows)

    def windows(self) -> list[tuple[int, int, int]]:
        """Return (window, rows, labelled rows), the earliest first."""
        return self.session.execute(
            f"SELECT {WINDOW}, count(*), count({LABEL}) FROM joined GROUP BY 1 ORDER BY 1"  # noqa: S608  # our own names
        ).fetchall()

    def rows(self, window: int | None = None, labelled: bool = True) -> pa.Table:
        """Return the rows of a window, of all if it is None, in the order of the predictions."""
        where = f"{LABEL} IS NOT NULL" if labelled else "true"
        where += "" if window is None else f" AND {WINDOW} = {int(window)}"
        return self.session.sql(
            f"SELECT * FROM joined WHERE {where} ORDER BY {ROW}"  # noqa: S608  # our own names
        ).to_arrow_table()

    def scores(self, column: str) -> pa.Table:
        """Return a column of all rows, and whether they are labelled."""
        return self.session.sql(
            f"SELECT {quoted(column)} AS score, {LABEL} IS NOT NULL AS labelled FROM joined"  # noqa: S608  # quoted
        ).to_arrow_table()


def join(scored: Scored, labels: Labels, windows: Windows, folder: Path) -> Joined:
    """Join labels to predictions.

    Of several predictions with one key the last is kept, by the time of its window or else by its
    place. Labels of one key that contradict one another are left out.

    Args:
        scored: The predictions.
        labels: Their labels.
        windows: How to cut them by time.
        folder: A directory for what does not fit in memory.

    Raises:
        InputError: A column is missing, or keys or labels are of different types.
    """
    import duckdb

    session = duckdb.connect(str(folder / "join.duckdb"))
    session.execute(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{folder}/spill'")
    session.execute("SET TimeZone = 'UTC'; SET threads = 2")
    keys = labels.joined_by
    check(scored, labels)
    _load(session, "scored", scored_rows(scored, labels, windows))
    keyed = " AND ".join(f"{quoted(k)} IS NOT NULL" for k in keys) or "true"
    inside = f"{WINDOW} NOT IN {NOT_WINDOWS}"
    last = ", ".join(quoted(k) for k in keys)
    kept = (
        f"QUALIFY row_number() OVER (PARTITION BY {last} ORDER BY {TIME} DESC NULLS LAST, "
        f"{ROW} DESC) = 1"
        if keys
        else ""
    )
    session.execute(
        f"CREATE TABLE kept AS SELECT * FROM scored WHERE {keyed} AND {inside} {kept}"  # noqa: S608  # quoted
    )
    if labels.table is not None:
        _load(session, "told", label_rows(labels.table, labels, scored))
        _match(session, keys)
    else:
        session.execute("CREATE TABLE joined AS SELECT * FROM kept")
    return Joined(session, _counts(session, keys), keys)


def quoted(name: str) -> str:
    """Return a column's name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _match(session: "duckdb.DuckDBPyConnection", keys: Sequence[str]) -> None:
    names = ", ".join(quoted(k) for k in keys)
    keyed = " AND ".join(f"{quoted(k)} IS NOT NULL" for k in keys)
    session.execute(
        f"CREATE TABLE labels AS SELECT {names}, min({LABEL}) AS {LABEL}, count(*) AS copies, "  # noqa: S608  # quoted
        f"count(DISTINCT {LABEL}) AS kinds FROM told WHERE {LABEL} IS NOT NULL AND {keyed} "
        f"GROUP BY ALL"
    )
    session.execute(
        f"CREATE TABLE joined AS SELECT kept.*, labels.{LABEL} FROM kept LEFT JOIN "  # noqa: S608  # quoted
        f"(SELECT * FROM labels WHERE kinds = 1) AS labels USING ({names})"
    )


def _counts(session: "duckdb.DuckDBPyConnection", keys: Sequence[str]) -> Counts:
    def one(sql: str) -> int:
        return int(session.sql(sql).fetchall()[0][0] or 0)

    inside = f"{WINDOW} NOT IN {NOT_WINDOWS}"
    keyless = " OR ".join(f"{quoted(k)} IS NULL" for k in keys) or "false"
    found = {
        "predictions": one("SELECT count(*) FROM scored"),
        "future": one(f"SELECT count(*) FROM scored WHERE {WINDOW} = {FUTURE}"),  # noqa: S608  # ours
        "timeless": one(f"SELECT count(*) FROM scored WHERE {WINDOW} = {TIMELESS}"),  # noqa: S608  # ours
        "keyless": one(f"SELECT count(*) FROM scored WHERE ({keyless}) AND {inside}"),  # noqa: S608  # quoted
        "joined": one("SELECT count(*) FROM joined"),
        "labelled": one(f"SELECT count({LABEL}) FROM joined"),  # noqa: S608  # ours
    }
    lost = found["future"] + found["timeless"] + found["keyless"]
    found["repeated"] = found["predictions"] - lost - found["joined"]
    if not keys:
        return Counts(**found)
    names = ", ".join(quoted(k) for k in keys)
    found |= {
        "labels": one(f"SELECT count({LABEL}) FROM told"),  # noqa: S608  # ours
        "repeated_labels": one("SELECT sum(copies - 1) FROM labels WHERE kinds = 1"),
        "conflicting": one("SELECT count(*) FROM labels WHERE kinds > 1"),
        "unknown": one(f"SELECT count(*) FROM labels ANTI JOIN kept USING ({names})"),  # noqa: S608  # quoted
    }
    return Counts(**found)


def _load(session: "duckdb.DuckDBPyConnection", name: str, rows: Rows) -> None:
    import duckdb

    schema, batches = rows
    trouble: list[InputError] = []

    def watched() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except InputError as error:
            # DuckDB would make an error of its own of it.
            trouble.append(error)
            raise

    session.register("incoming", pa.RecordBatchReader.from_batches(schema, watched()))
    try:
        session.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")  # noqa: S608  # ours
    except duckdb.Error:
        if trouble:
            raise trouble[0] from None
        raise
    session.unregister("incoming")
