"""Real servers for the tests: MinIO, MLflow with its artifacts in that MinIO, and PostgreSQL."""

import contextlib
import os
import pwd
import secrets
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from minio import Minio

from holdfast.local import environments
from tests.everything import minio, postgresql
from tests.programs import free_port

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


@dataclass(frozen=True)
class Database:
    """A running PostgreSQL server; its password lives as long as it does."""

    uri: str
    password: str

    @property
    def variables(self) -> dict[str, str]:
        """Return what a step needs to reach it."""
        return {"PGPASSWORD": self.password}


@contextmanager
def database() -> Iterator[Database]:
    """Run PostgreSQL with a random password on a free port of this machine."""
    programs, port, password = postgresql(), free_port(), secrets.token_hex(16)
    # Not pytest's folder: that is root's alone.
    with tempfile.TemporaryDirectory(prefix="holdfast-postgresql-") as name:
        folder = Path(name)
        data, secret = folder / "data", folder / "password"
        secret.write_text(password)
        as_user = _unprivileged(folder)
        command = [programs / "initdb", "-D", data, "-U", "holdfast", "-A", "scram-sha-256",
                   "--pwfile", secret, "--no-sync", "--locale=C.UTF-8", "-E", "UTF8"]  # fmt: skip
        subprocess.run([*as_user, *command], check=True, capture_output=True, cwd=folder)
        process = subprocess.Popen(
            [*as_user, programs / "postgres", "-D", data, "-p", str(port), "-k", folder,
             "-h", "127.0.0.1", "-F"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            _wait_for_port(process, port)
            yield Database(f"postgresql://holdfast@127.0.0.1:{port}/postgres", password)
        finally:
            # SIGINT: PostgreSQL ends its clients' sessions and does not wait for them.
            process.send_signal(2)
            process.wait(timeout=30)


def _unprivileged(folder: Path) -> list[str]:
    """Return what runs a command as nobody, who is given the folder: PostgreSQL refuses root."""
    if os.geteuid():
        return []
    nobody = pwd.getpwnam("nobody")
    for place in (folder, *folder.iterdir()):
        os.chown(place, nobody.pw_uid, nobody.pw_gid)
    return ["setpriv", "--reuid", "nobody", "--regid", str(nobody.pw_gid), "--clear-groups"]


def _wait_for_port(process: subprocess.Popen, port: int) -> None:
    for _ in range(900):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{process.args} did not listen on {port}")


@contextmanager
def cutting_proxy(endpoint: str, cuts: int, after: int = 100_000) -> Iterator[str]:
    """Pass on to a server, but cut the first `cuts` connections off that answer more than `after`.

    Yields its own address.
    """
    host, _, target = endpoint.removeprefix("http://").rpartition(":")
    left = [cuts]
    listener = socket.create_server(("127.0.0.1", 0))

    def forward(source: socket.socket, sink: socket.socket, counted: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                passed += len(data)
                if counted and passed > after and left[0] > 0:
                    left[0] -= 1
                    break
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection((host, int(target)))
                for ends in ((client, server, False), (server, client, True)):
                    threading.Thread(target=forward, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


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
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            # A server that waits for a store which a test has cut off.
            os.killpg(process.pid, 9)
            process.wait()


def _wait(process: subprocess.Popen, health: str) -> None:
    for _ in range(900):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}")
        try:
            with urllib.request.urlopen(health, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"{process.args} did not answer at {health}")
