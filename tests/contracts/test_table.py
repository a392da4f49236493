"""The table contract: what is written, what is read, and what is refused."""

import hashlib
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast import table as contract
from holdfast.errors import InputError
from holdfast.table import MANIFEST, ROW_GROUP_VALUES, TableWriter, open_table

ROWS = pa.table({"id": [1, 2, 3], "colour": ["red", None, "blue"]})


def write(path, rows, rows_per_batch=None, target="", task=""):
    with TableWriter(path, rows.schema, target, task) as writer:
        for batch in rows.to_batches(max_chunksize=rows_per_batch):
            writer.write(batch)
    return path


def row_groups(part):
    metadata = pq.ParquetFile(part).metadata
    return [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]


def flags(count):
    """One narrow column: enough rows for several row groups at little cost."""
    return pa.table({"flag": pa.array(np.arange(count) % 3 == 0)})


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "table", ROWS)


@pytest.fixture
def edit(path):
    """Return a function that changes the manifest, or that of its first part."""

    def change(of_part=None, **of_manifest):
        manifest = json.loads((path / MANIFEST).read_text())
        manifest.update(of_manifest)
        if of_part:
            manifest["parts"][0].update(of_part)
        (path / MANIFEST).write_text(json.dumps(manifest))

    return change


def refused(path, match):
    with pytest.raises(InputError, match=rf"(?s)`current` .*{match}"):
        open_table(path, "current")


def test_rows_come_back_as_they_were_written(path):
    table = open_table(path)
    assert table.read().equals(ROWS)
    assert pa.Table.from_batches(table.batches()).equals(ROWS)
    assert table.rows == 3


def test_columns_can_be_chosen(path):
    table = open_table(path)
    assert table.read(["colour"]).column_names == ["colour"]
    assert [batch.schema.names for batch in table.batches(["id"])] == [["id"]]
    assert table.head(2).to_pydict() == {"id": [1, 2], "colour": ["red", None]}


def test_target_and_task_come_back(tmp_path):
    table = open_table(write(tmp_path / "t", ROWS, target="colour", task="classification"))
    assert (table.target, table.task, table.features) == ("colour", "classification", ["id"])
    assert table.require_target("train") == "colour"


def test_the_task_may_be_set_until_the_block_ends(tmp_path):
    with TableWriter(tmp_path / "t", ROWS.schema, "id") as writer:
        writer.write(ROWS.to_batches()[0])
        writer.task = "regression"
    assert open_table(tmp_path / "t").task == "regression"


def test_a_table_without_a_target_says_which_input_lacks_it(path):
    with pytest.raises(InputError, match=r"`train` does not say.*Found: .*'id'.*ingest_table"):
        open_table(path).require_target("train")


def test_the_manifest_is_correct(path):
    manifest = json.loads((path / MANIFEST).read_text())
    part = path / "part-00000.parquet"
    digest = hashlib.sha256(part.read_bytes()).hexdigest()
    assert manifest == {
        "holdfast_contract": "table/1",
        "rows": 3,
        "columns": [{"name": "id", "type": "int64"}, {"name": "colour", "type": "string"}],
        "target": "",
        "task": "",
        "parts": [
            {"file": part.name, "rows": 3, "bytes": part.stat().st_size, "sha256": digest},
        ],
        "sha256": hashlib.sha256(digest.encode()).hexdigest(),
        "role": "",
        "holdout": "",
    }


def test_the_metadata_of_an_artifact_is_what_the_manifest_says(path):
    manifest = json.loads((path / MANIFEST).read_text())
    assert open_table(path).metadata() == {
        "holdfast_contract": "table/1",
        "rows": 3,
        "columns": 2,
        "target": "",
        "task": "",
        "sha256": manifest["sha256"],
        "role": "",
        "holdout": "",
    }


def test_role_and_holdout_come_back_and_are_in_the_metadata(tmp_path):
    with TableWriter(tmp_path / "t", ROWS.schema, role="train") as writer:
        writer.write(ROWS.to_batches()[0])
        writer.holdout = "abc"
    table = open_table(tmp_path / "t")
    assert (table.role, table.holdout) == ("train", "abc")
    assert (table.metadata()["role"], table.metadata()["holdout"]) == ("train", "abc")


def test_a_table_of_before_the_roles_still_opens(path):
    manifest = json.loads((path / MANIFEST).read_text())
    del manifest["role"], manifest["holdout"]
    (path / MANIFEST).write_text(json.dumps(manifest))
    table = open_table(path)
    assert (table.role, table.holdout) == ("", "")
    table.require_trainable("train")


@pytest.mark.parametrize("role", ["", "train", "test"])
def test_what_is_no_holdout_may_be_learned_from(edit, path, role):
    edit(role=role, holdout="0" * 64)
    open_table(path).require_trainable("train", "1" * 64)


def test_a_holdout_must_not_be_learned_from(edit, path):
    edit(role="holdout")
    match = "`train` must not be a locked holdout.*Found: the role holdout in a table of 3 rows"
    with pytest.raises(InputError, match=match):
        open_table(path).require_trainable("train")


def test_a_copy_of_a_holdout_is_known_by_its_hash(path, tmp_path):
    copy = open_table(write(tmp_path / "copy", ROWS, rows_per_batch=1))
    copy.require_trainable("train")
    match = "`train` must not be a locked holdout.*Found: the holdout's sha256"
    with pytest.raises(InputError, match=match):
        copy.require_trainable("train", open_table(path).sha256)


def test_a_holdout_whose_role_was_lost_on_the_way_is_known_by_its_own_manifest(edit, path):
    edit(holdout=open_table(path).sha256)
    with pytest.raises(InputError, match="`train` must not be a locked holdout"):
        open_table(path).require_trainable("train")


def test_a_table_without_a_hash_is_not_taken_for_a_holdout(tmp_path):
    pq.write_table(ROWS, tmp_path / "data")
    open_table(tmp_path / "data").require_trainable("train")


def test_pandas_reads_the_directory(path):
    expected = pd.DataFrame({"id": [1, 2, 3], "colour": ["red", None, "blue"]})
    pd.testing.assert_frame_equal(pd.read_parquet(path), expected, check_dtype=False)


def test_pyarrow_reads_the_directory(path):
    assert pq.read_table(path).equals(ROWS)


@pytest.mark.parametrize("rows_per_batch", [1, 2, 1000])
def test_the_same_rows_give_the_same_bytes_however_they_are_cut(tmp_path, path, rows_per_batch):
    again = write(tmp_path / "again", ROWS, rows_per_batch)
    part = "part-00000.parquet"
    assert (again / part).read_bytes() == (path / part).read_bytes()
    assert (again / MANIFEST).read_bytes() == (path / MANIFEST).read_bytes()


@pytest.mark.parametrize("rows_per_batch", [100_003, 1_500_000, None])
def test_row_groups_do_not_depend_on_the_batches(tmp_path, rows_per_batch):
    path = write(tmp_path / "t", flags(2 * ROW_GROUP_VALUES + 5), rows_per_batch)
    groups = row_groups(path / "part-00000.parquet")
    assert groups == [ROW_GROUP_VALUES, ROW_GROUP_VALUES, 5]
    assert open_table(path).read().equals(flags(2 * ROW_GROUP_VALUES + 5))


def test_wide_tables_have_row_groups_of_fewer_rows(tmp_path):
    wide = pa.table({f"c{n}": pa.array(np.zeros(2500, bool)) for n in range(1024)})
    path = write(tmp_path / "t", wide)
    assert row_groups(path / "part-00000.parquet") == [2048, 452]


def test_a_table_of_whole_row_groups_has_no_empty_one(tmp_path):
    path = write(tmp_path / "t", flags(ROW_GROUP_VALUES))
    assert row_groups(path / "part-00000.parquet") == [ROW_GROUP_VALUES]


def test_parts_roll_over_and_are_read_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(contract, "PART_BYTES", 1)
    rows = flags(2 * ROW_GROUP_VALUES + 5)
    path = write(tmp_path / "t", rows)
    names = ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    assert sorted(file.name for file in path.glob("*.parquet")) == names
    manifest = json.loads((path / MANIFEST).read_text())
    assert [part["rows"] for part in manifest["parts"]] == [ROW_GROUP_VALUES, ROW_GROUP_VALUES, 5]
    for part in manifest["parts"]:
        digest = hashlib.sha256((path / part["file"]).read_bytes()).hexdigest()
        assert part["sha256"] == digest
    assert open_table(path).read().equals(rows)


def test_the_writer_counts_the_rows_taken_in(tmp_path):
    with TableWriter(tmp_path / "t", ROWS.schema) as writer:
        assert writer.rows == 0
        writer.write(ROWS.to_batches()[0])
        assert writer.rows == 3


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    table = open_table(write(tmp_path / "t", ROWS.slice(0, 0)))
    assert (table.rows, table.read().num_rows) == (0, 0)
    assert table.schema == ROWS.schema


@pytest.mark.parametrize("count", [1, ROW_GROUP_VALUES + 1], ids=["pending", "part begun"])
def test_an_exception_in_the_block_leaves_nothing(tmp_path, count):
    rows = flags(count)
    with (
        pytest.raises(ZeroDivisionError),
        TableWriter(tmp_path / "t", rows.schema) as writer,
    ):
        writer.write(rows.to_batches()[0])
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_at_the_path_before_the_block_ends(tmp_path):
    with TableWriter(tmp_path / "t", ROWS.schema) as writer:
        writer.write(ROWS.to_batches()[0])
        assert not (tmp_path / "t").exists()
    assert [file.name for file in tmp_path.iterdir()] == ["t"]


def test_an_empty_directory_may_be_at_the_path(tmp_path):
    (tmp_path / "t").mkdir()
    assert open_table(write(tmp_path / "t", ROWS)).rows == 3


def test_what_an_earlier_killed_writer_left_is_replaced(tmp_path):
    (tmp_path / "t.unfinished").mkdir()
    (tmp_path / "t.unfinished" / "part-00009.parquet").write_bytes(b"half")
    path = write(tmp_path / "t", ROWS)
    assert sorted(file.name for file in path.iterdir()) == [MANIFEST, "part-00000.parquet"]


def test_folders_above_the_path_are_made(tmp_path):
    assert open_table(write(tmp_path / "a" / "b" / "t", ROWS)).rows == 3


def test_a_single_csv_file_is_a_table(tmp_path):
    (tmp_path / "data").write_text("id,colour\n1,red\n2,blue\n")
    table = open_table(tmp_path / "data")
    assert table.read().to_pydict() == {"id": [1, 2], "colour": ["red", "blue"]}
    assert (table.rows, table.target, table.task, table.sha256) == (2, "", "", "")


def test_a_late_value_of_another_type_in_a_csv_file_is_kept_as_text(tmp_path):
    (tmp_path / "data").write_text("a\n" + "1\n" * 1_000_000 + "x\n")
    assert open_table(tmp_path / "data").read().column("a")[1_000_000].as_py() == "x"


def test_a_single_parquet_file_is_a_table_whatever_its_name(tmp_path):
    pq.write_table(ROWS, tmp_path / "data")
    assert open_table(tmp_path / "data").read().equals(ROWS)


def test_a_directory_of_parquet_files_is_a_table_in_the_order_of_their_names(tmp_path):
    for name, start in ("b.parquet", 1), ("a.parquet", 0):
        pq.write_table(ROWS.slice(start, 1), tmp_path / name)
    (tmp_path / "_SUCCESS").touch()
    table = open_table(tmp_path)
    assert table.rows == 2
    assert table.read().column("id").to_pylist() == [1, 2]


@pytest.mark.parametrize("name", ["absent", "."])
def test_where_there_is_no_table_the_input_is_named(tmp_path, name):
    refused(tmp_path / name, "must be a table.*Found: nothing of the kind.*Pass the Dataset")


def test_a_cut_off_parquet_file_is_refused(tmp_path):
    pq.write_table(ROWS, tmp_path / "data")
    (tmp_path / "data").write_bytes((tmp_path / "data").read_bytes()[:-20])
    refused(tmp_path / "data", "could not be read as parquet.*Write it again")


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n1\n"], ids=["empty", "ragged"])
def test_a_damaged_csv_file_is_refused(tmp_path, content):
    (tmp_path / "data").write_text(content)
    refused(tmp_path / "data", "could not be read as CSV.*Write it again")


def test_a_missing_part_is_refused(path):
    (path / "part-00000.parquet").unlink()
    refused(path, "is incomplete: part part-00000.parquet .*Found: 0. Run the step .* again")


def test_a_truncated_part_is_refused(path):
    part = path / "part-00000.parquet"
    size = part.stat().st_size
    part.write_bytes(part.read_bytes()[:-1])
    refused(path, rf"is incomplete: .* must have {size} bytes. Found: {size - 1}. Run the step")


def test_a_damaged_part_of_the_right_size_is_refused(path):
    part = path / "part-00000.parquet"
    part.write_bytes(b"x" * part.stat().st_size)
    refused(path, "part")


def test_a_part_outside_of_the_directory_is_not_read(path, edit, tmp_path):
    other = pa.table({"id": [7, 8, 9], "colour": ["x", "y", "z"]})
    outside = write(tmp_path / "outside", other) / "secret.parquet"
    pq.write_table(other, outside)
    edit({"file": "../outside/secret.parquet", "bytes": outside.stat().st_size})
    refused(path, "is incomplete: part ../outside/secret.parquet")


@pytest.mark.parametrize("name", ["..", "absent.parquet"])
def test_a_part_that_is_no_file_is_refused_even_with_no_bytes(path, edit, name):
    edit({"file": name, "bytes": 0})
    refused(path, "part")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"parts": 3}', '{"parts": [{"file": 3}]}', "\xff"]
)
def test_a_manifest_that_is_none_is_refused(path, text):
    (path / MANIFEST).write_bytes(text.encode("latin-1"))
    refused(path, f"has a {MANIFEST} that is not a table manifest .*Make the table again")


def test_a_manifest_without_parts_is_refused(path, edit):
    edit(parts=[])
    refused(path, "part")


def test_partitions_of_another_teams_directory_are_columns_as_pandas_reads_them(tmp_path):
    folder = tmp_path / "hive" / "k=1"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"x": [1, 2]}), folder / "p.parquet")
    assert open_table(tmp_path / "hive").read().to_pydict() == {"x": [1, 2], "k": [1, 1]}
