"""Sources as users have them, and what ingest_table makes of them."""

import hashlib
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.data.ingest_table import logic
from holdfast.data.ingest_table.rows import Reading
from holdfast.errors import InputError


@pytest.fixture
def ingest(tmp_path):
    """Return a function that ingests CSV (text or bytes) or the rows of a Parquet file."""

    def call(content, target="", task="", out="table", **reading):
        source = tmp_path / f"{out}.source"
        if isinstance(content, pa.Table):
            pq.write_table(content, source)
        else:
            source.write_bytes(content.encode() if isinstance(content, str) else content)
        return logic.ingest(source, tmp_path / out, target, task, reading=Reading(**reading))

    return call


@pytest.fixture
def refuse(ingest, tmp_path):
    """Return a function that ingests what must be refused, by its message, and leaves no table."""

    def call(content, match, target="", task="", **reading):
        with pytest.raises(InputError, match=match):
            ingest(content, target, task, **reading)
        assert [path.name for path in tmp_path.iterdir()] == ["table.source"]

    return call


@pytest.fixture
def ingest_parts(tmp_path):
    """Return a function that ingests a folder of parts: text, bytes or tables by name."""

    def call(parts, **reading):
        folder = tmp_path / "parts"
        for name, content in parts.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, pa.Table):
                pq.write_table(content, file)
            else:
                file.write_bytes(content.encode() if isinstance(content, str) else content)
        return logic.ingest(folder, tmp_path / "table", reading=Reading(**reading))

    return call


@pytest.fixture
def no_leftovers(tmp_path, monkeypatch):
    """Put temporary files into a folder, and check that nothing is left there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def digests():
    """Return a function from a folder to the sha256 of each of its files."""

    def call(folder):
        return {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in Path(folder).iterdir()
        }

    return call
