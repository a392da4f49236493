"""Real servers for the tests: MinIO, and MLflow with its artifacts in that MinIO."""

import os
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from minio import Minio

from holdfast.local import environments
from tests.everything import minio

LOCK = Path(__file__).with_name("requirements.txt")


@dataclass(frozen=True)
class ObjectStore:
    """A running MinIO server; its credentials live as long as it does."""

    endpoint: str
    access_key: str
    secret_key: str

    @property
    def variables(self) -> dict[str, str]:
        """Return what a step needs to reach it."""
        return {
            "HOLDFAST_S3_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }

    def put(self, bucket: str, key: str, file: Path) -> str:
        """Store a file and return its URI."""
        client = self.client()
        if not client.bucket_exists(bucket_name=bucket):
            client.make_bucket(bucket_name=bucket)
        client.fput_object(bucket_name=bucket, object_name=key, file_path=str(file))
        return f"s3://{bucket}/{key}"

    def client(self) -> Minio:
        """Return a client with the server's own credentials."""
        host = self.endpoint.removeprefix("http://")
        return Minio(host, access_key=self.access_key, secret_key=self.secret_key, secure=False)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """Run MinIO with random credentials on a free port of this machine."""
    user, password = secrets.token_hex(8), secrets.token_hex(16)
    address = f"127.0.0.1:{free_port()}"
    variables = {"MINIO_ROOT_USER": user, "MINIO_ROOT_PASSWORD": password}
    command = [minio(), "server", "--quiet", "--address", address, str(folder)]
    with _server(command, variables, f"http://{address}/minio/health/live"):
        yield ObjectStore(f"http://{address}", user, password)


@contextmanager
def mlflow_server(folder: Path, store: ObjectStore) -> Iterator[str]:
    """Run an MLflow server with SQLite and with its artifacts in the object store."""
    bucket = "mlflow"
    store.client().make_bucket(bucket_name=bucket)
    python = environments.make("services", LOCK, print) / "bin" / "python"
    port = free_port()
    command = [python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
               "--backend-store-uri", f"sqlite:///{folder / 'server.db'}",
               "--artifacts-destination", f"s3://{bucket}", "--workers", "1"]  # fmt: skip
    variables = {**store.variables, "MLFLOW_S3_ENDPOINT_URL": store.endpoint}
    with _server(command, variables, f"http://127.0.0.1:{port}/health"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _server(command: list, variables: dict[str, str], health: str) -> Iterator[None]:
    process = subprocess.Popen(
        command,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(process, health)
        yield
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=30)


def _wait(process: subprocess.Popen, health: str) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}")
        try:
            with urllib.request.urlopen(health, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"{process.args} did not answer at {health}")
