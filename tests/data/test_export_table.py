"""What export_table and export_artifact promise of files and folders; stores and PostgreSQL are
tested where they run."""

import json
import shutil

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from holdfast.data.export_artifact import logic as artifacts
from holdfast.data.export_table import logic
from holdfast.data.ingest_table.logic import ingest as read_back
from holdfast.data.sources import targets
from holdfast.errors import InputError
from holdfast.table import TableWriter, open_table


@pytest.fixture
def table(tmp_path):
    """Return a function from columns to a table of ours."""

    def make(columns, name="table", schema=None):
        rows = pa.table(columns, schema=schema)
        with TableWriter(tmp_path / name, rows.schema) as writer:
            for batch in rows.to_batches():
                writer.write(batch)
        return open_table(tmp_path / name)

    return make


@pytest.fixture
def numbers(table):
    return table({"a": [1, 2, None], "b": ["x", 'say "hi"', None]}, "numbers")


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


def seen(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_file_is_written_once_and_not_again(numbers, place, no_leftovers):
    uri = f"{place}/deep/t.parquet"
    assert logic.export(numbers, uri) == logic.Exported(3, True)
    before = (place / "deep" / "t.parquet").stat().st_mtime_ns
    assert logic.export(numbers, uri) == logic.Exported(3, False)
    assert (place / "deep" / "t.parquet").stat().st_mtime_ns == before
    assert pq.read_table(uri).to_pydict() == numbers.read().to_pydict()


def test_another_table_replaces_the_file(numbers, table, place):
    logic.export(numbers, f"{place}/t.parquet")
    assert logic.export(table({"z": [1]}), f"{place}/t.parquet").written
    assert pq.read_table(place / "t.parquet").to_pydict() == {"z": [1]}


def test_csv_is_read_back_as_it_was(numbers, place, tmp_path):
    logic.export(numbers, f"{place}/t.csv")
    assert pa_csv.read_csv(place / "t.csv").column_names == ["a", "b"]
    back = read_back(place / "t.csv", tmp_path / "back")
    assert back.read().to_pydict() == numbers.read().to_pydict()


def test_a_folder_is_a_table_that_ingest_reads_in_order(table, place, tmp_path, monkeypatch):
    monkeypatch.setattr("holdfast.table.PART_BYTES", 1)
    monkeypatch.setattr("holdfast.table.ROW_GROUP_VALUES", 1024)
    many = table({"n": list(range(10_000))}, "many")
    assert len(list(many.path.glob("*.parquet"))) > 3
    assert logic.export(many, f"{place}/") == logic.Exported(10_000, True)
    assert open_table(place).sha256 == many.sha256
    back = read_back(f"{place}/", tmp_path / "back")
    assert back.read().column("n").to_pylist() == list(range(10_000))


def test_the_same_table_is_not_written_again_and_a_lost_part_is(numbers, place):
    logic.export(numbers, f"{place}/")
    assert not logic.export(numbers, f"{place}/").written
    next(place.glob("*.parquet")).unlink()
    assert logic.export(numbers, f"{place}/").written
    assert open_table(place).rows == 3


def test_old_parts_go_and_what_is_not_ours_stays(numbers, table, place):
    (place / "notes.txt").write_text("mine")
    logic.export(table({"z": [1]}), f"{place}/")
    old = set(seen(place))
    logic.export(numbers, f"{place}/")
    new = set(seen(place))
    assert old & new == {"notes.txt", "_manifest.json"}
    assert len(new) == 3


def test_parts_of_an_export_that_was_killed_go_with_the_next_rows(numbers, table, place, tmp_path):
    old = table({"z": [1]})
    logic.export(old, f"{place}/")
    logic.export(table({"z": [2]}, "killed"), f"{tmp_path}/elsewhere/")
    (left,) = (tmp_path / "elsewhere").glob("*.parquet")
    shutil.copy(left, place)
    assert len(list(place.glob("*.parquet"))) == 2
    assert open_table(place).read() == old.read()
    # They might be those of an export that is still writing.
    assert not logic.export(old, f"{place}/").written
    assert len(list(place.glob("*.parquet"))) == 2
    assert logic.export(numbers, f"{place}/").written
    # Who does not know the manifest reads all files.
    assert pq.read_table(place) == numbers.read()


def test_the_parts_that_another_export_has_named_meanwhile_stay(numbers, table, place, monkeypatch):
    old, other = table({"z": [1]}), table({"z": [2]}, "other")
    logic.export(old, f"{place}/")
    put = targets.LocalTarget.put

    def overtake(self, name, file, content=""):
        put(self, name, file, content)
        if name == logic.MANIFEST:
            at_once.undo()
            logic.export(other, f"{place}/")

    with monkeypatch.context() as at_once:
        at_once.setattr(targets.LocalTarget, "put", overtake)
        with pytest.raises(InputError, match="written by one step at a time"):
            logic.export(numbers, f"{place}/")
    assert open_table(place).read() == other.read()


def test_an_export_whose_parts_another_one_removed_is_told(numbers, table, place, monkeypatch):
    other = table({"z": [1]})
    put = targets.LocalTarget.put

    def remove(self, name, file, content=""):
        put(self, name, file, content)
        at_once.undo()
        logic.export(other, f"{place}/")

    with monkeypatch.context() as at_once:
        at_once.setattr(targets.LocalTarget, "put", remove)
        with pytest.raises(InputError, match="written by one step at a time"):
            logic.export(numbers, f"{place}/")
    assert pq.read_table(place) == open_table(place).read() == other.read()
    assert logic.export(numbers, f"{place}/").written


def test_what_was_there_is_left_over_only_if_nobody_has_named_it_meanwhile(
    numbers, table, place, tmp_path, monkeypatch
):
    other, elsewhere = table({"z": [2]}, "other"), tmp_path / "elsewhere"
    logic.export(other, f"{elsewhere}/")
    place.mkdir(exist_ok=True)
    for part in elsewhere.glob("*.parquet"):
        shutil.copy(part, place)
    put = targets.LocalTarget.put

    def overtake(self, name, file, content=""):
        put(self, name, file, content)
        if name == logic.MANIFEST:
            shutil.copy(elsewhere / name, place)

    monkeypatch.setattr(targets.LocalTarget, "put", overtake)
    assert logic.export(numbers, f"{place}/").written
    assert open_table(place).read() == other.read()


class Fails(targets.LocalTarget):
    """A folder whose disk is full at the given write."""

    def __init__(self, folder, at):
        super().__init__(folder)
        self.left = at

    def put(self, name, file, content=""):
        self.left -= 1
        if self.left < 0:
            raise InputError("the disk is full")
        super().put(name, file, content)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_failure_leaves_the_old_table_and_nothing_else(table, place, monkeypatch, at, tmp_path):
    logic.export(table({"z": [1]}), f"{place}/")
    before = seen(place)
    monkeypatch.setattr("holdfast.table.PART_BYTES", 1)
    monkeypatch.setattr("holdfast.table.ROW_GROUP_VALUES", 1024)
    new = table({"n": list(range(2_000))}, "new")
    monkeypatch.setattr(logic, "target_of", lambda uri: (Fails(place, at), ""))
    with pytest.raises(InputError, match="disk is full"):
        logic.export(new, f"{place}/")
    assert seen(place) == before


def test_an_empty_table_is_exported(table, place):
    empty = table({"a": pa.array([], pa.int64())})
    for uri in (f"{place}/t.parquet", f"{place}/t.csv", f"{place}/folder/"):
        assert logic.export(empty, uri) == logic.Exported(0, True)
        assert logic.export(empty, uri) == logic.Exported(0, False)
    assert open_table(place / "folder").rows == 0
    assert (place / "t.csv").read_text() == '"a"\n'


def test_a_table_of_others_is_exported_too(tmp_path, place):
    pq.write_table(pa.table({"a": [1, 2]}), tmp_path / "theirs.parquet")
    theirs = open_table(tmp_path / "theirs.parquet")
    assert logic.export(theirs, f"{place}/") == logic.Exported(2, True)
    assert logic.export(theirs, f"{place}/") == logic.Exported(2, False)
    assert json.loads((place / "_manifest.json").read_text())["rows"] == 2


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("{place}/t.xlsx", "`uri` must end with .parquet or .csv"),
        ("https://host/t.csv", "`uri` must be a local path.*to write to"),
        ("", "`uri` must be a local path.*to write to"),
        ("s3://user:hunter2@bucket/t.csv", "no password"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(numbers, place, uri, found):
    with pytest.raises(InputError, match=found) as refused:
        logic.export(numbers, uri.format(place=place))
    assert "hunter2" not in str(refused.value)
    assert seen(place) == {}


def test_a_table_name_for_files_is_refused(numbers, place):
    with pytest.raises(InputError, match="`table_name` must go with a postgresql://"):
        logic.export(numbers, f"{place}/t.csv", "name")


def test_export_artifact_keeps_a_file_or_a_folder_and_writes_once(tmp_path, place):
    folder = tmp_path / "artifact"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "x.json").write_text("1")
    (folder / "_manifest.json").write_text("2")
    assert artifacts.export(folder, f"{place}/baseline/") == artifacts.Exported(2, True)
    assert artifacts.export(folder, f"{place}/baseline/") == artifacts.Exported(2, False)
    assert artifacts.export(folder / "deep" / "x.json", f"{place}/x.json").written
    assert set(seen(place)) == {"baseline/deep/x.json", "baseline/_manifest.json", "x.json"}


def test_export_artifact_takes_back_what_is_new_if_it_fails(tmp_path, place, monkeypatch):
    folder = tmp_path / "artifact"
    folder.mkdir()
    for name in "abc":
        (folder / name).write_text(name)
    monkeypatch.setattr(artifacts, "target_of", lambda uri: (Fails(place, 2), ""))
    with pytest.raises(InputError, match="disk is full"):
        artifacts.export(folder, f"{place}/")
    assert seen(place) == {}


@pytest.mark.parametrize("uri", ["{place}/", "{place}"])
def test_export_artifact_refuses_a_file_where_a_folder_is_meant(tmp_path, place, uri):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="`uri` must end with / for a folder"):
        artifacts.export(tmp_path / "file", uri.format(place=place))
