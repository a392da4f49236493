"""What is written appears whole or not at all, and replaces what an attempt before left."""

import pyarrow as pa
import pytest

from holdfast.table import TableWriter, open_table
from holdfast.writing import whole, write_text


def test_a_file_appears_when_the_block_ends(tmp_path):
    with whole(tmp_path / "new" / "file") as unfinished:
        unfinished.write_text("all")
        assert not (tmp_path / "new" / "file").exists()
    assert (tmp_path / "new" / "file").read_text() == "all"
    assert [f.name for f in (tmp_path / "new").iterdir()] == ["file"]


def test_an_error_leaves_what_was_there_before(tmp_path):
    write_text(tmp_path / "file", "first")
    with pytest.raises(OSError, match="full"), whole(tmp_path / "file") as unfinished:
        unfinished.write_text("half")
        raise OSError("full")
    assert (tmp_path / "file").read_text() == "first"
    assert [f.name for f in tmp_path.iterdir()] == ["file"]


def test_a_folder_replaces_what_an_attempt_before_left_and_takes_nothing_of_it(tmp_path):
    for folder in ("artifact", "artifact.unfinished"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "old").write_text("old")
    with whole(tmp_path / "artifact") as unfinished:
        assert not unfinished.exists()
        unfinished.mkdir()
        (unfinished / "new").write_text("new")
    assert [f.name for f in (tmp_path / "artifact").iterdir()] == ["new"]
    assert [f.name for f in tmp_path.iterdir()] == ["artifact"]


def test_what_is_replaced_is_never_there_in_part(tmp_path, monkeypatch):
    """Whoever is killed while the old folder is deleted has the new one in its place."""
    (tmp_path / "artifact").mkdir()
    for name in ("a", "b"):
        (tmp_path / "artifact" / name).write_text("old")

    def killed(path):
        (path / "a").unlink()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), whole(tmp_path / "artifact") as unfinished:
        unfinished.mkdir()
        (unfinished / "new").write_text("new")
        monkeypatch.setattr("shutil.rmtree", killed)
    monkeypatch.undo()
    assert [f.name for f in (tmp_path / "artifact").iterdir()] == ["new"]
    with whole(tmp_path / "artifact") as unfinished:
        unfinished.write_text("a file now")
    assert [f.name for f in tmp_path.iterdir()] == ["artifact"]


def rows(*values: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"a": values})


def test_a_table_replaces_the_one_of_an_attempt_before(tmp_path):
    for values in ((1, 2, 3), (4,)):
        with TableWriter(tmp_path / "table", rows(1).schema) as writer:
            writer.write(rows(*values))
    assert open_table(tmp_path / "table").read().to_pydict() == {"a": [4]}


def test_a_folder_that_is_no_table_is_not_replaced_by_one(tmp_path):
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "mine").write_text("mine")
    with pytest.raises(OSError, match="not empty"), TableWriter(tmp_path / "table", rows(1).schema):
        pass
    assert (tmp_path / "table" / "mine").read_text() == "mine"
