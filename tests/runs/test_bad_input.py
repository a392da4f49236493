"""What a user's mistakes look like: exit code 2, one clear message, nothing half written."""

from pathlib import Path

import pytest

from tests.programs import free_port
from tests.support import holdfast, train

TABLES = {
    "empty file": (b"", "empty file"),
    "header only": (b"a,t\n", "no row"),
    "target not there": (b"a,b\n1,2\n2,3\n", "'t', which is not among ['a', 'b']"),
    "target constant": (b"a,t\n1,x\n2,x\n", "only 'x' in 2 rows"),
    "target missing in a row": (b"a,t\n1,x\n2,\n3,y\n", "1 missing or infinite values in 3 rows"),
    "duplicate columns": (b"a,a,t\n1,2,x\n2,3,y\n", "['a'] more than once"),
    "not UTF-8": ("a,t\ncaf\u00e9,x\nb,y\n".encode("latin-1"), "UTF-8"),
    "target a date": (b"a,t\n1,2024-01-01\n2,2024-01-02\n", "date32"),
    "ragged row": (b"a,t\n1,x\n2,y,3\n", "Line: 3"),
    "cut-off Parquet": (b"PAR1 and nothing else", "Parquet"),
}


def assert_refused(result, finding: str, output: Path, code: int = 2) -> None:
    """Check what holds for every mistake, and what is particular to one."""
    assert result.code == code, result.stderr
    assert result.document["status"] == "FAILED"
    assert finding in result.document["error"]
    assert "Found: " in result.document["error"]
    assert "Traceback" not in result.stderr
    # The message is the last word: no library complains after it.
    assert result.stderr.splitlines()[-1].startswith("holdfast: ")
    # What resolve_source has found out is no table.
    told = {"executor_output.json"}
    left = [p for p in output.rglob("*") if p.is_file() and p.suffix != ".log"]
    assert {p.name for p in left} <= told


@pytest.mark.parametrize("mistake", TABLES)
def test_a_table_that_cannot_be_used_is_refused(mistake, tmp_path):
    content, finding = TABLES[mistake]
    table = tmp_path / "table.csv"
    table.write_bytes(content)
    result = train(table, "t", tmp_path / "output")
    assert_refused(result, finding, tmp_path / "output")


def test_a_missing_file_is_named(tmp_path):
    result = train("nowhere.csv", "t", tmp_path)
    assert_refused(result, "nowhere.csv", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (["-p", "urí=x"], "'urí'"),
        (["-p", "uri"], "NAME=VALUE"),
        (["-p", "uri=x"], "['target']"),
        (["-p", "uri=x", "-p", "target=t", "-p", "seed=many"], "type int. Found: 'many'"),
        (["-p", "uri=x", "-p", "target=t", "-p", "minimum=nan"], "type float. Found: 'nan'"),
        (["-p", "uri=x", "-p", "target=t", "-p", "test_size=half"], "type float. Found: 'half'"),
    ],
)
def test_a_parameter_that_is_unknown_missing_or_mistyped_is_refused_before_anything_runs(
    arguments, finding, tmp_path
):
    result = holdfast("run", "training", "--json", "--output", tmp_path, *arguments)
    assert result.code == 2
    assert finding in result.document["error"]
    assert result.document["tasks"] == []
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_pipeline_is_refused_with_the_known_ones(tmp_path):
    result = holdfast("run", "trainign", "--json")
    assert result.code == 2
    assert "'training'" in result.document["error"]


@pytest.mark.parametrize(
    ("parameter", "finding"),
    [
        ("test_size=1.5", "`test_size` must lie above 0 and below 1. Found: 1.5."),
        ("seed=-1", "`seed` must be 0 or more. Found: -1."),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_its_step(
    parameter, finding, breast_cancer, tmp_path
):
    result = train(breast_cancer, "diagnosis", tmp_path, "-p", parameter)
    assert result.code == 2
    assert finding in result.document["error"]


def test_an_output_that_is_a_file_is_refused(breast_cancer, tmp_path):
    (tmp_path / "file").write_text("mine")
    result = train(breast_cancer, "diagnosis", tmp_path / "file")
    assert result.code == 2
    assert "--output must be a folder" in result.document["error"]
    assert (tmp_path / "file").read_text() == "mine"


def test_an_object_store_that_is_down_is_named(tmp_path):
    endpoint = f"http://127.0.0.1:{free_port()}"
    result = train("s3://bucket/table.csv", "t", tmp_path, HOLDFAST_S3_ENDPOINT=endpoint)
    # A server that does not answer is no mistake of the user's: a second try may succeed.
    assert_refused(result, endpoint, tmp_path, code=3)


@pytest.mark.minio
def test_credentials_that_are_refused_are_told_without_showing_them(store, tmp_path):
    wrong = {**store.variables, "AWS_SECRET_ACCESS_KEY": "not-the-secret"}
    result = train("s3://tables/table.csv", "t", tmp_path, **wrong)
    assert_refused(result, "SignatureDoesNotMatch", tmp_path)
    everything = result.stdout + result.stderr
    everything += "".join(log.read_text() for log in tmp_path.rglob("*.log"))
    assert "not-the-secret" not in everything


@pytest.mark.minio
def test_an_object_that_is_not_there_is_named(store, breast_cancer, tmp_path):
    store.put("tables", "there.csv", breast_cancer)
    result = train("s3://tables/not-there.csv", "t", tmp_path, **store.variables)
    assert_refused(result, "NoSuchKey", tmp_path)


def test_docker_that_does_not_run_is_the_machines_lack(breast_cancer, tmp_path):
    result = train(
        breast_cancer, "diagnosis", tmp_path, "--runner", "docker",
        DOCKER_HOST="unix:///nowhere/docker.sock",
    )  # fmt: skip
    assert result.code == 3
    assert "Docker engine" in result.document["error"]
    assert "Traceback" not in result.stderr
    # The message is the last word: no library complains after it.
    assert result.stderr.splitlines()[-1].startswith("holdfast: ")
