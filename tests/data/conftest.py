"""Sources as users have them, and what ingest_table makes of them."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.data.ingest_table import logic
from holdfast.errors import InputError


@pytest.fixture
def ingest(tmp_path):
    """Return a function that ingests CSV (text or bytes) or the rows of a Parquet file."""

    def call(content, target="", task="", out="table"):
        source = tmp_path / f"{out}.source"
        if isinstance(content, pa.Table):
            pq.write_table(content, source)
        else:
            source.write_bytes(content.encode() if isinstance(content, str) else content)
        return logic.ingest(source, tmp_path / out, target, task)

    return call


@pytest.fixture
def refuse(ingest, tmp_path):
    """Return a function that ingests what must be refused, by its message, and leaves no table."""

    def call(content, match, target="", task=""):
        with pytest.raises(InputError, match=match):
            ingest(content, target, task)
        assert [path.name for path in tmp_path.iterdir()] == ["table.source"]

    return call


@pytest.fixture
def digests():
    """Return a function from a folder to the sha256 of each of its files."""

    def call(folder):
        return {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in Path(folder).iterdir()
        }

    return call
