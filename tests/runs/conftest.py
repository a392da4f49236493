"""Tables and servers for whole runs."""

import os
import subprocess
from pathlib import Path

import pytest

from tests import everything
from tests.conftest import REAL_DATA
from tests.services import servers
from tests.support import ROOT, Result, family_python, holdfast, train


@pytest.fixture(scope="session")
def breast_cancer(tmp_path_factory) -> Path:
    """Return scikit-learn's table as the CSV that `make run` uses."""
    path = tmp_path_factory.mktemp("tables") / "breast_cancer.csv"
    command = [family_python("training"), "-m", "tests.sample", path]
    subprocess.run(command, cwd=ROOT, check=True)
    return path


@pytest.fixture(scope="session")
def trained(breast_cancer, tmp_path_factory):
    """Run the training pipeline once for the tests that look at what it left."""
    output = tmp_path_factory.mktemp("trained")
    return output, train(breast_cancer, "diagnosis", output, "-p", "model_name=cancer")


@pytest.fixture(scope="session")
def adult(tmp_path_factory):
    """Run the training pipeline once on Adult."""
    table = REAL_DATA / "adult.parquet"
    if not table.is_file():
        pytest.skip(f"real table {table.name} is not in {REAL_DATA}")
    output = tmp_path_factory.mktemp("adult")
    return train(table, "class", output, "-p", "model_name=adult")


@pytest.fixture(scope="session")
def short_training(tmp_path_factory) -> Path:
    """Return the compiled YAML of the shortest training."""
    from kfp import compiler

    from tests.runs.short_training import short_training

    path = tmp_path_factory.mktemp("short") / "short_training.yaml"
    compiler.Compiler().compile(short_training, str(path))
    return path


@pytest.fixture(scope="session")
def train_shortly(short_training, breast_cancer):
    """Return a function that runs the shortest training with --json."""

    def run(output: Path, *more: str, uri: str | Path = breast_cancer, **variables: str) -> Result:
        return holdfast(
            "run", short_training, "--json", "--output", output,
            "-p", f"uri={uri}", "-p", "target=diagnosis", *more, **variables,
        )  # fmt: skip

    return run


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
def found_engine():
    """Return a Docker engine that has our images, or why there is none."""
    import docker

    from holdfast.images import FAMILIES, image

    try:
        client = docker.from_env()
        client.ping()
        for family in FAMILIES:
            client.images.get(image(family))
    except docker.errors.ImageNotFound as error:
        return f"an image is missing (make images): {error.explanation}"
    except docker.errors.DockerException:
        return "no Docker engine answers: apt-get install docker.io, start dockerd"
    return client


@pytest.fixture(scope="session")
def engine(found_engine):
    """Require a Docker engine that has our images."""
    if isinstance(found_engine, str):
        pytest.skip(found_engine)
    return found_engine


@pytest.fixture(scope="session")
def hardened(engine, breast_cancer, tmp_path_factory):
    """Run every component in its image, hardened, and return the launcher with its calls."""
    from tests.runs import executor_steps
    from tests.runs.launcher import HardenedLauncher, new_bucket

    if os.geteuid() != 0:
        pytest.skip("needs root, for /minio")
    with new_bucket() as bucket:
        scratch = tmp_path_factory.mktemp("outside")
        launcher = HardenedLauncher(bucket, scratch, engine, (breast_cancer,))
        executor_steps.run_catalog(launcher, breast_cancer)
        yield launcher
