"""Sources and targets against real servers: MinIO, PostgreSQL, and a line that breaks."""

import json
import os
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest

from tests import everything
from tests.programs import free_port
from tests.services import servers
from tests.support import ROOT, Result, family_python, holdfast, tasks

ROWS = 40_000


@pytest.fixture(scope="module")
def postgresql():
    """Run a PostgreSQL server."""
    if everything.postgresql() is None:
        pytest.skip("no PostgreSQL server programs: apt-get install postgresql")
    with servers.database() as running:
        yield running


def step(name: str, variables: dict[str, str] | None = None, **arguments) -> Result:
    """Call a step in the family's environment."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PG", "HOLDFAST_S3"))}
    done = subprocess.run(
        [family_python("data"), "-m", "tests.runs.data_steps", name, json.dumps(arguments)],
        cwd=ROOT, env={**kept, **(variables or {})}, capture_output=True, text=True,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


def done(result: Result) -> dict:
    assert result.code == 0, result.stderr
    return result.document


def refused(result: Result, *findings: str, kind: str = "InputError") -> None:
    assert result.code == {"InputError": 2, "MachineError": 3}[kind], result.stdout + result.stderr
    assert result.stderr.startswith(f"{kind}: ")
    assert "Traceback" not in result.stderr
    for finding in findings:
        assert finding in result.stderr


@pytest.fixture
def put(store, tmp_path):
    """Return a function that puts text into the store and returns its URI."""

    def call(key: str, text: str | bytes) -> str:
        file = tmp_path / "put"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return store.put("sources", key, file)

    return call


@pytest.fixture
def bucket(store, request):
    """Return a fresh prefix of the store."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:60]
    client = store.client()
    if not client.bucket_exists(bucket_name="sources"):
        client.make_bucket(bucket_name="sources")
    return f"s3://sources/{name}"


def keys(store, prefix: str) -> set[str]:
    below = prefix.removeprefix("s3://sources/") + "/"
    found = store.client().list_objects(bucket_name="sources", prefix=below, recursive=True)
    return {item.object_name.removeprefix(below) for item in found}


@pytest.mark.minio
class TestStore:
    def test_a_prefix_and_a_glob_are_one_table(self, store, put):
        for key, text in (
            ("p/1.csv", "a,b\n1,x\n"),
            ("p/2.csv", "b,a\ny,2.5\n"),
            ("p/deep/3.json", '{"a": 1}'),
            ("p/_SUCCESS", ""),
            ("p/.crc", "x"),
        ):
            put(key, text)
        found = done(step("ingest", store.variables, uri="minio://sources/p/*.csv"))
        assert found["head"] == [{"a": 1.0, "b": "x"}, {"a": 2.5, "b": "y"}]
        assert found["metadata"]["uri"] == "minio://sources/p/*.csv"
        refused(step("ingest", store.variables, uri="s3://sources/p/"), "'deep/3.json'", "jsonl")
        assert done(step("resolve", store.variables, uri="s3://sources/p/"))["objects"] == 3

    def test_an_empty_prefix_is_refused(self, store, put):
        put("empty/_SUCCESS", "")
        refused(
            step("ingest", store.variables, uri="s3://sources/empty/"),
            "`uri` must lead to at least one object. Found: none at s3://sources/empty/",
        )

    def test_a_key_may_hold_what_globs_are_made_of(self, store, put):
        uri = put("odd/a*?#.csv", "a\n1\n")
        assert done(step("ingest", store.variables, uri=uri))["rows"] == 1

    def test_a_fingerprint_follows_the_etag(self, store, put):
        uri = put("finger/t.csv", "a\n1\n")
        first = done(step("resolve", store.variables, uri=uri))
        same = done(step("ingest", store.variables, uri=uri, fingerprint=first["fingerprint"]))
        assert same["metadata"]["source_fingerprint"] == first["fingerprint"]
        put("finger/t.csv", "a\n2\n")
        assert done(step("resolve", store.variables, uri=uri)) != first
        refused(
            step("ingest", store.variables, uri=uri, fingerprint=first["fingerprint"]),
            "`fingerprint` must be that of the source",
        )

    def test_an_object_that_changes_while_it_is_read_is_refused(self, store, put, tmp_path):
        uri = put("changing/t.csv", "a\n1\n")
        (tmp_path / "change").write_text("a\n2\n")
        refused(
            step("read_after_change", store.variables, uri=uri, change=str(tmp_path / "change")),
            "must stay as it is while it is read", "t.csv", "Run it again",
        )  # fmt: skip

    @pytest.mark.parametrize(("cuts", "works"), [(1, True), (100, False)])
    def test_a_line_that_breaks_is_tried_again_and_then_given_up_whole(
        self, store, put, tmp_path, cuts, works
    ):
        uri = put("cut/t.csv", "a,b\n" + "".join(f"{n},some text\n" for n in range(ROWS)))
        with servers.cutting_proxy(store.endpoint, cuts) as address:
            variables = {
                **store.variables,
                "HOLDFAST_S3_ENDPOINT": address,
                "TMPDIR": str(tmp_path),
            }
            result = step("ingest", variables, uri=uri, path=str(tmp_path / "table"))
        if works:
            assert done(result)["rows"] == ROWS
        else:
            refused(result, "needs the object store at", address, kind="MachineError")
            assert {p.name for p in tmp_path.iterdir()} == {"put"}

    def test_refused_credentials_are_told_without_showing_them(self, store, put):
        uri = put("secret/t.csv", "a\n1\n")
        wrong = {**store.variables, "AWS_SECRET_ACCESS_KEY": "not-the-secret"}
        for result in (step("ingest", wrong, uri=uri), step("resolve", wrong, uri=f"{uri}/")):
            refused(result, "SignatureDoesNotMatch", "Check AWS_ACCESS_KEY_ID")
            assert "not-the-secret" not in result.stderr

    def test_tables_are_exported_once_whole_and_read_back(self, store, bucket, tmp_path):
        tables = {}
        for name in ("one", "two"):
            (tmp_path / f"{name}.csv").write_text(f"a,{name}\n1,x\n2,y\n")
            tables[name] = str(tmp_path / name)
            done(step("ingest", uri=str(tmp_path / f"{name}.csv"), path=tables[name]))
        for uri in (f"{bucket}/t.parquet", f"{bucket}/t.csv", f"{bucket}/folder/"):
            call = partial(step, "export", store.variables, uri=uri)
            assert done(call(table=tables["one"])) == {"rows": 2, "written": True}
            assert done(call(table=tables["one"])) == {"rows": 2, "written": False}
            assert done(call(table=tables["two"])) == {"rows": 2, "written": True}
            back = done(step("ingest", store.variables, uri=uri))
            assert back["head"] == [{"a": 1, "two": "x"}, {"a": 2, "two": "y"}]
        found = keys(store, bucket)
        assert len(found) == 4
        assert {"t.parquet", "t.csv", "folder/_manifest.json"} < found

    def test_an_export_that_is_refused_is_told(self, store, bucket, tmp_path):
        (tmp_path / "t.csv").write_text("a\n1\n")
        done(step("ingest", uri=str(tmp_path / "t.csv"), path=str(tmp_path / "table")))
        wrong = {**store.variables, "AWS_SECRET_ACCESS_KEY": "not-the-secret"}
        result = step("export", wrong, table=str(tmp_path / "table"), uri=f"{bucket}/t.csv")
        refused(result, "SignatureDoesNotMatch")
        assert keys(store, bucket) == set()

    def test_artifacts_are_kept_and_fetched(self, store, bucket, tmp_path):
        folder = tmp_path / "artifact"
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "x.json").write_text("1")
        (folder / "_manifest.json").write_text("{}")
        kept = partial(step, "keep", store.variables, path=str(folder), uri=f"{bucket}/base/")
        assert done(kept()) == {"files": 2, "written": True}
        assert done(kept()) == {"files": 2, "written": False}
        back = tmp_path / "back"
        done(step("fetch", store.variables, uri=f"{bucket}/base/", path=str(back)))
        assert (back / "deep" / "x.json").read_text() == "1"
        assert (back / "_manifest.json").read_text() == "{}"
        for uri in (f"{bucket}/absent/", f"{bucket}/absent.json"):
            path = str(tmp_path / Path(uri).name)
            found = step("fetch", store.variables, uri=uri, path=path, optional=True)
            assert done(found)["files"] == 0
            assert Path(path).read_bytes() == b""


class TestPostgresql:
    def test_a_query_is_read_as_plain_types(self, postgresql):
        query = (
            "SELECT g AS id, g / 4.0 AS n, 'x' || g AS s, g % 2 = 0 AS b, DATE '2024-01-01' + g AS "
            "d, TIMESTAMPTZ '2024-01-01 00:00+02' AS z, gen_random_uuid() IS NULL AS u, "
            "TIME '12:30' AS t, CASE WHEN g = 2 THEN NULL ELSE g END AS m "
            "FROM generate_series(1, 3) g ORDER BY g -- numbered"
        )
        found = done(step("ingest", postgresql.variables, uri=postgresql.uri, query=query))
        assert found["types"] == ["int32", "double", "string", "bool", "date32[day]",
                                  "timestamp[us, tz=UTC]", "bool", "string", "int32"]  # fmt: skip
        assert found["head"][1] == {
            "id": 2, "n": 0.5, "s": "x2", "b": True, "d": "2024-01-03",
            "z": "2023-12-31 22:00:00+00:00", "u": False, "t": "12:30:00", "m": None,
        }  # fmt: skip

    def test_its_fingerprint_is_that_of_the_rows(self, postgresql):
        def fingerprint(count):
            query = f"SELECT g FROM generate_series(1, {count}) g;"
            return done(step("resolve", postgresql.variables, uri=postgresql.uri, query=query))

        assert fingerprint(3) == fingerprint(3) != fingerprint(4)
        ingest = partial(step, "ingest", postgresql.variables, uri=postgresql.uri)
        query = "SELECT g FROM generate_series(1, 3) g"
        found = done(ingest(query=query, fingerprint=fingerprint(3)["fingerprint"]))
        assert found["metadata"] == {
            "uri": postgresql.uri.replace("holdfast@", ""),
            "source_fingerprint": fingerprint(3)["fingerprint"],
        }
        refused(
            ingest(query=query, fingerprint=fingerprint(4)["fingerprint"]),
            "`fingerprint` must be that of the source",
        )

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", "`query` must say what to read"),
            ("SELEC 1", 'syntax error at or near "SELEC"'),
            ("SELECT nope FROM pg_class", 'column "nope" does not exist'),
            ("SELECT 1 AS a, 2 AS a", "must name each column once"),
            ("SELECT ARRAY[1] AS deep", "column 'deep' of type _int4"),
            ("SELECT 1 AS a; DROP TABLE x", "multiple commands"),
            ("DELETE FROM pg_description RETURNING 1 AS a", "syntax error"),
            (
                "SELECT set_config('transaction_read_only', 'off', true) AS a",
                "read-write mode must be set",
            ),
            ("SELECT s::int AS a FROM (VALUES ('hidden')) v(s)", "invalid input syntax"),
            ("SELECT 1 AS a WHERE false", "at least one row"),
        ],
    )
    def test_a_query_that_cannot_be_used_is_refused(self, postgresql, query, found):
        result = step("ingest", postgresql.variables, uri=postgresql.uri, query=query)
        refused(result, found)
        assert "hidden" not in result.stderr
        assert postgresql.password not in result.stderr

    def test_who_may_not_or_cannot_reach_it_is_told_so_without_a_password(self, postgresql):
        wrong = step("ingest", {"PGPASSWORD": "hunter2"}, uri=postgresql.uri, query="SELECT 1")
        refused(wrong, "password authentication failed", "Check the user in `uri` and PGPASSWORD")
        down = f"postgresql://me@127.0.0.1:{free_port()}/db"
        away = step("ingest", {"PGPASSWORD": "hunter2"}, uri=down, query="SELECT 1 AS a")
        refused(away, "Connection refused", "Check host and port", kind="MachineError")
        told = step("ingest", uri=down.replace("me@", "me:hunter2@"), query="SELECT 1 AS a")
        refused(told, "must hold no password", "PGPASSWORD")
        assert "hunter2" not in wrong.stderr + away.stderr + told.stderr

    def test_a_large_result_streams(self, postgresql):
        columns = ", ".join(f"g::bigint * {n} AS c{n}" for n in range(8))
        query = f"SELECT {columns} FROM generate_series(1, 3000000) g"
        found = done(step("flat", postgresql.variables, uri=postgresql.uri, query=query))
        assert found["rows"] == 3_000_000
        # The rows alone are 192 MB.
        assert found["peak"] < 190

    def test_a_table_is_replaced_in_one_transaction_and_only_if_it_is_another(
        self, postgresql, tmp_path
    ):
        tables = {}
        sources = {
            "one": "a,s\n1,x\n2,\n",
            "two": "a,s\n3,z\n",
            "other": "zz\n1\n",
            "nul": "a,s\n1,\0\n",
        }
        for name, text in sources.items():
            (tmp_path / f"{name}.csv").write_text(text)
            tables[name] = str(tmp_path / name)
            done(step("ingest", uri=str(tmp_path / f"{name}.csv"), path=tables[name]))
        export = partial(
            step, "export", postgresql.variables, uri=postgresql.uri, table_name="kept"
        )
        read = partial(step, "ingest", postgresql.variables, uri=postgresql.uri,
                       query="SELECT * FROM kept ORDER BY a")  # fmt: skip
        assert done(export(table=tables["one"])) == {"rows": 2, "written": True}
        assert done(export(table=tables["one"])) == {"rows": 2, "written": False}
        assert done(read())["head"] == [{"a": 1, "s": "x"}, {"a": 2, "s": None}]
        assert done(export(table=tables["two"])) == {"rows": 1, "written": True}
        refused(export(table=tables["other"]), "zz")
        refused(export(table=tables["nul"]), "invalid byte sequence")
        assert done(read())["head"] == [{"a": 3, "s": "z"}]
        refused(export(table=tables["two"], table_name="no.such"), "no")
        refused(export(table=tables["two"], table_name=""), "`table_name` must be")


DAG = """
    from kfp import compiler, dsl
    from holdfast.catalog import export_table, ingest_table, resolve_source

    @dsl.pipeline(name="cached")
    def cached(uri: str, to: str):
        source = resolve_source(uri=uri)
        source.set_caching_options(False)
        table = ingest_table(uri=uri, fingerprint=source.outputs["fingerprint"])
        export_table(table=table.outputs["table"], uri=to)

    compiler.Compiler().compile(cached, "cached.yaml")
"""


@pytest.fixture
def dag(tmp_path):
    """Compile a pipeline of our steps."""
    (tmp_path / "dag.py").write_text(textwrap.dedent(DAG))
    subprocess.run([sys.executable, "dag.py"], cwd=tmp_path, check=True)
    return tmp_path / "cached.yaml"


@pytest.mark.minio
def test_a_pipeline_from_store_to_store(dag, store, put, bucket, tmp_path):
    uri = put("pipeline/t.csv", "a,b\n1,x\n2,y\n")
    result = holdfast(
        "run", dag, "--json", "--output", tmp_path / "output",
        "-p", f"uri={uri}", "-p", f"to={bucket}/t.parquet", **store.variables,
    )  # fmt: skip
    assert result.code == 0, result.stderr
    found = tasks(result)
    fingerprint = found["resolve-source"]["outputs"]["fingerprint"]
    table = found["ingest-table"]["outputs"]["table"]["metadata"]
    assert (table["uri"], table["source_fingerprint"]) == (uri, fingerprint)
    assert found["export-table"]["outputs"] == {"rows": 2, "written": True}
    assert keys(store, bucket) == {"t.parquet"}


def test_an_unchanged_source_is_a_cache_hit_and_a_changed_one_is_not(dag, tmp_path, monkeypatch):
    from holdfast import ir
    from holdfast.local import environments, pipeline
    from holdfast.local.runner import Places
    from holdfast.local.venv import VenvRunner

    cached = partial(pipeline.local.init, enable_caching=True, cache_root=str(tmp_path / "cache"))
    monkeypatch.setattr(pipeline.local, "init", cached)
    monkeypatch.setattr(environments, "_link_package", lambda folder: None)
    source = tmp_path / "t.csv"

    def executed(content: str) -> set[str]:
        source.write_text(content)
        run = pipeline.run_pipeline(
            ir.read(dag).spec(),
            {"uri": str(source), "to": str(tmp_path / "out.parquet")},
            VenvRunner(print), tmp_path / "output", Places(), lambda run, task: None,
        )  # fmt: skip
        assert run.status == "SUCCEEDED", run.error
        return {task.name for task in run.tasks if task.log.is_file()}

    family_python("data")
    assert executed("a\n1\n") == {"resolve-source", "ingest-table", "export-table"}
    assert executed("a\n1\n") == {"resolve-source"}
    assert executed("a\n2\n") == {"resolve-source", "ingest-table", "export-table"}
