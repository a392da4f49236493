"""A table that came from outside: its manifest leads nowhere else, and nothing in it runs."""

import json
import os
import pickle
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.errors import InputError
from holdfast.table import MANIFEST, TableWriter, open_table
from tests.security import planted


@pytest.fixture
def table(tmp_path):
    rows = pa.table({"x": [1.0, 2.0], "y": ["a", "b"]})
    with TableWriter(tmp_path / "table", rows.schema, "y", "classification") as writer:
        writer.write(rows.to_batches()[0])
    return tmp_path / "table"


@pytest.fixture
def outside(tmp_path, table):
    """A file with the very bytes of the table's part, outside of its folder."""
    (tmp_path / "other").mkdir()
    return shutil.copy(table / "part-00000.parquet", tmp_path / "other" / "secret.parquet")


def change(table, **changes):
    manifest = json.loads((table / MANIFEST).read_text())
    manifest["parts"][0] |= {k: v for k, v in changes.items() if k in manifest["parts"][0]}
    manifest |= {k: v for k, v in changes.items() if k not in manifest["parts"][0]}
    (table / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize("name", ["../other/secret.parquet", "{outside}", "..", ".", "", "/",
                                  "part\0.parquet", "part-00000.parquet/../../other/x.parquet",
                                  "..\\other\\secret.parquet"])  # fmt: skip
def test_a_parts_name_does_not_lead_out_of_the_folder(table, outside, name):
    change(table, file=name.format(outside=outside))
    with pytest.raises(InputError, match="`table`"):
        open_table(table)


def test_a_link_in_the_folder_is_not_followed(table, outside):
    (table / "part-00000.parquet").unlink()
    (table / "part-00000.parquet").symlink_to(outside)
    with pytest.raises(InputError, match="`table` is incomplete"):
        open_table(table)
    # That it is found behind a link of the folder itself is another matter.
    (table / "part-00000.parquet").unlink()
    shutil.copy(outside, table / "part-00000.parquet")
    os.symlink(table, table.parent / "link")
    assert open_table(table.parent / "link").rows == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": 10**18}, {"rows": -1}, {"rows": True}, {"rows": 2.0}, {"rows": None},
        {"bytes": "1"}, {"bytes": 1e400}, {"target": "z"}, {"target": ["y"]}, {"task": "poetry"},
        {"task": None}, {"parts": []}, {"parts": {}}, {"parts": 5}, {"file": 5}, {"file": None},
        {"sha256": {"x": 1}}, {"role": 7}, {"target": "\ud800"},
    ],
)  # fmt: skip
def test_a_manifest_that_lies_is_refused(table, changes):
    change(table, **changes)
    with pytest.raises(InputError, match="`table`"):
        open_table(table)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"rows": ' + "9" * 5000 + "}", "1e999", "NaN",
                                  "null", "[]", '{"parts": [[]]}', '"\\ud800"'])  # fmt: skip
def test_a_manifest_that_is_no_plain_json_is_refused(table, text):
    (table / MANIFEST).write_text(text)
    with pytest.raises(InputError, match="not a table manifest"):
        open_table(table)


@pytest.mark.parametrize("name", ["arrow.py_extension_type", "pickle", "pandas"])
def test_a_pickle_in_the_metadata_of_parquet_never_runs(table, tmp_path, name):
    """Arrow before 14 unpickled it (CVE-2023-47248)."""
    canary = tmp_path / "canary"
    assert planted.works(canary)
    notes = {b"ARROW:extension:name": name.encode(),
             b"ARROW:extension:metadata": planted.pickled(canary)}  # fmt: skip
    field = pa.field("x", pa.float64(), metadata=notes)
    rows = pa.table(
        {"x": [1.0, 2.0]}, schema=pa.schema([field], {name.encode(): planted.pickled(canary)})
    )
    (tmp_path / "foreign").mkdir()
    pq.write_table(rows, tmp_path / "foreign" / "part.parquet")
    found = open_table(tmp_path / "foreign")
    assert found.read()["x"].to_pylist() == [1.0, 2.0]
    assert not canary.exists()
    assert pickle.loads(planted.pickled(canary)) and canary.exists()
