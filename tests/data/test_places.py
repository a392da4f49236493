"""Where tables lie on this machine; stores and servers are tested where those run."""

import json
import os

import pytest

from holdfast.data.ingest_table import logic
from holdfast.data.resolve_source.logic import resolve
from holdfast.data.sources import postgresql
from holdfast.data.sources.places import Part, Source, fetched, pattern, shown
from holdfast.errors import InputError, MachineError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rides #1?.csv"
    path.write_text("a,b\n1,2\n")
    return path


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "parts"
    for name in ("b.csv", "a.csv", "deep/c.csv", "_SUCCESS", ".b.csv.crc", "_old/d.csv"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("a\n1\n")
    return place


def files(uri):
    with fetched(uri) as source:
        return list(source.files)


def names(uri):
    with fetched(uri) as source:
        return [part.name for part in source.parts]


def refused(uri, match):
    with pytest.raises(InputError, match=match), fetched(uri):
        pass


def test_a_local_path_is_read_where_it_lies(file):
    assert files(str(file)) == [file]
    assert file.is_file()


def test_a_relative_path_starts_at_the_working_directory(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    (found,) = files(file.name)
    assert found.read_text() == "a,b\n1,2\n"


def test_a_file_uri_is_a_local_path(tmp_path):
    plain = tmp_path / "rides.csv"
    plain.write_text("a\n1\n")
    assert files(f"file://{plain}") == [plain]


def test_a_file_uri_may_escape_characters_as_uris_do(file):
    assert files(file.as_uri()) == [file]


def test_a_directory_is_all_its_files_by_name_without_the_hidden_ones(folder):
    assert names(str(folder)) == names(f"{folder}/") == ["a.csv", "b.csv", "deep/c.csv"]


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("*.csv", ["a.csv", "b.csv"]),
        ("?.csv", ["a.csv", "b.csv"]),
        ("**/*.csv", ["a.csv", "b.csv", "deep/c.csv"]),
        ("d*/c.csv", ["deep/c.csv"]),
    ],
)
def test_a_glob_is_the_files_that_match(folder, glob, found):
    assert names(f"{folder}/{glob}") == found


def test_only_stars_and_question_marks_are_special(tmp_path):
    for name in ("x[1].csv", "x1.csv"):
        (tmp_path / name).write_text("a\n1\n")
    assert names(f"{tmp_path}/x[1]*") == ["x[1].csv"]


@pytest.mark.parametrize(
    ("glob", "key", "matches"),
    [
        ("a/*.csv", "a/b.csv", True),
        ("a/*.csv", "a/b/c.csv", False),
        ("a/**/c.csv", "a/b/x/c.csv", True),
        ("a/**/c.csv", "a/c.csv", True),
        ("a.c?v", "aXcsv", False),
    ],
)
def test_keys_match_globs_as_paths_do(glob, key, matches):
    assert bool(pattern(glob).fullmatch(key)) == matches


def test_a_missing_file_is_refused_with_the_folder_that_a_relative_path_starts_at(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    refused("absent.csv", rf"Found: no file there \('absent.csv', relative to {tmp_path}\). Check")
    refused("/absent.csv", r"Found: no file there \('/absent.csv'\). Check")


def test_a_store_that_does_not_answer_is_no_mistake_in_the_input(monkeypatch):
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    monkeypatch.setenv("HOLDFAST_S3_ENDPOINT", "http://127.0.0.1:9")
    for uri in ("s3://bucket/t.csv", "s3://bucket/*.csv", "s3://bucket/folder/"):
        with (
            pytest.raises(MachineError, match=r"store at http://127.0.0.1:9 .*Connection refused"),
            fetched(uri),
        ):
            pass


@pytest.mark.parametrize(
    ("said", "state", "kind"),
    [
        ("IO: [libpq] Failed to connect: connection to server failed: refused", None, MachineError),
        ("IO: [libpq] Failed to connect: FATAL:  the database system is starting up", None,
         MachineError),
        ("IO: [libpq] Failed to connect: FATAL:  sorry, too many clients already", None,
         MachineError),
        ("terminating connection due to administrator command", "57P01", MachineError),
        ("server closed the connection unexpectedly", None, MachineError),
        ("IO: [libpq] Failed to connect: FATAL:  password authentication failed", None, InputError),
        ('IO: [libpq] Failed to connect: FATAL:  database "x" does not exist', None, InputError),
        ('ERROR:  column "a" does not exist', "42703", InputError),
    ],
)  # fmt: skip
def test_a_database_that_cannot_now_is_told_from_one_that_will_not(said, state, kind):
    error = RuntimeError(said)
    error.sqlstate = state
    assert type(postgresql.refused("postgresql://me@host/db", error)) is kind


@pytest.mark.parametrize("uri", ["", "*.parquet"])
def test_a_directory_or_glob_with_nothing_in_it_is_refused(tmp_path, uri):
    (tmp_path / "_SUCCESS").write_text("")
    refused(f"{tmp_path}/{uri}", "`uri` must lead to at least one object. Found: none at .*prefix")


@pytest.mark.parametrize("uri", ["gs://bucket/rides.csv", "ftp://host/rides.csv"])
def test_another_scheme_is_refused(uri):
    refused(uri, rf"`uri` must be a local path, .*s3://.*Found: '{uri}'. Copy the table")


@pytest.mark.parametrize("uri", ["s3://bucket", "s3://bucket/", "s3:///key", "minio://"])
def test_an_object_without_bucket_or_key_is_refused(uri):
    refused(uri, rf"`uri` must be s3://BUCKET/KEY. Found: '{uri}'. Add the missing part")


def test_a_bucket_that_no_store_can_have_is_named_as_the_mistake(monkeypatch):
    monkeypatch.setenv("HOLDFAST_S3_ENDPOINT", "http://127.0.0.1:9")
    refused("s3://b/table.csv", "must name a bucket and a key as S3 allows.*Found: .*b")


@pytest.mark.parametrize(
    "uri",
    [
        "https://user:hunter2@host/t.csv",
        "s3://user:hunter2@bucket/t.csv",
        "postgresql://user:hunter2@host/db",
        "postgresql://user:hun/ter2@host/db",
        "postgresql://host/db?password=hunter2",
    ],
)
def test_a_password_in_a_uri_is_refused_and_not_repeated(uri, tmp_path):
    with pytest.raises(InputError, match=r"`uri` must hold no password.*PGPASSWORD") as error:
        logic.ingest(uri, tmp_path / "table", query="SELECT 1")
    assert "ter2" not in str(error.value)


def test_a_signature_is_not_shown():
    assert shown("https://host/t.csv?X-Amz-Signature=secret#x") == "https://host/t.csv"
    assert shown("postgresql://me@host/db?sslmode=require") == "postgresql://host/db"
    assert shown("s3://bucket/a?b#c") == "s3://bucket/a?b#c"


def test_a_file_that_changes_while_it_is_read_is_refused(file):
    with fetched(str(file)) as source:
        file.write_text("a,b\n1,3\n")
        os.utime(file, ns=(1, 1))
        with pytest.raises(InputError, match=r"must stay as it is.*changed meanwhile."):
            source.check()


def test_a_table_whose_source_changed_while_it_was_read_is_not_written(tmp_path):
    source = tmp_path / "t.csv"
    source.write_text("a\n1\n")
    with logic.open_rows(source) as rows:
        os.utime(source, ns=(1, 1))
        with pytest.raises(InputError, match="must stay as it is"):
            logic.write(rows, tmp_path / "table")
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def test_more_bytes_than_allowed_are_refused(file):
    with pytest.raises(InputError, match=r"`max_bytes` = 3 bytes.*Raise max_bytes"):
        logic.ingest(file, file.parent / "table", reading=logic.Reading(max_bytes=3))


def test_a_download_is_never_written_under_the_objects_name(tmp_path, monkeypatch):
    written = []

    class Hostile:
        uri = "s3://bucket/prefix/"
        single = False

        def parts(self, hidden=False):
            return [Part("../../etc/evil.csv", 4, "v"), Part("/absolute.csv", 4, "v")]

        def fetch(self, part, target, limit):
            written.append(target)
            target.write_text("a\n1\n")
            return target

    monkeypatch.setattr("holdfast.data.sources.places.place_of", lambda uri: Hostile())
    with fetched("s3://bucket/prefix/", hidden=True) as source:
        assert [file.name for file in source.files] == ["000000", "000001"]
        assert len({file.parent for file in source.files}) == 1
    assert not any(file.exists() for file in written)


def test_a_table_of_ours_is_the_parts_that_its_manifest_names(tmp_path):
    for name in ("part-1.parquet", "part-2.parquet", "left-over.parquet"):
        (tmp_path / name).write_text("x")
    parts = [{"file": "part-2.parquet"}, {"file": "part-1.parquet"}]
    (tmp_path / "_manifest.json").write_text(json.dumps({"parts": parts}))
    assert names(str(tmp_path)) == ["part-2.parquet", "part-1.parquet"]
    (tmp_path / "part-1.parquet").unlink()
    refused(str(tmp_path), "`uri` must be a whole table. Found:.*part-1.parquet")


def test_resolve_source_tells_the_content_of_files_and_not_their_times(folder):
    first = resolve(str(folder))
    os.utime(folder / "a.csv", ns=(1, 1))
    assert resolve(str(folder)) == first
    assert (first.objects, first.bytes, len(first.fingerprint)) == (3, 12, 64)


@pytest.mark.parametrize("change", ["content", "name", "more", "fewer"])
def test_resolve_source_tells_any_change(folder, change):
    first = resolve(str(folder)).fingerprint
    if change == "content":
        (folder / "a.csv").write_text("a\n2\n")
    elif change == "name":
        (folder / "a.csv").rename(folder / "z.csv")
    elif change == "more":
        (folder / "e.csv").write_text("a\n1\n")
    else:
        (folder / "b.csv").unlink()
    assert resolve(str(folder)).fingerprint != first


def test_a_fingerprint_of_another_content_is_refused(file, tmp_path):
    before = resolve(str(file)).fingerprint
    logic.ingest(file, tmp_path / "same", fingerprint=before)
    file.write_text("a,b\n1,3\n")
    with pytest.raises(InputError, match=r"`fingerprint` must be that.*source changed between"):
        logic.ingest(file, tmp_path / "other", fingerprint=before)
    assert not (tmp_path / "other").exists()


def test_the_artifact_names_its_source_and_fingerprint(file, tmp_path):
    with logic.open_rows(str(file)) as rows:
        logic.write(rows, tmp_path / "table")
    expected = resolve(str(file)).fingerprint
    assert rows.metadata() == {"uri": str(file), "source_fingerprint": expected}


def test_an_etag_stands_for_the_content(tmp_path):
    place = object()
    one, two = (
        Source(place, [Part("a", 1, version)], [tmp_path / "never-read"]) for version in "12"
    )
    assert one.fingerprint() != two.fingerprint()
    assert one.fingerprint() == one.fingerprint()


def test_a_query_for_files_is_refused(file, tmp_path):
    for call in (
        lambda: logic.ingest(file, tmp_path / "table", query="SELECT 1"),
        lambda: resolve(str(file), "SELECT 1"),
    ):
        with pytest.raises(InputError, match="`query` must go with a postgresql://"):
            call()
