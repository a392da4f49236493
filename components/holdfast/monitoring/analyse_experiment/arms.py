"""The rows of an experiment in a database on disk, and what each look at them shows."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.model import is_numeric
from holdfast.monitoring.analyse_experiment.request import Columns, Request
from holdfast.table import Table

if TYPE_CHECKING:
    import duckdb

MEMORY = "1GB"
MOST_LOOKS = 40
SHOWN = 10


@dataclass(frozen=True)
class Counts:
    """How many there are: units of each arm, rows left out, and units that are in both arms."""

    control: int
    treatment: int
    left_out: int
    in_both: int
    treatment_label: str

    @property
    def units(self) -> int:
        """Return the units of both arms."""
        return self.control + self.treatment


@dataclass(frozen=True)
class Experiment:
    """An experiment's rows in a database; `looks` are (day, its number), the earliest first."""

    session: "duckdb.DuckDBPyConnection"
    counts: Counts
    looks: tuple[tuple[str, int], ...]
    with_units: bool


def required(table: Table, request: Request) -> list[str]:
    """Return the columns that are read, each once.

    Raises:
        InputError: One is not there, or is of a type that it cannot be.
    """
    columns = request.columns
    named = {"arm": columns.arm, "metric": request.metric.column}
    named |= {"unit": columns.unit, "time": columns.time}
    named |= {f"guardrails ({m.column})": m.column for m in request.metrics[1:]}
    for name, column in named.items():
        if column not in table.schema.names and (column or name in ("arm", "metric")):
            raise InputError(
                f"`{name.partition(' ')[0]}` must name a column of `table`. Found: {column!r} "
                f"among {table.schema.names[:30]}. Pass one of these."
            )
    for metric in request.metrics:
        kind = table.schema.field(metric.column).type
        if not is_numeric(kind):
            raise InputError(
                f"`metric` and the guardrails must be numbers or true and false. Found: "
                f"{metric.column!r} of type {kind}. Make a column of numbers of it."
            )
    found = table.schema.field(columns.time).type if columns.time else pa.date32()
    if not pa.types.is_date(found) and not pa.types.is_timestamp(found):
        raise InputError(
            f"`time` must name a column of dates or times. Found: {columns.time!r} of type "
            f"{found}. Cast it where the table is made."
        )
    return list(dict.fromkeys(c for c in named.values() if c))


def _read(kind: pa.DataType) -> pa.DataType:
    """Return the type that a column is read as: a day is one of UTC, wherever this runs."""
    return pa.timestamp("us") if pa.types.is_timestamp(kind) else kind


@contextmanager
def opened(table: Table, request: Request) -> Iterator[Experiment]:
    """Yield the rows of two arms, cleaned and counted, within a bound of memory.

    Raises:
        InputError: A column is missing or wrong, there are not two arms, or no row has a value.
    """
    import duckdb

    names = required(table, request)
    with tempfile.TemporaryDirectory() as scratch:
        settings = {"memory_limit": MEMORY, "temp_directory": scratch}
        session = duckdb.connect(f"{scratch}/experiment.db", config=settings)
        try:
            _load(session, table, names, request)
            treatment = _treatment(session, request.columns)
            counts = _clean(session, treatment, request.columns)
            _check_values(session, request)
            yield Experiment(session, counts, _looks(session), bool(request.columns.unit))
        finally:
            session.close()


def _load(
    session: "duckdb.DuckDBPyConnection", table: Table, names: list[str], request: Request
) -> None:
    """Write (arm, unit, day, values) of each row; columns are called by their places."""
    schema = pa.schema([(f"c{i}", _read(table.schema.field(n).type)) for i, n in enumerate(names)])
    batches = (
        pa.RecordBatch.from_arrays(
            [column.cast(field.type, safe=False)
             for column, field in zip(batch.select(names).columns, schema, strict=True)],
            schema=schema,
        )
        for batch in table.batches(names)
    )  # fmt: skip
    session.register("source", pa.RecordBatchReader.from_batches(schema, batches))
    place = {name: f"c{i}" for i, name in enumerate(names)}
    columns = request.columns
    unit = f"CAST({place[columns.unit]} AS VARCHAR)" if columns.unit else "NULL"
    day = f"CAST({place[columns.time]} AS DATE)" if columns.time else "NULL"
    values = "".join(
        # NaN is no value, and infinity would be the mean of all.
        f", CASE WHEN isfinite(CAST({place[m]} AS DOUBLE)) THEN CAST({place[m]} AS DOUBLE) END"
        f" AS {v}"
        for m, v in request.values.items()
    )
    session.execute(
        f"CREATE TABLE loaded AS SELECT CAST({place[columns.arm]} AS VARCHAR) AS arm, "  # noqa: S608  # our own names
        f"{unit} AS unit, {day} AS day{values} FROM source"
    )


def _treatment(session: "duckdb.DuckDBPyConnection", columns: Columns) -> str:
    """Return the label of the arm that is not the control."""
    found = session.execute(
        "SELECT arm, count(*) FROM loaded WHERE arm IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchmany(SHOWN)
    labels = [label for label, _ in found]
    if len(labels) != 2 or columns.control not in labels:
        raise InputError(
            f"`arm` must hold two labels, one of them `control`. Expected: {columns.control!r} and "
            f"another. Found: {dict(found)} in {columns.arm!r}. Keep the rows of two arms, and "
            f"name the control as they do."
        )
    return next(label for label in labels if label != columns.control)


def _clean(session: "duckdb.DuckDBPyConnection", treatment: str, columns: Columns) -> Counts:
    """Keep what has an arm, a unit and a day, and units of one arm; count the rest."""
    wanted = "arm IS NOT NULL"
    wanted += " AND unit IS NOT NULL" if columns.unit else ""
    wanted += " AND day IS NOT NULL" if columns.time else ""
    both = "SELECT unit FROM loaded WHERE unit IS NOT NULL GROUP BY 1 HAVING min(arm) < max(arm)"
    session.execute(f"CREATE TABLE mixed AS {both}")
    session.execute(
        "CREATE TABLE kept AS SELECT loaded.* EXCLUDE (arm), arm = ? AS treated FROM loaded "  # noqa: S608  # our own names
        f"WHERE {wanted} AND (unit IS NULL OR unit NOT IN (SELECT unit FROM mixed))",
        [treatment],
    )
    ((everyone, kept, in_both),) = session.execute(
        f"SELECT (SELECT count(*) FROM loaded WHERE NOT ({wanted})), (SELECT count(*) FROM kept), "  # noqa: S608  # our own names
        "(SELECT count(*) FROM mixed)"
    ).fetchall()
    if not kept:
        raise InputError(
            f"`table` must hold rows with an arm, a unit and a time where they are asked for. "
            f"Found: none; {everyone} lack one of them, {in_both} units are in both arms. Pass "
            f"the assignments together with what came of them."
        )
    many = "count(DISTINCT unit)" if columns.unit else "count(*)"
    units = dict(session.execute(f"SELECT treated, {many} FROM kept GROUP BY 1").fetchall())  # noqa: S608  # our own names
    session.execute("DROP TABLE loaded")
    return Counts(units.get(False, 0), units.get(True, 0), everyone, in_both, treatment)


def _check_values(session: "duckdb.DuckDBPyConnection", request: Request) -> None:
    for metric in request.metrics:
        name = request.values[metric.column]
        ((values, others),) = session.execute(
            f"SELECT count({name}), count(*) FILTER ({name} NOT IN (0, 1)) FROM kept"  # noqa: S608  # our own names
        ).fetchall()
        if not values:
            raise InputError(
                f"`metric` and the guardrails must have values. Found: none in any row of "
                f"{metric.column!r}. Join what came of the assignments first."
            )
        if metric.kind == "proportion" and others:
            raise InputError(
                f"A proportion must hold 0 and 1, or true and false. Found: {others} other values "
                f"in {metric.column!r}. Use kind=mean for numbers."
            )


def _looks(session: "duckdb.DuckDBPyConnection") -> tuple[tuple[str, int], ...]:
    """Number the days on which the rows are looked at, at most 40, and mark each row's."""
    days = [d for (d,) in session.execute("SELECT DISTINCT day FROM kept ORDER BY 1").fetchall()]
    step = -(-len(days) // MOST_LOOKS)
    # The last day is always looked at.
    ends = sorted(days[::-1][::step]) if days[0] is not None else days
    session.execute("ALTER TABLE kept ADD COLUMN look INTEGER DEFAULT 0")
    if ends[0] is not None:
        session.execute("CREATE TABLE ends AS SELECT unnest(?) AS upto", [ends])
        session.execute(
            "UPDATE kept SET look = (SELECT count(*) FROM ends WHERE upto < kept.day)::INTEGER"
        )
    return tuple((str(day) if day else "", number) for number, day in enumerate(ends))
