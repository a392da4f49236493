"""JSON lines, read by DuckDB: an object per line, its values plain."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from holdfast.data.ingest_table.plain_text import not_utf8
from holdfast.data.ingest_table.rows import (
    File,
    Piece,
    Reading,
    Rows,
    batch_rows,
    brief,
    numbered,
    require_same_columns,
    translated,
)
from holdfast.data.ingest_table.told import (
    ARROW,
    check_times,
    literal,
    merge,
    quoted,
    session,
)
from holdfast.errors import InputError

NESTED = re.compile(r"STRUCT|MAP|UNION|.*\[\d*\]$", re.DOTALL)
SIGNS = {
    "duplicate key": "an object that names a key twice",
    "maximum_object_size": "a line of more than 16 MB",
    "non-record": "objects without a key",
}
ERRORS = (duckdb.Error, pa.ArrowException, OSError)


@dataclass(frozen=True)
class _Lines:
    """A file of JSON lines; columns are its keys, in the order in which they first appear."""

    file: File
    null_values: Sequence[str]

    def scan(self, columns: Mapping[str, str], select: str = "*") -> duckdb.DuckDBPyRelation:
        """Return a query over the file; without `columns`, one that tells them."""
        # A whole file is looked at, and what lies in an object is not spread out.
        options = "sample_size=-1, maximum_depth=2, map_inference_threshold=-1"
        if columns:
            pairs = ", ".join(f"{literal(n)}: {literal(kind)}" for n, kind in columns.items())
            options = f"columns={{{pairs}}}"
        options += ", format='newline_delimited', records=true, hive_partitioning=false"
        query = f"SELECT {select} FROM read_json($file, {options})"  # noqa: S608
        given = {"file": str(self.file.path)}
        return session(len(columns)).sql(query, params=given)

    def told(self) -> dict[str, str]:
        """Return the columns' types, told from all values; empty for a column without any.

        Raises:
            InputError: A column holds lists or objects.
        """
        found = self.scan({})
        told = {name: str(kind) for name, kind in zip(found.columns, found.types, strict=True)}
        self._require_plain([name for name, kind in told.items() if NESTED.match(kind)])
        self._require_distinct(list(told))
        empty = [name for name, kind in told.items() if kind.strip('"') == "NULL"]
        for name, kind in told.items():
            if kind == "JSON" or (self.null_values and kind == "VARCHAR"):
                told[name] = self._kind(name)
        checked = check_times(told, lambda select: self._as_text(list(told), select))
        return checked | dict.fromkeys(empty, "")

    def _as_text(self, names: Sequence[str], select: str) -> duckdb.DuckDBPyRelation:
        values = ", ".join(f"{self._value(name)} AS {quoted(name)}" for name in names)
        text = self.scan(dict.fromkeys(names, "VARCHAR"), values)
        return text.project(select) if "count(" not in select else text.aggregate(select)

    def _value(self, name: str) -> str:
        """Return the expression of a value, without those that stand for a missing one."""
        if not self.null_values:
            return quoted(name)
        missing = ", ".join(literal(value) for value in self.null_values)
        return f"CASE WHEN {quoted(name)} IN ({missing}) THEN NULL ELSE {quoted(name)} END"

    def _kind(self, name: str) -> str:
        """Return the type of a column whose values are of several kinds."""
        column = quoted(name)
        missing = ", ".join(literal(json.dumps(value)) for value in self.null_values) or "''"
        query = self.scan({name: "JSON"}, f"json_type({column}) AS kind, {column}::VARCHAR AS text")
        found = query.filter(f"kind <> 'NULL' AND text NOT IN ({missing})").project("kind")
        kinds = {str(row[0]) for row in found.distinct().fetchall()}
        if kinds & {"ARRAY", "OBJECT"}:
            self._require_plain([name])
        if kinds <= {"BIGINT", "UBIGINT"}:
            return "BIGINT" if kinds else "VARCHAR"
        if kinds <= {"BIGINT", "UBIGINT", "DOUBLE"}:
            return "DOUBLE"
        # Text that stayed may be times, which check_times tells.
        return "TIMESTAMP" if kinds == {"VARCHAR"} else "VARCHAR"

    def _require_plain(self, nested: Sequence[str]) -> None:
        if nested:
            raise InputError(
                f"{self.file.label} must hold plain values. Found: lists or objects in "
                f"{brief(nested)}. Flatten them at the source, or write the table as Parquet and "
                f"choose `columns`."
            )

    def _require_distinct(self, names: Sequence[str]) -> None:
        """Refuse keys that differ in case alone: DuckDB calls the second of a and A `A_1`."""
        lower = {name.lower() for name in names}
        for name in names:
            stem = re.fullmatch(r"(.+)_\d+", name, re.DOTALL)
            if stem and stem[1].lower() in lower and not self._has_key(name):
                raise InputError(
                    f"{self.file.label} must have keys that differ in more than case. Found: "
                    f"{brief([stem[1]])} twice. Rename one at the source."
                )

    def _has_key(self, name: str) -> bool:
        found = self.scan({name: "JSON"}, f"count({quoted(name)})").fetchall()[0]
        return bool(found[0])

    def unreadable(self, error: Exception) -> InputError:
        """Say which line is wrong, and how, without printing it."""
        line, what = _first_bad_line(self.file)
        if what == "utf-8":
            return not_utf8(self.file, f"bytes that are not in line {line}")
        if not what:
            # DuckDB's own words hold the line itself.
            known = (what for sign, what in SIGNS.items() if sign in str(error))
            what = next(known, f"something that DuckDB does not read ({type(error).__name__})")
        where = f" in line {line}" if line else ""
        return InputError(
            f"{self.file.label} must be JSON lines: one object per line, each key once. Found: "
            f"{what}{where}. Correct it at the source, or write the table as Parquet."
        )


def open_json_lines(files: Sequence[File], reading: Reading) -> Rows:
    """Open files of JSON lines; types are told from all values, a key that is absent is missing.

    Raises:
        InputError: A line is not an object of plain values, or parts differ in their keys.
    """
    parts = [_Lines(file, reading.null_values) for file in files]
    told = []
    for part in parts:
        try:
            told.append(part.told())
        except ERRORS as error:
            raise part.unreadable(error) from error
    require_same_columns(files, [list(kinds) for kinds in told])
    names = list(told[0])
    wanted = set(reading.wanted(names))
    types = {name: merge([kinds[name] for kinds in told]) for name in names}
    types |= dict.fromkeys(reading.types, "VARCHAR")
    schema = pa.schema([(name, ARROW[types[name]]) for name in names if name in wanted])
    return Rows(schema, _read(parts, types, schema))


def _read(parts: Sequence[_Lines], types: Mapping[str, str], schema: pa.Schema) -> Iterator[Piece]:
    for part in parts:
        # Text that stands for a missing value would stop DuckDB from reading numbers.
        read = dict.fromkeys(types, "VARCHAR") if part.null_values else dict(types)
        values = ", ".join(f"CAST({part._value(n)} AS {types[n]})" for n in schema.names)
        try:
            reader = part.scan(read, values).to_arrow_reader(batch_rows(len(types)))
        except ERRORS as error:
            raise part.unreadable(error) from error
        batches = translated(reader, ERRORS, part.unreadable)
        renamed = (batch.rename_columns(schema.names).cast(schema) for batch in batches)
        yield from numbered(part.file.label, renamed)


def _first_bad_line(file: File) -> tuple[int, str]:
    """Return the number of the first line that is no object, and why; DuckDB counts otherwise."""
    with file.path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                if line.strip() and not isinstance(json.loads(line.decode()), dict):
                    return number, "something else than an object"
            except UnicodeDecodeError:
                return number, "utf-8"
            except (ValueError, RecursionError) as error:
                return number, getattr(error, "msg", "no JSON")
    return 0, ""
