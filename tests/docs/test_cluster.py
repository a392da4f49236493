"""docs/cluster.md: kubectl against a kube-apiserver where there is one, and a stand-in."""

import http.client
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from holdfast.local import environments
from tests.deployment import clusters
from tests.deployment.apiserver import stand_in
from tests.deployment.kubernetes_server import ApiServer, has_kubernetes, kube_apiserver
from tests.docs.conftest import DOCS
from tests.docs.pages import Reader
from tests.everything import minio
from tests.programs import free_port
from tests.services import servers
from tests.services.kfp_server import kfp_server
from tests.support import ROOT

PAGE = DOCS / "cluster.md"


# What a block of the page without kubectl exports.
KEYS = {"MINIO_ACCESS_KEY": "...", "MINIO_SECRET_KEY": "..."}


def reaching(
    shell: Reader, server: ApiServer, programs: Path, kfp: str, namespace: str = "kubeflow"
) -> Reader:
    """Return the shell with a cluster: a namespace, the program kubectl, and KFP's address."""
    clusters.namespace(server, namespace)
    variables = {
        **shell.variables,
        "KUBECONFIG": server.config(shell.folder, server.admin, "default"),
        "PATH": f"{programs}{os.pathsep}{shell.variables['PATH']}",
    }
    return replace(
        shell, variables=variables, stand_ins={"https://kubeflow.example.com/pipeline": kfp}
    )


@pytest.fixture
def programs(tmp_path) -> Path:
    """A folder with the stand-in of kubectl."""
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    script = ROOT / "tests" / "docs" / "kubectl.py"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n')
    program.chmod(0o755)
    return program.parent


def test_the_page_of_the_cluster_does_what_it_says(shell, programs):
    with stand_in() as server, kfp_server() as kfp:
        reaching(shell, server, programs, kfp.url).follow(PAGE)
        keys = ("/api/v1/namespaces/kubeflow/secrets/holdfast-models", "stringData")
        assert server.ask("GET", keys[0])[keys[1]]["AWS_ACCESS_KEY_ID"] == "..."
    by_kfp, by_holdfast, deployment = (run.runtime_config.parameters for run in kfp.runs)
    assert by_kfp == {"uri": "s3://tables/day.csv", "target": "diagnosis"}
    assert by_holdfast == {**by_kfp, "test_size": 0.3}
    # What the manifests made is what the run is told.
    (account,) = [d for d in clusters.manifests("storage.yaml") if d["kind"] == "ServiceAccount"]
    assert deployment["service_account"] == account["metadata"]["name"]
    (server,) = [d for d in clusters.manifests("mlflow.yaml") if d["kind"] == "Deployment"]
    (container,) = server["spec"]["template"]["spec"]["containers"]
    assert f"--artifacts-destination={deployment['storage_root']}" in container["command"]


def test_in_a_profile_all_is_the_profile_s(shell, programs):
    with stand_in() as server:
        reader = reaching(shell, server, programs, "", "team")
        reader = replace(
            reader,
            variables={**reader.variables, **KEYS},
            stand_ins={"=kubeflow ACCOUNT=pipeline-runner": "=team ACCOUNT=default-editor"},
        )
        assert len(reader.follow(PAGE, about="kubectl")) == 4
        place = "/apis/rbac.authorization.k8s.io/v1/namespaces/team/rolebindings"
        (subject,) = server.ask("GET", f"{place}/holdfast-deployment")["subjects"]
        assert (subject["name"], subject["namespace"]) == ("default-editor", "team")
        for secret in ("mlpipeline-minio-artifact", "holdfast-models"):
            assert server.ask("GET", f"/api/v1/namespaces/team/secrets/{secret}")
        keys = server.ask("GET", "/api/v1/namespaces/team/secrets/holdfast-alerts")["data"]
        assert sorted(keys) == ["hook-url", "slack-webhook-url"]


def test_kubernetes_own_server_takes_what_the_page_applies(shell, tmp_path):
    program = shutil.which("kubectl")
    if not (has_kubernetes() and program):
        pytest.skip("no kube-apiserver and etcd, or no kubectl")
    folder = tmp_path / "kubernetes"
    folder.mkdir()
    with kube_apiserver(folder) as server:
        reader = reaching(shell, server, Path(program).parent, "")
        reader = replace(reader, variables={**reader.variables, **KEYS})
        assert len(reader.follow(PAGE, about="kubectl")) == 4
        place = "/apis/apps/v1/namespaces/kubeflow/deployments/mlflow"
        assert server.ask("GET", place)["spec"]["template"]["spec"]["containers"]


@pytest.mark.minio
@pytest.mark.mlflow
def test_the_mlflow_of_the_manifest_serves_under_its_name_and_refuses_others(tmp_path):
    if minio() is None:
        pytest.skip("no MinIO server program: go install github.com/minio/minio@latest")
    (deployment,) = [d for d in clusters.manifests("mlflow.yaml") if d["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    data = tmp_path / "data"
    data.mkdir()
    # The image's program, its port and its volume are this machine's; all else is the manifest's.
    python = environments.make("services", servers.LOCK, print) / "bin" / "python"
    _, *rest = container["command"]
    (tmp_path / "minio").mkdir()
    with servers.object_store(tmp_path / "minio") as store:
        store.client().make_bucket(bucket_name="mlflow")
        variables = {**store.variables, "MLFLOW_S3_ENDPOINT_URL": store.endpoint}
        given = {entry["name"] for entry in container["env"]}
        assert given >= set(variables) - {"HOLDFAST_S3_ENDPOINT"}
        port = free_port()
        arguments = [
            a.replace("0.0.0.0", "127.0.0.1").replace("--port=5000", f"--port={port}")
            .replace("////data", f"///{data}")
            for a in rest
        ]  # fmt: skip
        command = [python, "-m", "mlflow", *arguments]
        with servers._server(command, variables, f"http://127.0.0.1:{port}/health"):
            name = "mlflow.kubeflow:5000"
            assert asked(port, name, "/health") == 200
            assert asked(port, "evil.example.com", "/api/2.0/mlflow/experiments/search") == 403
            place = "/api/2.0/mlflow-artifacts/artifacts/note.txt"
            assert asked(port, name, place, "PUT", b"kept") == 200
        assert (
            store.client().get_object(bucket_name="mlflow", object_name="note.txt").data == b"kept"
        )


def asked(port: int, host: str, path: str, method: str = "GET", body: bytes | None = None) -> int:
    """Return the status of an answer to a request under a name."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, {"Host": host})
    return connection.getresponse().status


def test_the_manifests_give_what_the_pipelines_read():
    """Each key of the ConfigMap is read under that name by a step, and none is missing."""
    text = "".join(path.read_text() for path in (ROOT / "compiled" / "pipelines").glob("*.yaml"))
    read = set()
    for document in yaml.safe_load_all(re.sub(r"^# .*\n", "", text, flags=re.MULTILINE)):
        for step in (document.get("platforms") or {}).get("kubernetes", {}).get(
            "deploymentSpec", {}
        ).get("executors", {}).values():  # fmt: skip
            for entry in step.get("configMapAsEnv", ()):
                assert entry["configMapName"] == "holdfast" or entry.get("configMapNameParameter")
                read |= {pair["configMapKey"] for pair in entry["keyToEnv"]}
    (config_map,) = clusters.manifests("services.yaml")
    assert config_map["metadata"]["name"] == "holdfast"
    assert set(config_map["data"]) == read
