"""The table contract: a directory of Parquet parts with a manifest.

``_manifest.json`` states rows, columns and types, the sha256 of each part and, where known, the
target column, the task, and which share of a split the table is. ``pandas.read_parquet(path)``
reads such a directory. On the way in, a single Parquet or CSV file and a plain directory of Parquet
files, as other teams' components write them, are tables too.

A share named holdout is locked: its own manifest says so, the other shares of the split carry its
hash, and ``require_trainable`` refuses it. The lock stops mistakes, not intent.

A table appears at its path whole or not at all.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from holdfast.errors import InputError, first_line
from holdfast.reading import read_json
from holdfast.writing import put

Task = Literal["", "classification", "regression"]

MANIFEST = "_manifest.json"
CONTRACT = "table/1"
# The role of the share that nothing may learn from.
HOLDOUT = "holdout"
# KFP's launcher copies artifacts one object at a time: few large parts travel fastest.
PART_BYTES = 128 * 2**20
# About 16 MB of numbers per row group, however wide the table is.
ROW_GROUP_VALUES = 2**21
# As ingest_table has it: an empty field is missing, and NA is text.
_AS_INGESTED = pa_csv.ConvertOptions(null_values=[""], strings_can_be_null=True)
_IN_STEPS = ds.ParquetFragmentScanOptions(pre_buffer=False)


@dataclass(frozen=True)
class Part:
    """One Parquet file of a table; `bytes` is its size on disk."""

    file: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Table:
    """A table on disk, read in batches.

    `target` and `task` are empty where they are not known; `sha256` covers the content of all
    parts and is empty for tables that came without a manifest. `role` is the name of the share that
    the table is, `holdout` the sha256 of the locked holdout of the same split; both are empty for a
    table that no split made.
    """

    path: Path
    dataset: ds.Dataset
    rows: int
    target: str = ""
    task: Task = ""
    sha256: str = ""
    role: str = ""
    holdout: str = ""

    @property
    def schema(self) -> pa.Schema:
        """Columns and types."""
        return self.dataset.schema

    @property
    def features(self) -> list[str]:
        """All columns but the target."""
        return [name for name in self.schema.names if name != self.target]

    def batches(
        self, columns: Sequence[str] | None = None, first: int = 0, end: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, in batches that fit in memory; of `pieces()[first:end]`."""
        names = list(columns) if columns is not None else None
        # Arrow's scanner reads ahead of a slow reader without a bound: gigabytes of a large table.
        for piece in islice(self.pieces(), first, end):
            yield from piece.to_batches(
                columns=names, schema=self.schema, fragment_scan_options=_IN_STEPS
            )

    def pieces(self) -> Iterator[ds.Fragment]:
        """Yield the row groups in order."""
        for fragment in self.dataset.get_fragments():
            parquet = isinstance(fragment, ds.ParquetFileFragment)
            yield from fragment.split_by_row_group() if parquet else [fragment]

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read all rows into memory."""
        return self.dataset.to_table(columns=list(columns) if columns is not None else None)

    def head(self, rows: int = 5) -> pa.Table:
        """Read the first rows."""
        return self.dataset.head(rows)

    def require_target(self, name: str) -> str:
        """Return the target column, or say which input (`name`) lacks one.

        Raises:
            InputError: The table does not say which column is its target.
        """
        if not self.target:
            raise InputError(
                f"`{name}` does not say which column is its target. Found: columns "
                f"{self.schema.names[:20]}. Make it with ingest_table(uri=..., target=COLUMN)."
            )
        return self.target

    def require_trainable(self, name: str, locked: str = "") -> None:
        """Refuse a locked holdout where something learns from the input `name`.

        Caught are the holdout itself and a copy with the same parts, wherever its hash is known:
        from the table's own manifest, or as `locked`, from what came before. Rows that were written
        in another order, in other types or together with others have another hash, and pass.

        Raises:
            InputError: The table is a locked holdout.
        """
        copied = bool(self.sha256) and self.sha256 in (self.holdout, locked)
        if self.role == HOLDOUT or copied:
            found = "the role holdout" if self.role == HOLDOUT else "the holdout's sha256"
            raise InputError(
                f"`{name}` must not be a locked holdout: it is kept for the last judgement, and "
                f"nothing may learn from it. Found: {found} in a table of {self.rows} rows. Pass "
                f"the training share of the same split."
            )

    def metadata(self) -> dict[str, Any]:
        """Return what the artifact of this table says about itself."""
        return {
            "holdfast_contract": CONTRACT,
            "rows": self.rows,
            "columns": len(self.schema.names),
            "target": self.target,
            "task": self.task,
            "sha256": self.sha256,
            "role": self.role,
            "holdout": self.holdout,
        }


def open_table(path: str | Path, name: str = "table") -> Table:
    """Open a table of ours, a directory of Parquet files, or a single Parquet or CSV file.

    Args:
        path: Where the artifact lies.
        name: The input's name, for error messages.

    Raises:
        InputError: There is no table there, or parts of it are missing or cut off.
    """
    path = Path(path)
    if (path / MANIFEST).is_file():
        return _open_manifest(path, name)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*.parquet") if not p.name.startswith(("_", ".")))
    else:
        files = [path] if path.is_file() else []
    if not files:
        raise InputError(
            f"`{name}` must be a table: a directory of Parquet files, or a Parquet or CSV file. "
            f"Found: nothing of the kind at {path}. Pass the Dataset output of another step."
        )
    with files[0].open("rb") as head:
        kind = "parquet" if head.read(4) == b"PAR1" else "CSV"
    try:
        if kind == "CSV":
            # In memory: only so are types told from the whole file.
            dataset: ds.Dataset = ds.dataset(pa_csv.read_csv(path, convert_options=_AS_INGESTED))
        else:
            base = str(path if path.is_dir() else path.parent)
            dataset = ds.dataset(_names(files), partitioning="hive", partition_base_dir=base)
        return Table(path, dataset, dataset.count_rows())
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"`{name}` could not be read as {kind} ({first_line(error)}). Found: {path}. Write it "
            f"again, or pass it through ingest_table."
        ) from error


def _open_manifest(path: Path, name: str) -> Table:
    try:
        document = read_json((path / MANIFEST).read_text(encoding="utf-8"))
        parts, told = [_part(part) for part in document["parts"]], _told(document)
        if not parts:
            raise ValueError("it names no parts")
        if document["rows"] != sum(part.rows for part in parts):
            raise ValueError("its parts have not the rows that it states")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"`{name}` has a {MANIFEST} that is not a table manifest ({error}). Make the table "
            f"again with ingest_table."
        ) from error
    try:
        dataset = ds.dataset(_names(_files_of(path, parts, name)))
        rows = dataset.count_rows()
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"`{name}` must be whole. Found: a part that is not Parquet ({first_line(error)}). "
            f"Run the step that made it again."
        ) from error
    if rows != document["rows"] or told["target"] not in ("", *dataset.schema.names):
        raise InputError(
            f"`{name}` must be as its {MANIFEST} says: {document['rows']} rows, with the target "
            f"{told['target'][:50]!r}. Found: {rows} rows, columns {dataset.schema.names[:20]}. "
            f"Run the step that made it again."
        )
    return Table(path, dataset, rows, **told)


def _told(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a manifest says beside its parts; tables of before the roles have none."""
    keys = ("target", "task", "sha256", "role", "holdout")
    told = {key: document.get(key, "") for key in keys}
    if not all(isinstance(text, str) for text in told.values()):
        raise ValueError(f"its {', '.join(keys)} are not all text")
    if told["task"] not in get_args(Task):
        raise ValueError(f"its task is {told['task'][:50]!r}")
    return told


def _part(entry: dict[str, Any]) -> Part:
    part = Part(**entry)
    named = isinstance(part.file, str) and isinstance(part.sha256, str)
    # True is no number of rows.
    if not named or type(part.rows) is not int or type(part.bytes) is not int:
        raise ValueError("a part without file, rows, bytes and sha256")
    return part


def _files_of(path: Path, parts: Sequence[Part], name: str) -> list[Path]:
    # The manifest came from outside: neither a part's name nor a link leads out of the directory.
    inside = path.resolve()
    files = [path / Path(part.file).name for part in parts]
    for file, part in zip(files, parts, strict=True):
        there = file.is_file() and file.resolve().parent == inside
        found = file.stat().st_size if there else 0
        if not there or found != part.bytes:
            raise InputError(
                f"`{name}` is incomplete: part {part.file} must have {part.bytes} bytes. Found: "
                f"{found}. Run the step that made it again."
            )
    return files


def _names(files: Sequence[Path]) -> list[str]:
    return [str(file) for file in files]


class TableWriter:
    """Write batches as a table that appears at `path` when the `with` block ends without an error.

    Args:
        path: Where the table goes; nothing, or an empty directory, may be there.
        schema: Columns and types of every batch.
        target: The target column, where known.
        task: classification or regression, where known; it may be set until the block ends.
        role: Which share of a split it is, where it is one.
        holdout: sha256 of the locked holdout of the same split; it may be set until the block ends.
    """

    def __init__(
        self,
        path: str | Path,
        schema: pa.Schema,
        target: str = "",
        task: Task = "",
        role: str = "",
        holdout: str = "",
    ) -> None:
        self.path = Path(path)
        self.schema = schema
        self.target = target
        self.task: Task = task
        self.role = role
        self.holdout = holdout
        self._written = 0
        self._unfinished = self.path.with_name(self.path.name + ".unfinished")
        self._group_rows = max(1024, ROW_GROUP_VALUES // max(1, len(schema)))
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._parts: list[Part] = []
        self._sink: pa.NativeFile | None = None
        self._writer: pq.ParquetWriter | None = None
        self._part_rows = 0

    def __enter__(self) -> "TableWriter":
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._unfinished.mkdir(parents=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
            elif self._writer is not None:
                self._close_part()
        finally:
            shutil.rmtree(self._unfinished, ignore_errors=True)

    @property
    def rows(self) -> int:
        """How many rows have been taken in so far."""
        return self._written + self._pending_rows

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows. Row groups do not depend on how the rows are cut into batches."""
        self._pending.append(batch)
        self._pending_rows += batch.num_rows
        while self._pending_rows >= self._group_rows:
            rows = pa.Table.from_batches(self._pending, self.schema)
            self._write_group(rows.slice(0, self._group_rows))
            rest = rows.slice(self._group_rows)
            self._pending, self._pending_rows = rest.to_batches(), rest.num_rows

    def _write_group(self, rows: pa.Table) -> None:
        if self._writer is None:
            file = self._unfinished / f"part-{len(self._parts):05d}.parquet"
            self._sink = pa.OSFile(str(file), "wb")
            # Floats seldom repeat: their dictionary is begun, given up, and takes half the time.
            repeating = [f.name for f in self.schema if not pa.types.is_floating(f.type)]
            self._writer = pq.ParquetWriter(
                self._sink, self.schema, compression="zstd", use_dictionary=repeating
            )
            self._part_rows = 0
        self._writer.write_table(rows, row_group_size=max(1, rows.num_rows))
        self._part_rows += rows.num_rows
        self._written += rows.num_rows
        if self._sink is not None and self._sink.tell() >= PART_BYTES:
            self._close_part()

    def _close_part(self) -> None:
        if self._writer is None or self._sink is None:
            return
        self._writer.close()
        self._sink.close()
        self._writer = self._sink = None
        file = self._unfinished / f"part-{len(self._parts):05d}.parquet"
        with file.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        self._parts.append(Part(file.name, self._part_rows, file.stat().st_size, digest))

    def _finish(self) -> None:
        if self._pending_rows or not (self._parts or self._writer):
            self._write_group(pa.Table.from_batches(self._pending, self.schema))
        self._close_part()
        self._pending, self._pending_rows = [], 0
        content = "".join(part.sha256 for part in self._parts)
        document = {
            "holdfast_contract": CONTRACT,
            "rows": self._written,
            "columns": [{"name": field.name, "type": str(field.type)} for field in self.schema],
            "target": self.target,
            "task": self.task,
            "parts": [asdict(part) for part in self._parts],
            "sha256": hashlib.sha256(content.encode()).hexdigest(),
            "role": self.role,
            "holdout": self.holdout,
        }
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        (self._unfinished / MANIFEST).write_text(text, encoding="utf-8")
        # A table is one of an attempt before this one, which was stopped later on.
        if self.path.is_dir() and not (self.path / MANIFEST).is_file():
            self.path.rmdir()
        put(self._unfinished, self.path)


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a column of this type holds numbers, which true and false are not."""
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )
