"""Local sources; object stores are tested where a MinIO server runs."""

import pytest

from holdfast.data.source import local_copy
from holdfast.errors import InputError


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rides #1?.csv"
    path.write_text("a,b\n1,2\n")
    return path


def refused(uri, match):
    with pytest.raises(InputError, match=match), local_copy(uri):
        pass


def test_a_local_path_is_read_where_it_lies(file):
    with local_copy(str(file)) as path:
        assert path == file
    assert file.is_file()


def test_a_relative_path_starts_at_the_working_directory(file, monkeypatch):
    monkeypatch.chdir(file.parent)
    with local_copy(file.name) as path:
        assert path.read_text() == "a,b\n1,2\n"


def test_a_file_uri_is_a_local_path(tmp_path):
    plain = tmp_path / "rides.csv"
    plain.write_text("a\n1\n")
    with local_copy(f"file://{plain}") as path:
        assert path == plain


def test_a_file_uri_may_escape_characters_as_uris_do(file):
    with local_copy(file.as_uri()) as path:
        assert path == file


def test_a_missing_file_is_refused_with_the_folder_that_relative_paths_start_at(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    refused("absent.csv", rf"`uri` .*Found: no file there \('absent.csv'\).*start at {tmp_path}")


def test_a_directory_is_refused(tmp_path):
    refused(str(tmp_path), r"`uri` must be a CSV or Parquet file. Found: a directory .*Check")


@pytest.mark.parametrize("uri", ["http://host/rides.csv", "gs://bucket/rides.csv"])
def test_another_scheme_is_refused(uri):
    refused(uri, rf"`uri` must be a local path, .*s3://.*Found: '{uri}'. Copy the table")


@pytest.mark.parametrize("uri", ["s3://bucket", "s3://bucket/", "s3:///key", "minio://"])
def test_an_object_without_bucket_or_key_is_refused(uri):
    refused(uri, rf"`uri` must be s3://BUCKET/KEY. Found: '{uri}'. Add the missing part")
