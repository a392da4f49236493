"""Open whatever a URI leads to as one stream of rows."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from holdfast.data.ingest_table.rows import (
    File,
    Origin,
    Piece,
    Reading,
    Rows,
    numbered,
    require_distinct,
)
from holdfast.data.ingest_table.shaping import declared, shape
from holdfast.data.sources.places import Source, fetched, is_database
from holdfast.errors import InputError, shown

DEFAULT = Reading()


@contextmanager
def open_rows(
    uri: str | Path, query: str = "", reading: Reading = DEFAULT, fingerprint: str = ""
) -> Iterator[Rows]:
    """Yield the rows behind a URI; downloads are deleted when the block ends.

    Args:
        uri: A file, directory, prefix or glob, or a PostgreSQL database.
        query: What to read from the database.
        reading: How it is read.
        fingerprint: What resolve_source told of it; empty not to compare.

    Raises:
        InputError: The source cannot be reached or read, or is another one by now.
    """
    uri = str(uri)
    reading.check()
    declared(reading.types)
    if is_database(uri):
        with _query_rows(uri, query, fingerprint) as rows:
            yield shape(rows, reading)
        return
    if query:
        raise InputError(
            f"`query` must go with a postgresql:// `uri`. Found: one with {shown(uri)!r}. Leave it "
            f"out; `where` and `columns` choose from files."
        )
    with (
        fetched(uri, reading.max_bytes) as source,
        tempfile.TemporaryDirectory(prefix="holdfast-") as folder,
    ):
        found = source.fingerprint()
        _require_same(fingerprint, found)
        try:
            rows = _open(_files(source), Path(folder), reading)
            origin = Origin(shown(uri), found)
            checked = Rows(rows.schema, _checked(rows.pieces, source.check), origin)
            yield shape(checked, reading)
        except InputError:
            # What could not be read may have been written meanwhile.
            source.check()
            raise


def _files(source: Source) -> list[File]:
    several = len(source.parts) > 1
    return [
        File(file, f"`uri` part {part.name!r}" if several else "`uri`")
        for part, file in zip(source.parts, source.files, strict=True)
    ]


def _open(files: Sequence[File], folder: Path, reading: Reading) -> Rows:
    from holdfast.data.ingest_table.csv_files import open_csv
    from holdfast.data.ingest_table.json_lines import open_json_lines
    from holdfast.data.ingest_table.parquet_files import open_parquet
    from holdfast.data.ingest_table.plain_text import make_plain

    plain, kinds = [], []
    left = reading.max_bytes
    for index, file in enumerate(files):
        found, kind = make_plain(file, folder / f"{index:06d}", reading, left)
        left -= found.path.stat().st_size
        plain.append(found)
        kinds.append(kind)
    for file, kind in zip(files, kinds, strict=True):
        if kind != kinds[0]:
            raise InputError(
                f"{file.label} must be {kinds[0]} like {files[0].label}. Found: {kind}. Leave it "
                f"out by a glob, or give `format`."
            )
    openers: dict[str, Callable[[Sequence[File], Reading], Rows]] = {
        "csv": open_csv,
        "jsonl": open_json_lines,
        "parquet": open_parquet,
    }
    return openers[kinds[0]](plain, reading)


def _checked(pieces: Iterator[Piece], check: Callable[[], None]) -> Iterator[Piece]:
    """Yield all pieces, then look whether the source stayed as it was."""
    yield from pieces
    check()


@contextmanager
def _query_rows(uri: str, query: str, fingerprint: str) -> Iterator[Rows]:
    from holdfast.data.sources.postgresql import Digest, selected

    with selected(uri, query) as reader:
        require_distinct("`query`", reader.schema.names)
        origin = Origin(shown(uri))
        digest = Digest(reader.schema)

        def pieces() -> Iterator[Piece]:
            for piece in numbered("`query`", reader):
                digest.update(piece.batch)
                yield piece
            origin.fingerprint = digest.hexdigest()
            _require_same(fingerprint, origin.fingerprint)

        yield Rows(reader.schema, pieces(), origin)


def _require_same(expected: str, found: str) -> None:
    if expected and expected != found:
        raise InputError(
            f"`fingerprint` must be that of the source. Found: {found[:12]}… instead of "
            f"{expected[:12]}…: the source changed between the steps. Run the pipeline again."
        )
