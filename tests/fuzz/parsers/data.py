"""What the data family reads: tables, verdicts, and CSV and JSON lines by any options."""

import atexit
import json
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa

from holdfast.data.ingest_table.logic import ingest
from holdfast.data.ingest_table.rows import Reading
from holdfast.data.resolve_window.logic import resolve
from holdfast.errors import InputError
from holdfast.table import MANIFEST, TableWriter, open_table
from holdfast.verdict import read_verdict
from tests.fuzz.parsers.target import Target, text

FOLDER = Path(tempfile.mkdtemp(prefix="holdfast-fuzz-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
ROWS = pa.table({"age": [1, 2], "sex": ["f", None]})
VERDICT = {
    "decision": "fail",
    "reasons": [{"code": "c", "subject": "s", "observed": "1", "expected": "2", "message": "m",
                 "effect": "fail", "share": 0.5, "examples": ["x"]}],
}  # fmt: skip
OPTIONS = (
    {"delimiter": ",", "null_values": ["NA"], "types": {"a": "int64"}},
    {"format": "jsonl", "columns": ["a"]},
    {"encoding": "detect", "compression": "gzip", "max_bytes": 1000},
)


def table() -> bytes:
    """Write a table; return its manifest."""
    with TableWriter(FOLDER / "table", ROWS.schema, "age", "regression") as writer:
        for batch in ROWS.to_batches():
            writer.write(batch)
    return (FOLDER / "table" / MANIFEST).read_bytes()


def manifest(data: bytes) -> None:
    """Read a table behind some manifest."""
    (FOLDER / "table" / MANIFEST).write_bytes(data)
    found = open_table(FOLDER / "table")
    found.read()
    json.dumps(found.metadata()).encode()


def verdict(data: bytes) -> None:
    """Read a verdict, and write it again."""
    (FOLDER / "verdict").write_bytes(data)
    read_verdict(FOLDER / "verdict").write(FOLDER / "again")


def source(data: bytes) -> None:
    """Ingest what follows a line of options."""
    line, _, content = data.partition(b"\n")
    try:
        options = json.loads(line)
        assert isinstance(options, dict)
        reading = Reading(**options)
    except (ValueError, TypeError, AssertionError, RecursionError):
        reading = Reading()
    if not _typed(reading):
        # KFP checks the types of parameters.
        return
    shutil.rmtree(FOLDER / "ingested", ignore_errors=True)
    (FOLDER / "source").write_bytes(content)
    ingest(FOLDER / "source", FOLDER / "ingested", reading=reading)


def _typed(reading: Reading) -> bool:
    texts = (reading.format, reading.delimiter, reading.encoding, reading.compression,
             reading.where)  # fmt: skip
    lists = (reading.columns, reading.null_values)
    return (
        all(isinstance(value, str) and value.isprintable() for value in texts)
        and all(isinstance(v, list | tuple) and all(type(x) is str for x in v) for v in lists)
        and isinstance(reading.types, dict)
        and all(type(kind) is str for kind in reading.types.values())
        and type(reading.max_bytes) is int
    )


def window(data: bytes) -> None:
    """Resolve a window of four texts."""
    start, end, column, now, *_ = [*text(data).split("\n"), "", "", "", ""]
    resolve(start, end, column, now)


TARGETS = {
    "manifest": Target(manifest, (table(),), (InputError,)),
    "verdict": Target(verdict, (json.dumps(VERDICT).encode(),), (InputError,)),
    "source": Target(
        source,
        (
            json.dumps(OPTIONS[0]).encode() + b"\na,b\n1,x\nNA,2026-01-01\n",
            json.dumps(OPTIONS[1]).encode() + b'\n{"a": 1, "b": "x"}\n{"a": 2.5, "b": null}\n',
            b'{}\na;b\n"1";"x;y"\n',
        ),
        (InputError,),
    ),
    "window": Target(
        window, (b"P1D\n2026-11-21\nday\n2026-11-21T06:00:00Z", b"2026-01-01\n2026-02-01\nday"),
        (InputError,),
    ),
}  # fmt: skip
