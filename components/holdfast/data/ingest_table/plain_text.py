"""Compressed files and other encodings, made plain on the way to the readers."""

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from holdfast.data.ingest_table.rows import File, Reading
from holdfast.data.sources.places import write_all
from holdfast.errors import InputError, first_line

CHUNK = 2**20
MAGIC = {
    "gzip": re.compile(rb"\x1f\x8b\x08"),
    "bz2": re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
    "xz": re.compile(rb"\xfd7zXZ\x00"),
}
# The longest first: UTF-32's mark begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
PARQUET = b"PAR1"
# As many bytes of lines that are not ASCII tell an encoding.
SAMPLE_BYTES = 2**16
# Left to all it knows, charset-normalizer takes a few words for Urdu of 1990.
COMMON = ["utf_8", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256",
          "koi8_r", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"]  # fmt: skip


def make_plain(file: File, target: Path, reading: Reading, limit: int) -> tuple[File, str]:
    """Return a file that is Parquet or UTF-8 text, and its format.

    Args:
        file: What was found.
        target: Where a copy goes, if one is needed.
        reading: What is known of format, compression and encoding.
        limit: How many bytes the copy may have.

    Raises:
        InputError: The file is empty, cut off, not what it was said to be, or too large.
    """
    compression = reading.compression or _compression(file.path)
    with _opened(file, compression) as stream:
        chunks = _chunks(file, stream, compression)
        head = next(chunks, b"")
        if not head:
            raise InputError(
                f"{file.label} must hold a CSV or Parquet table or JSON lines. Found: an empty "
                f"file. Check the export that wrote it."
            )
        encoding = _encoding(file, head, reading, compression)
        kind = reading.format or _format(head, encoding)
        marked = kind == "jsonl" and head.startswith(codecs.BOM_UTF8)
        decode = kind != "parquet" and (encoding != "utf-8" or marked)
        if compression in ("", "none") and not decode:
            return file, kind
        whole = chain([head], chunks)
        content = _as_utf8(file, whole, encoding) if decode else whole
        write_all(content, target, limit, file.label)
    return File(target, file.label), kind


def not_utf8(file: File, finding: str) -> InputError:
    """Return the error for text in an encoding that nobody named."""
    return InputError(
        f"{file.label} must be a UTF-8 CSV file or JSON lines, or its encoding must be given. "
        f"Found: {finding}. It looks like {guess(file.path)}: pass that as `encoding` if you know "
        f"it to be right, or convert it, for example with iconv -f LATIN1 -t UTF-8."
    )


def guess(path: Path) -> str:
    """Return the encoding that charset-normalizer takes the text for."""
    return _best(b"".join(_telling_lines(path)))


def _best(sample: bytes) -> str:
    import charset_normalizer

    if sample.isascii():
        return "utf-8"
    wide = ["utf_16_le", "utf_16_be"] if b"\0" in sample else []
    best = charset_normalizer.from_bytes(sample, cp_isolation=[*wide, *COMMON]).best()
    name = best.encoding if best else "latin_1"
    # Where several fit alike, the commonest is the likeliest.
    usual = sample.decode("cp1252", errors="replace") == sample.decode(name, errors="ignore")
    return "cp1252" if usual else name.replace("_", "-")


def _telling_lines(path: Path) -> Iterator[bytes]:
    """Yield the first lines that are not ASCII: all others are the same in every encoding."""
    size = 0
    with path.open("rb") as file:
        while size < SAMPLE_BYTES and (line := file.readline(SAMPLE_BYTES)):
            if not line.isascii():
                size += len(line)
                yield line


def _compression(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    return next((name for name, magic in MAGIC.items() if magic.match(head)), "")


@contextmanager
def _opened(file: File, compression: str) -> Iterator[IO[bytes]]:
    if compression == "xz":
        import lzma

        with lzma.open(file.path) as stream:
            yield stream
    elif compression in ("", "none"):
        with file.path.open("rb") as plain:
            yield plain
    else:
        with pa.OSFile(str(file.path), "rb") as raw:
            yield pa.CompressedInputStream(raw, compression)


def _chunks(file: File, stream: Any, compression: str) -> Iterator[bytes]:
    try:
        while chunk := stream.read(CHUNK):
            yield bytes(chunk)
    except (OSError, EOFError, ValueError, pa.ArrowException, *_lzma_errors()) as error:
        raise InputError(
            f"{file.label} must be a whole {compression or 'plain'} file. Found: "
            f"{first_line(error).rstrip('.')}. Copy it again, or write it again."
        ) from error


def _lzma_errors() -> tuple[type[Exception], ...]:
    import lzma

    return (lzma.LZMAError,)


def _format(head: bytes, encoding: str) -> str:
    if head.startswith(PARQUET):
        return "parquet"
    text = head.decode(encoding, errors="ignore").lstrip("\ufeff \t\r\n")
    return "jsonl" if text.startswith("{") else "csv"


def _encoding(file: File, head: bytes, reading: Reading, compression: str) -> str:
    """Return the encoding by Python's name; UTF-8 where nothing says otherwise."""
    if head.startswith(PARQUET):
        return "utf-8"
    by_mark = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
    if not reading.encoding:
        return by_mark
    if reading.encoding == "detect":
        plain = compression in ("", "none")
        found = guess(file.path) if plain else _best(head[:SAMPLE_BYTES])
        return by_mark if by_mark != "utf-8" else codecs.lookup(found).name
    try:
        return codecs.lookup(reading.encoding).name
    except LookupError as error:
        raise InputError(
            f"`encoding` must be one that Python knows, or detect. Found: {reading.encoding!r}. "
            f"Common ones: utf-8, cp1252, latin-1, utf-16, shift-jis."
        ) from error


def _as_utf8(file: File, chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Decode strictly: a byte that does not fit is never replaced."""
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError as error:
        reason = getattr(error, "reason", type(error).__name__)
        raise InputError(
            f"{file.label} must be {encoding} text. Found: bytes that are not ({reason}). Pass "
            f"another `encoding`, or convert it at the source."
        ) from error
