"""Tables and servers for whole runs."""

import subprocess
from pathlib import Path

import pytest

from tests import everything
from tests.services import servers
from tests.support import ROOT, family_python


@pytest.fixture(scope="session")
def breast_cancer(tmp_path_factory) -> Path:
    """Return scikit-learn's table as the CSV that `make run` uses."""
    path = tmp_path_factory.mktemp("tables") / "breast_cancer.csv"
    command = [family_python("training"), "-m", "tests.sample", path]
    subprocess.run(command, cwd=ROOT, check=True)
    return path


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """Run a MinIO server."""
    if everything.minio() is None:
        pytest.skip("no MinIO server program: go install github.com/minio/minio@latest")
    with servers.object_store(tmp_path_factory.mktemp("minio")) as running:
        yield running


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory, store):
    """Run an MLflow server with its artifacts in MinIO, and return its address."""
    with servers.mlflow_server(tmp_path_factory.mktemp("mlflow"), store) as address:
        yield address


@pytest.fixture(scope="session")
def engine():
    """Require a Docker engine that has our images."""
    from holdfast.images import FAMILIES, image

    docker = pytest.importorskip("docker")
    try:
        client = docker.from_env()
        client.ping()
        for family in FAMILIES:
            client.images.get(image(family))
    except docker.errors.ImageNotFound as error:
        pytest.skip(f"an image is missing (make images): {error.explanation}")
    except docker.errors.DockerException:
        pytest.skip("no Docker engine answers: apt-get install docker.io, start dockerd")
    return client
