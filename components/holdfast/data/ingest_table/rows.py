"""What every reader hands on, and what is asked of a source besides its place."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from holdfast.data.sources.places import MAX_BYTES
from holdfast.errors import InputError

BATCH_ROWS = 65_536
# A batch of a wide table must fit in memory, too.
BATCH_VALUES = 2**22
FORMATS = ("", "csv", "parquet", "jsonl")
COMPRESSIONS = ("", "none", "gzip", "bz2", "zstd", "xz")


@dataclass(frozen=True)
class Reading:
    """How a source is read; what is empty is told from the source itself."""

    format: str = ""
    delimiter: str = ""
    encoding: str = ""
    compression: str = ""
    columns: Sequence[str] = ()
    where: str = ""
    types: Mapping[str, str] = field(default_factory=dict)
    null_values: Sequence[str] = ()
    max_bytes: int = MAX_BYTES

    def check(self) -> None:
        """Refuse what cannot be meant, before anything is read."""
        _known("format", self.format, FORMATS)
        _known("compression", self.compression, COMPRESSIONS)
        if len(self.delimiter.encode()) > 4 or self.delimiter in ('"', "\n", "\r"):
            raise InputError(
                f"`delimiter` must be one to four characters that separate values. Found: "
                f"{self.delimiter!r}. Leave it out to have it told from the header."
            )
        if self.max_bytes < 1:
            raise InputError(
                f"`max_bytes` must be above 0. Found: {self.max_bytes}. Leave it out for "
                f"{MAX_BYTES}."
            )

    def wanted(self, names: Sequence[str]) -> list[str]:
        """Return the columns that must be read: `where` may use any.

        Raises:
            InputError: `columns` or `types` names a column that the source lacks.
        """
        for parameter, asked in (("columns", list(self.columns)), ("types", list(self.types))):
            unknown = set(asked) - set(names)
            if unknown or len(set(asked)) < len(asked):
                raise InputError(
                    f"`{parameter}` must name columns of the source, each once. Found: "
                    f"{brief(unknown or asked)}. The source has {brief(names)}."
                )
        return list(names) if self.where or not self.columns else list(self.columns)


@dataclass(frozen=True)
class File:
    """A file to read; `label` is what errors call it."""

    path: Path
    label: str


@dataclass(frozen=True)
class Piece:
    """A batch, what it was read from, and how many rows of that came before."""

    batch: pa.RecordBatch
    label: str
    start: int = 0


@dataclass
class Origin:
    """Where rows came from; a query's fingerprint is known when its last row has been read."""

    uri: str
    fingerprint: str = ""


@dataclass(frozen=True)
class Rows:
    """A source opened for reading: its columns, and its rows in batches."""

    schema: pa.Schema
    pieces: Iterator[Piece]
    origin: Origin = field(default_factory=lambda: Origin(""))

    @property
    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in order."""
        return (piece.batch for piece in self.pieces)

    def metadata(self) -> dict[str, str]:
        """Return what the table's artifact says about its source, once all rows were read."""
        return {"uri": self.origin.uri, "source_fingerprint": self.origin.fingerprint}


def _known(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise InputError(
            f"`{name}` must be one of {list(known[1:])}, or empty to have it told from the source. "
            f"Found: {value!r}. Correct it."
        )


def batch_rows(columns: int) -> int:
    """Return how many rows of so many columns make a batch."""
    return max(1024, min(BATCH_ROWS, BATCH_VALUES // max(1, columns)))


def numbered(label: str, batches: Iterable[pa.RecordBatch]) -> Iterator[Piece]:
    """Yield batches with what they were read from."""
    start = 0
    for batch in batches:
        yield Piece(batch, label, start)
        start += batch.num_rows


def translated(
    batches: Iterable[pa.RecordBatch],
    errors: tuple[type[Exception], ...],
    explain: Callable[[Exception], InputError],
) -> Iterator[pa.RecordBatch]:
    """Yield the batches; an error of the reader, and no other, becomes one for the user."""
    rest = iter(batches)
    while True:
        try:
            batch = next(rest)
        except StopIteration:
            return
        except errors as error:
            raise explain(error) from error
        yield batch


def require_distinct(label: str, names: Sequence[str]) -> None:
    """Refuse columns of one name.

    Raises:
        InputError: It names them.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"{label} must name each column once. Found: {brief(repeated)} more than once. Rename "
            f"them at the source."
        )


def require_same_columns(files: Sequence[File], names: Sequence[Sequence[str]]) -> None:
    """Refuse parts that differ in their columns; the order may differ.

    Raises:
        InputError: It names the first part that differs from the first one.
    """
    for file, found in zip(files, names, strict=True):
        require_distinct(file.label, found)
        lacking, more = set(names[0]) - set(found), set(found) - set(names[0])
        if lacking or more:
            raise InputError(
                f"{file.label} must have the columns of {files[0].label}. Found: "
                f"{brief(lacking)} missing and {brief(more)} besides. Leave it out, or write it "
                f"again."
            )


def brief(names: Iterable[str]) -> str:
    """Return a few names, none of them long, for a message."""
    listed = sorted(names)
    cut = [name if len(name) <= 60 else name[:57] + "..." for name in listed[:10]]
    return str(cut) + (f" and {len(listed) - 10} more" if len(listed) > 10 else "")
