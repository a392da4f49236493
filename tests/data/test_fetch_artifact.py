"""What fetch_artifact promises."""

import pytest

from holdfast.data.fetch_artifact import logic
from holdfast.data.resolve_source.logic import resolve
from holdfast.data.sources.places import Part
from holdfast.errors import InputError


@pytest.fixture
def kept(tmp_path):
    folder = tmp_path / "kept"
    (folder / "deep").mkdir(parents=True)
    (folder / "schema.pbtxt").write_text("schema")
    (folder / "deep" / "part.parquet").write_text("part")
    (folder / "_manifest.json").write_text("{}")
    return folder


def test_a_file_becomes_a_file(kept, tmp_path):
    found = logic.fetch(str(kept / "schema.pbtxt"), tmp_path / "artifact")
    assert (tmp_path / "artifact").read_text() == "schema"
    assert found.metadata() == {
        "uri": str(kept / "schema.pbtxt"),
        "files": 1,
        "source_fingerprint": resolve(str(kept / "schema.pbtxt")).fingerprint,
    }


def test_a_folder_keeps_its_names_with_the_hidden_ones(kept, tmp_path):
    found = logic.fetch(str(kept), tmp_path / "artifact")
    copied = tmp_path / "artifact"
    names = {str(p.relative_to(copied)) for p in copied.rglob("*") if p.is_file()}
    assert names == {"schema.pbtxt", "deep/part.parquet", "_manifest.json"}
    assert found.files == 3


@pytest.mark.parametrize("uri", ["", "{tmp}/nothing", "{tmp}/nothing/*.json", "{tmp}/empty"])
def test_nothing_there_is_an_empty_file_if_it_is_optional_and_an_error_if_not(tmp_path, uri):
    (tmp_path / "empty").mkdir()
    uri = uri.format(tmp=tmp_path)
    found = logic.fetch(uri, tmp_path / "artifact", optional=True)
    assert (tmp_path / "artifact").read_bytes() == b""
    assert found.files == 0
    with pytest.raises(InputError, match="`uri` must"):
        logic.fetch(uri, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_another_fingerprint_is_refused(kept, tmp_path):
    (kept / "_manifest.json").unlink()
    fingerprint = resolve(str(kept)).fingerprint
    logic.fetch(str(kept), tmp_path / "same", fingerprint)
    (kept / "schema.pbtxt").write_text("other")
    with pytest.raises(InputError, match=r"`fingerprint` must be that.*Run the pipeline again"):
        logic.fetch(str(kept), tmp_path / "other", fingerprint)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "a\\..\\evil"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, monkeypatch, name):
    class Hostile:
        uri = "s3://bucket/prefix/"
        single = False

        def parts(self, hidden=False):
            return [Part("good", 1, "v"), Part(name, 1, "v")]

        def fetch(self, part, target, limit):
            target.write_text("x")
            return target

        def check(self, part):
            pass

    monkeypatch.setattr("holdfast.data.sources.places.place_of", lambda uri: Hostile())
    with pytest.raises(InputError, match="`uri` must hold names that stay within"):
        logic.fetch("s3://bucket/prefix/", tmp_path / "deep" / "artifact")
    assert [p.name for p in tmp_path.rglob("*")] == ["deep"]


def test_a_name_that_is_file_and_folder_is_refused(tmp_path, monkeypatch):
    class Odd:
        uri = "s3://bucket/prefix/"
        single = False

        def parts(self, hidden=False):
            return [Part("a", 1, "v"), Part("a/b", 1, "v")]

        def fetch(self, part, target, limit):
            target.write_text("x")
            return target

    monkeypatch.setattr("holdfast.data.sources.places.place_of", lambda uri: Odd())
    with pytest.raises(InputError, match="a file and a folder at once"):
        logic.fetch("s3://bucket/prefix/", tmp_path / "artifact")
    assert not (tmp_path / "artifact").exists()
