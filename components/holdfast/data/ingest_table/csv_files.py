"""CSV, read by DuckDB: of pyarrow, Polars and DuckDB it was the fastest at flat memory."""

import csv
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
    numbered,
    require_same_columns,
    translated,
)
from holdfast.data.ingest_table.told import (
    ARROW,
    check_numbers,
    check_times,
    literal,
    merge,
    session,
)
from holdfast.errors import InputError

# In order of preference where the header holds as many of one as of another.
DELIMITERS = ",\t;|"
# What a row may have at most, as of JSON lines; more would be paid for by every file in memory.
MAX_ROW_BYTES = 2**24
# How the line begins by which DuckDB says what is wrong with a row.
REASONS = ("Expected Number", "Value with", "Invalid unicode", "Maximum line", "Quoted value")


@dataclass(frozen=True)
class _Csv:
    """A CSV file with its header; `types` are DuckDB's, by name."""

    file: File
    names: Sequence[str]
    delimiter: str
    null_values: Sequence[str]

    @property
    def aliases(self) -> list[str]:
        """DuckDB takes names that differ in case for the same: it reads under names of ours."""
        return [f"c{index}" for index in range(len(self.names))]

    @property
    def alias(self) -> dict[str, str]:
        """DuckDB's name of each column."""
        return dict(zip(self.names, self.aliases, strict=True))

    def scan(self, options: str, select: str = "*") -> duckdb.DuckDBPyRelation:
        """Return a query over the file."""
        # `skip` and `comment` are fixed, or DuckDB would take ragged rows for a preamble and drop
        # them.
        fixed = "header=true, quote='\"', escape='\"', strict_mode=true, skip=0, comment=''"
        if self.null_values:
            fixed += f", nullstr=[{', '.join(literal(v) for v in ('', *self.null_values))}]"
        # Nor is a folder that is called day=3 a column.
        fixed += f", max_line_size={MAX_ROW_BYTES}, buffer_size={2 * MAX_ROW_BYTES}"
        options = f"{fixed}, hive_partitioning=false, {options}"
        query = f"SELECT {select} FROM read_csv($file, delim=$delimiter, {options})"  # noqa: S608
        given = {"file": str(self.file.path), "delimiter": self.delimiter}
        return session(len(self.names)).sql(query, params=given)

    def as_text(self, select: str = "*") -> duckdb.DuckDBPyRelation:
        """Return a query over the file's values as they are written."""
        types = dict.fromkeys(self.aliases, "VARCHAR")
        return self.scan(f"auto_detect=false, columns={types}", select)

    def told(self) -> dict[str, str]:
        """Return the columns' types, told from all values.

        Types told from a sample would change later values without a word: DuckDB rounds 1.5 in a
        column of whole numbers to 2.
        """
        found = self.scan(f"names={self.aliases}, sample_size=-1")
        told = {alias: str(kind) for alias, kind in zip(found.columns, found.types, strict=True)}
        told |= check_times(told, self.as_text)
        told |= check_numbers(told, self.as_text) if _may_hold_marked(self.file) else {}
        return dict(zip(self.names, told.values(), strict=True))

    def without_values(self, names: Sequence[str]) -> list[str]:
        """Return which of the columns hold nothing."""
        counts = ", ".join(f"count({self.alias[name]})" for name in names)
        found = self.as_text(counts).fetchall()[0]
        return [name for name, count in zip(names, found, strict=True) if not count]

    def unreadable(self, error: Exception) -> InputError:
        """Read all as text: without types to guess, DuckDB names the line that is wrong."""
        try:
            reader = self.as_text().to_arrow_reader(batch_rows(len(self.names)))
            for _ in reader:
                pass
        except (duckdb.Error, pa.ArrowException, OSError) as precise:
            error = precise
        what = _without_data(error)
        if "utf-8" in what:
            return not_utf8(self.file, what)
        return InputError(
            f"{self.file.label} must be a UTF-8 CSV file whose rows have {len(self.names)} values "
            f"like its header. Found: {what}. Correct the line, or write the table as Parquet."
        )


def open_csv(files: Sequence[File], reading: Reading) -> Rows:
    """Open UTF-8 CSV files with header lines; types are told from all of their values.

    The delimiter is the one of comma, tab, semicolon and bar that a header holds most of, unless
    it is given; values are quoted by `"`. Columns whose type is declared are handed on as text.

    Raises:
        InputError: A file is not UTF-8, or a row has more or fewer values than the header.
    """
    parts = [_Csv(file, *_header(file, reading.delimiter), reading.null_values) for file in files]
    require_same_columns(files, [part.names for part in parts])
    names = parts[0].names
    wanted = set(reading.wanted(names))
    types = _tell(parts, set(reading.types))
    schema = pa.schema([(name, ARROW[types[name]]) for name in names if name in wanted])
    return Rows(schema, _read(parts, types, schema))


def _tell(parts: Sequence[_Csv], declared: set[str]) -> dict[str, str]:
    told = []
    for part in parts:
        try:
            told.append(part.told())
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise part.unreadable(error) from error
    differing = {n for n in told[0] if len({kinds[n] for kinds in told}) > 1} - declared
    for part, kinds in zip(parts, told, strict=True):
        text = [name for name in differing if kinds[name] == "VARCHAR"]
        kinds.update(dict.fromkeys(part.without_values(text) if text else [], ""))
    merged = {name: merge([kinds[name] for kinds in told]) for name in told[0]}
    return merged | dict.fromkeys(declared & set(merged), "VARCHAR")


def _read(parts: Sequence[_Csv], types: Mapping[str, str], schema: pa.Schema) -> Iterator[Piece]:
    errors = (duckdb.Error, pa.ArrowException, OSError)
    for part in parts:
        alias = part.alias
        columns = {alias[name]: types[name] for name in part.names}
        select = ", ".join(alias[name] for name in schema.names)
        try:
            found = part.scan(f"auto_detect=false, columns={columns}", select)
            reader = found.to_arrow_reader(batch_rows(len(part.names)))
        except errors as error:
            raise part.unreadable(error) from error
        batches = translated(reader, errors, part.unreadable)
        renamed = (batch.rename_columns(schema.names).cast(schema) for batch in batches)
        yield from numbered(part.file.label, renamed)


def _may_hold_marked(file: File) -> bool:
    """Tell whether 0x or 0b stands anywhere: hardly ever, and a look at the bytes is cheap."""
    last = b""
    with file.path.open("rb") as content:
        while chunk := content.read(2**20):
            # A mark may be cut in two.
            whole = last + chunk
            if any(mark in whole for mark in (b"0x", b"0X", b"0b", b"0B")):
                return True
            last = chunk[-1:]
    return False


def _without_data(error: Exception) -> str:
    """Return what DuckDB says of a row, without the row."""
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    if any("Maximum line" in line or "full read" in line for line in said):
        return f"a row of more than {MAX_ROW_BYTES} bytes"
    # What lies between is a row of the user's data, which does not belong in a log.
    why = [line for line in said[1:] if line.startswith(REASONS)]
    return ". ".join([said[0].rpartition("Error: ")[2] or said[0], *why[:1]]).rstrip(".")


def _header(file: File, delimiter: str) -> tuple[list[str], str]:
    try:
        with file.path.open(encoding="utf-8-sig", newline="") as text:
            first = text.readline(MAX_ROW_BYTES)
            delimiter = delimiter or max(DELIMITERS, key=first.count)
            text.seek(0)
            names = _split(text, delimiter)
    except UnicodeDecodeError as error:
        raise not_utf8(file, f"{error.reason} in its first lines") from error
    except csv.Error as error:
        raise InputError(
            f"{file.label} must be a UTF-8 CSV file with a header line. Found: {error}. Write the "
            f"names of the columns there."
        ) from error
    if not names:
        raise InputError(
            f"{file.label} must be a CSV file with a header line. Found: an empty first line. "
            f"Write the names of the columns there."
        )
    return names, delimiter


def _split(text: Iterator[str], delimiter: str) -> list[str]:
    if len(delimiter) == 1:
        return next(csv.reader(text, delimiter=delimiter, strict=True), [])
    # Python's reader splits by one character alone.
    return [name.strip('"') for name in next(text, "").rstrip("\r\n").split(delimiter)]
