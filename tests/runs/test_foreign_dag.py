"""Another team's DAG: a folder of its own, kfp alone, our components by YAML or by import."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from holdfast.local import environments
from tests.support import ROOT, holdfast

DAG = """
    from kfp import compiler, components, dsl

    {components}

    @dsl.component(base_image="{image}", install_kfp_package=False)
    def count_rows(table: dsl.Input[dsl.Dataset]) -> int:
        import json
        from pathlib import Path

        return json.loads((Path(table.path) / "_manifest.json").read_text())["rows"]

    @dsl.pipeline(name="foreign")
    def foreign(uri: str, target: str) -> int:
        table = ingest_table(uri=uri, target=target)
        fitted = fit_transformer(train=table.outputs["table"])
        train_xgboost(
            train=table.outputs["table"],
            transformer=fitted.outputs["transformer"],
            n_estimators=20,
        )
        return count_rows(table=table.outputs["table"]).output

    if __name__ == "__main__":
        compiler.Compiler().compile(foreign, "foreign.yaml")
"""
USED = ("ingest_table", "fit_transformer", "train_xgboost")


@pytest.fixture(scope="module")
def kfp_alone(tmp_path_factory):
    """Return the Python of an environment that holds kfp and what it needs to run Docker."""
    folder = tmp_path_factory.mktemp("foreign-env") / "env"
    uv = os.path.join(os.path.dirname(sys.executable), "uv")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    packages = ["kfp[kubernetes]==2.17.0", "docker"]
    subprocess.run([uv, "pip", "install", "-q", "--python", python, *packages], check=True)
    return python


def write(folder, loading: str) -> None:
    """Write the DAG into a folder of its own."""
    text = textwrap.dedent(DAG).format(components=loading, image="localhost/holdfast-data:0.1.0")
    (folder / "foreign.py").write_text(text)


def counted(folder, table) -> int:
    """Run the compiled DAG in our environments and return what its own component counted."""
    result = holdfast(
        "run", folder / "foreign.yaml", "--json", "--output", folder / "output",
        "-p", f"uri={table}", "-p", "target=diagnosis",
    )  # fmt: skip
    assert result.code == 0, result.stderr
    return result.document["outputs"]["Output"]


def by_yaml() -> str:
    """Return the lines that load our components from YAML."""
    folder = ROOT / "compiled" / "components"
    load = "components.load_component_from_file"
    return "\n".join(f'{name} = {load}("{folder / name}.yaml")' for name in USED)


def test_a_dag_of_our_yaml_compiles_with_kfp_alone_and_runs(kfp_alone, breast_cancer, tmp_path):
    write(tmp_path, by_yaml())
    subprocess.run([kfp_alone, "foreign.py"], cwd=tmp_path, check=True)
    assert counted(tmp_path, breast_cancer) == 569


def test_a_dag_that_imports_our_catalog_compiles_and_runs(breast_cancer, tmp_path):
    write(tmp_path, f"from holdfast.catalog import {', '.join(USED)}")
    subprocess.run([sys.executable, "foreign.py"], cwd=tmp_path, check=True)
    assert counted(tmp_path, breast_cancer) == 569


@pytest.mark.docker
def test_kfps_own_docker_runner_runs_it_with_kfp_alone(kfp_alone, engine, breast_cancer, tmp_path):
    write(tmp_path, by_yaml())
    (tmp_path / "output").mkdir()
    table = tmp_path / "output" / "table.csv"
    table.write_bytes(breast_cancer.read_bytes())
    program = (
        "from kfp import local\n"
        "from foreign import foreign\n"
        "local.init(local.DockerRunner(network_mode='none'), pipeline_root='output')\n"
        f"print('rows', foreign(uri={str(table)!r}, target='diagnosis').output)\n"
    )
    done = subprocess.run([kfp_alone, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rows 569" in done.stdout


def test_an_image_that_is_not_ours_is_refused_by_the_venv_runner_and_named(tmp_path):
    dag = (
        "from kfp import compiler, dsl\n"
        "@dsl.component(base_image='python:3.11', install_kfp_package=False)\n"
        "def hello() -> str:\n"
        "    return 'hello'\n"
        "compiler.Compiler().compile(hello, 'hello.yaml')\n"
    )
    (tmp_path / "hello.py").write_text(dag)
    subprocess.run([sys.executable, "hello.py"], cwd=tmp_path, check=True)
    result = holdfast("run", tmp_path / "hello.yaml", "--output", tmp_path / "output")
    assert result.code == 2
    assert "python:3.11" in result.stderr
    assert "--runner docker" in result.stderr


@pytest.mark.parametrize("content", [b"a: [1, 2", b"{}", b"\xff\xfe", b""])
def test_a_file_that_is_no_pipeline_is_refused(content, tmp_path):
    (tmp_path / "x.yaml").write_bytes(content)
    result = holdfast("run", tmp_path / "x.yaml")
    assert result.code == 2
    assert "compiled by kfp" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_component_that_needs_artifacts_is_refused(tmp_path):
    path = ROOT / "compiled" / "components" / "split_table.yaml"
    result = holdfast("run", path, "--output", tmp_path)
    assert result.code == 2
    assert "['table']" in result.stderr


LOOP = """
    from kfp import compiler, dsl
    from holdfast.catalog import ingest_table

    @dsl.pipeline(name="loop")
    def loop(uris: list):
        with dsl.ParallelFor(uris) as uri:
            ingest_table(uri=uri)

    compiler.Compiler().compile(loop, "loop.yaml")
"""


def test_iterations_of_a_loop_keep_their_own_logs_and_exit_codes(breast_cancer, tmp_path):
    (tmp_path / "loop.py").write_text(textwrap.dedent(LOOP))
    subprocess.run([sys.executable, "loop.py"], cwd=tmp_path, check=True)
    uris = json.dumps([str(breast_cancer), str(tmp_path / "nowhere.csv")])
    result = holdfast(
        "run", tmp_path / "loop.yaml", "--json", "--output", tmp_path / "output",
        "-p", f"uris={uris}",
    )  # fmt: skip
    assert result.code == 2, result.stderr
    assert "nowhere.csv" in result.document["error"]
    assert [t["name"] for t in result.document["tasks"]] == ["ingest-table", "ingest-table-2"]
    assert sorted(t["status"] for t in result.document["tasks"]) == ["FAILED", "SUCCEEDED"]
    logs = list((tmp_path / "output").glob("runs/*/logs/*.log"))
    assert sorted(log.name for log in logs) == ["ingest-table-2.log", "ingest-table.log"]


def test_environments_hold_what_the_lock_says_and_nothing_else():
    import re

    python = environments.ensure("registry", print)
    uv = os.path.join(os.path.dirname(sys.executable), "uv")
    listed = subprocess.run(
        [uv, "pip", "freeze", "-q", "--python", python], capture_output=True, text=True, check=True
    ).stdout.split()
    lock = (ROOT / "images" / "registry" / "requirements.txt").read_text()
    assert sorted(listed) == sorted(re.findall(r"^[a-z0-9._-]+==[^ ]+", lock, re.MULTILINE))
