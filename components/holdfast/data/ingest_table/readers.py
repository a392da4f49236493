"""Open CSV and Parquet files as streams of Arrow batches."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.errors import InputError

# In order of preference where the header holds as many of one as of another.
DELIMITERS = ",\t;|"
BATCH_ROWS = 65_536
# How the line begins by which DuckDB says what is wrong with a row.
REASONS = ("Expected Number", "Value with", "Invalid unicode", "Maximum line", "Quoted value")


@dataclass(frozen=True)
class Rows:
    """A source opened for reading: its columns, and its rows in batches."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


def is_parquet(source: Path) -> bool:
    """Tell Parquet by its first bytes, whatever the file is called.

    Raises:
        InputError: The file is empty.
    """
    with source.open("rb") as file:
        magic = file.read(4)
    if not magic:
        raise InputError(
            "`uri` must hold a CSV or Parquet table. Found: an empty file. Check the export that "
            "wrote it."
        )
    return magic == b"PAR1"


def open_parquet(source: Path) -> Rows:
    """Open a Parquet file.

    Raises:
        InputError: The file is cut off or damaged.
    """

    def whole(error: Exception) -> InputError:
        found = str(error).splitlines()[0]
        return InputError(
            f"`uri` must be a whole Parquet file. Found: {found} Copy it again, or write it again."
        )

    try:
        file = pq.ParquetFile(source)
    except (pa.ArrowInvalid, OSError) as error:
        raise whole(error) from error
    return Rows(file.schema_arrow, _translated(file.iter_batches(BATCH_ROWS), whole))


def open_csv(source: Path) -> Rows:
    """Open a UTF-8 CSV file with a header line; types are told from all of its values.

    DuckDB reads: of pyarrow, Polars and DuckDB it was the fastest at flat memory.

    Args:
        source: The file. The delimiter is the one of comma, tab, semicolon and bar that the header
            holds most of; values are quoted by `"`.

    Raises:
        InputError: The file is not UTF-8, or a row has more or fewer values than the header.
    """
    names, delimiter = _header(source)
    # DuckDB takes names that differ in case for the same: it reads under names of ours.
    columns = [f"c{index}" for index in range(len(names))]

    def unreadable(error: Exception) -> InputError:
        return InputError(_why_csv_is_unreadable(source, delimiter, columns, error))

    try:
        # The file is read twice. Types told from a sample would change later values without a word:
        # DuckDB rounds 1.5 in a column of whole numbers to 2.
        reader = _scan(source, delimiter, f"names={columns}, sample_size=-1")
    except (duckdb.Error, OSError) as error:
        raise unreadable(error) from error
    schema = pa.schema([f.with_name(n) for f, n in zip(reader.schema, names, strict=True)])
    return Rows(schema, (batch.rename_columns(names) for batch in _translated(reader, unreadable)))


def _translated(
    batches: Iterable[pa.RecordBatch], explain: Callable[[Exception], InputError]
) -> Iterator[pa.RecordBatch]:
    """Yield the batches; an error of the reader, and no other, becomes one for the user."""
    rest = iter(batches)
    while True:
        try:
            batch = next(rest)
        except StopIteration:
            return
        except (pa.ArrowException, duckdb.Error, OSError) as error:
            raise explain(error) from error
        yield batch


def _header(source: Path) -> tuple[list[str], str]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            delimiter = max(DELIMITERS, key=first.count)
            file.seek(0)
            names = next(csv.reader(file, delimiter=delimiter, strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"`uri` must be a UTF-8 CSV file with a header line. Found: {error}. Convert it, for "
            f"example with iconv -f LATIN1 -t UTF-8."
        ) from error
    if not names:
        raise InputError(
            "`uri` must be a CSV file with a header line. Found: an empty first line. Write the "
            "names of the columns there."
        )
    return names, delimiter


def _scan(source: Path, delimiter: str, options: str) -> pa.RecordBatchReader:
    # `skip` and `comment` are fixed, or DuckDB would take ragged rows for a preamble and drop them.
    fixed = "header=true, quote='\"', escape='\"', strict_mode=true, skip=0, comment=''"
    # Nor is a folder that is called day=3 a column.
    query = f"FROM read_csv($file, delim=$delimiter, {fixed}, hive_partitioning=false, {options})"
    session = duckdb.connect(config={"autoinstall_known_extensions": False})
    found = session.sql(query, params={"file": str(source), "delimiter": delimiter})
    return found.to_arrow_reader(BATCH_ROWS)


def _why_csv_is_unreadable(
    source: Path, delimiter: str, columns: list[str], error: Exception
) -> str:
    """Read all as text: without types to guess, DuckDB names the line that is wrong."""
    types = dict.fromkeys(columns, "VARCHAR")
    try:
        for _ in _scan(source, delimiter, f"auto_detect=false, columns={types}"):
            pass
    except (duckdb.Error, OSError) as precise:
        error = precise
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    # What lies between is a row of the user's data, which does not belong in a log.
    why = [line for line in said[1:] if line.startswith(REASONS)]
    what = ". ".join([said[0].rpartition("Error: ")[2] or said[0], *why[:1]]).rstrip(".")
    remedy = "Correct the line, or write the table as Parquet."
    if "utf-8" in what:
        remedy = "Convert the file, for example with iconv -f LATIN1 -t UTF-8."
    return (
        f"`uri` must be a UTF-8 CSV file whose rows have {len(columns)} values like its header. "
        f"Found: {what}. {remedy}"
    )
