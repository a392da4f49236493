"""Calls components as KFP's launcher does: its executor, MinIO's URIs, no network.

The launcher downloads `minio://BUCKET/KEY` to `/minio/BUCKET/KEY`, and the executor derives one
from the other. Each component runs by the command of its YAML: in its family's environment and a
network namespace that holds nothing, or no more than a loopback interface of its own; or in its
image, with as little as a cluster's policy may leave it.
"""

import json
import os
import random
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml

from holdfast.images import family_of
from tests.support import ROOT, family_python

NO_NETWORK = ["unshare", "--net"]
# A new namespace's loopback interface is down. `ip link set lo up` would do it, but a bare Debian
# has no iproute2; the interpreter that is there anyway can ask the kernel itself (SIOCSIFFLAGS).
LOOPBACK = """
import fcntl, os, socket, struct, sys
IFF_UP = 1
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    fcntl.ioctl(probe, 0x8914, struct.pack("16sh22x", b"lo", IFF_UP))
os.execvp(sys.argv[1], sys.argv[1:])
"""
# What a cluster's policy may leave a step: no root, no privilege, nothing to write to but /tmp.
HARDENED = {
    "network_mode": "none",
    "read_only": True,
    "tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "mem_limit": "512m",
    "memswap_limit": "512m",
    "pids_limit": 128,
    # Elsewhere KFP's launcher is the first process; KFP's shell would be deaf to SIGTERM.
    "init": True,
}


def alone(python: Path, loopback: bool = False) -> list[str | Path]:
    """Return what to put before a command that is to have no network."""
    return [*NO_NETWORK, *([python, "-I", "-S", "-c", LOOPBACK] if loopback else [])]


@contextmanager
def new_bucket() -> Iterator[str]:
    """Yield the name of a folder of /minio that is this test's own, and delete it."""
    name = f"holdfast-test-{uuid.uuid4().hex[:8]}"
    made_root = not Path("/minio").exists()
    try:
        yield name
    finally:
        shutil.rmtree(f"/minio/{name}", ignore_errors=True)
        if made_root:
            # Another run may have its bucket there by now.
            with suppress(OSError):
                Path("/minio").rmdir()


def plain(value):
    """Return a default as the driver's JSON has it: whole numbers without a fraction."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class Call:
    """A component as it is called: its image, its YAML's command, and the driver's request."""

    task: str
    name: str
    image: str
    command: list[str]
    request: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Where the launcher has what the component writes."""
        return Path(self.request["outputs"]["outputFile"]).parent

    @property
    def places(self) -> list[Path]:
        """Where the component's output artifacts lie."""
        return [self.folder / name for name in self.request["outputs"]["artifacts"]]

    def into(self, task: str) -> "Call":
        """Return the same call, whose outputs go to another folder, which is made."""
        bucket = self.folder.parent.name

        def moved(text: str) -> str:
            return text.replace(f"/{bucket}/{self.task}/", f"/{bucket}/{task}/")

        request = json.loads(moved(json.dumps(self.request)))
        call = Call(task, self.name, self.image, [*map(moved, self.command)], request)
        call.folder.mkdir(mode=0o777)
        call.folder.chmod(0o777)
        return call

    def written(self) -> dict[str, bytes]:
        """Return all files that the component wrote, by their names."""
        return files(self.folder)

    def outputs(self) -> dict:
        """Return what the launcher would publish, after checking that all of it was written."""
        path = Path(self.request["outputs"]["outputFile"])
        written = json.loads(path.read_text()) if path.is_file() else {}
        found = dict(written.get("parameterValues", {}))
        for key, entry in written.get("artifacts", {}).items():
            (found[key],) = entry["artifacts"]
            json.dumps(found[key]["metadata"], allow_nan=False)
            assert None not in found[key]["metadata"].values()
        declared = {*self.request["outputs"]["parameters"], *self.request["outputs"]["artifacts"]}
        assert set(found) == declared
        return found


def files(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, or the file that it is, by their names."""
    found = [folder] if folder.is_file() else (f for f in folder.rglob("*") if f.is_file())
    return {str(f.relative_to(folder)): f.read_bytes() for f in found}


class Launcher:
    """Drives components the way KFP's driver and launcher do, in their families' environments."""

    def __init__(self, bucket: str, scratch: Path) -> None:
        self.bucket = bucket
        self.scratch = scratch
        self.calls: dict[str, Call] = {}

    @property
    def done(self) -> set[str]:
        """The components that were called."""
        return {call.name for call in self.calls.values()}

    def run(
        self, name: str, parameters=None, artifacts=None, output_name="", loopback=False
    ) -> dict:
        """Run a component; return its outputs, artifacts in the driver's form."""
        call = self.prepare(name, parameters or {}, artifacts or {}, output_name or name)
        done = self.execute(call, loopback)
        assert done.returncode == 0, f"{call.task}: {done.stderr}"
        return call.outputs()

    def refuse(self, name: str, parameters=None, artifacts=None, output_name="") -> tuple[int, str]:
        """Run a component that must refuse; return its exit code and what it says."""
        call = self.prepare(name, parameters or {}, artifacts or {}, output_name or name)
        done = self.execute(call)
        assert done.returncode != 0, f"{name} must refuse"
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr.strip().splitlines()[-1]

    def prepare(self, name: str, parameters: dict, artifacts: dict, task: str) -> Call:
        """Return how a component is called, and make the folder that it writes to."""
        spec = yaml.safe_load((ROOT / "compiled" / "components" / f"{name}.yaml").read_text())
        component = next(iter(spec["components"].values()))
        container = next(iter(spec["deploymentSpec"]["executors"].values()))["container"]
        request = self.request(component, task, parameters, artifacts)
        given = {"{{$}}": json.dumps(request)}
        arguments = [given.get(each, each) for each in container["args"]]
        command = [*container["command"], *arguments]
        call = Call(task, name, container["image"], command, request)
        call.folder.mkdir(parents=True)
        self.calls[task] = call
        return call

    def request(self, component: dict, task: str, parameters: dict, artifacts: dict) -> dict:
        """Return an ExecutorInput as the driver shapes it."""
        inputs = component.get("inputDefinitions", {}).get("parameters", {})
        outputs = component.get("outputDefinitions", {})
        values = {k: plain(v["defaultValue"]) for k, v in inputs.items() if "defaultValue" in v}
        place = f"minio://{self.bucket}/{task}"
        local = place.replace("minio://", "/minio/")
        return {
            "inputs": {
                "parameterValues": values | parameters,
                "artifacts": {
                    k: {"artifacts": v if isinstance(v, list) else [v]}
                    for k, v in artifacts.items()
                },
            },
            "outputs": {
                "parameters": {
                    k: {"outputFile": f"{local}/{k}"} for k in outputs.get("parameters", {})
                },
                "artifacts": {
                    k: {
                        "artifacts": [
                            {
                                "name": k,
                                "type": v["artifactType"],
                                "uri": f"{place}/{k}",
                                "metadata": {},
                            }
                        ]
                    }
                    for k, v in outputs.get("artifacts", {}).items()
                },
                "outputFile": f"{local}/executor_output.json",
            },
        }

    def variables(self) -> dict[str, str]:
        """Return what a component finds in its environment."""
        return {
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.scratch}/mlflow.db",
            # Whoever runs the tests may have a cluster: it is not the components'.
            "KUBECONFIG": f"{self.scratch}/no-kubeconfig",
        }

    def execute(self, call: Call, loopback: bool = False) -> subprocess.CompletedProcess:
        """Run the command of a call in the family's environment with the network cut."""
        python = family_python(family_of(call.image))
        more = {"PATH": f"{python.parent}:{os.environ['PATH']}", "TMPDIR": str(self.scratch)}
        return subprocess.run(
            [*alone(python, loopback), *call.command], cwd=self.scratch,
            env=self.variables() | more, capture_output=True, text=True,
        )  # fmt: skip


class HardenedLauncher(Launcher):
    """Runs each component in its image as a user that nobody knows, with as little as may be.

    A step may write to its own outputs' folder, and to `scratch`, which stands for what lies
    outside: MLflow's store, and where tables are exported to.

    Args:
        bucket: The folder of /minio.
        scratch: A folder.
        engine: Docker's client.
        read: What else the steps read of this machine.
    """

    def __init__(self, bucket: str, scratch: Path, engine, read: tuple[Path, ...] = ()) -> None:
        super().__init__(bucket, scratch)
        self.engine = engine
        self.read = read
        self.user = random.randint(10_000, 2**31)
        # OpenShift gives a random user the group 0, others any.
        self.groups = cycle((0, random.randint(10_000, 2**31)))
        scratch.chmod(0o777)

    def prepare(self, name: str, parameters: dict, artifacts: dict, task: str) -> Call:
        call = super().prepare(name, parameters, artifacts, task)
        call.folder.chmod(0o777)
        return call

    def start(
        self, call: Call, command: list[str] | None = None, written=(), disks=None, **options
    ):
        """Start a container for a call, and return it; `finish` removes it.

        Args:
            call: What is called.
            command: What is run instead of its command.
            written: More folders that may be written to.
            disks: Folders that are a disk of their own, in memory, with its options.
            options: Docker's, in place of HARDENED's.
        """
        disks = {str(folder): given for folder, given in (disks or {}).items()}
        own = {*map(str, (call.folder, self.scratch, *written))} - set(disks)
        modes = {f"/minio/{self.bucket}": "ro", **dict.fromkeys(own, "rw")}
        modes |= dict.fromkeys(map(str, self.read), "ro")
        options = {"tmpfs": HARDENED["tmpfs"] | disks} | options
        given = HARDENED | {"user": f"{self.user}:{next(self.groups)}"} | options
        return self.engine.containers.run(
            call.image, command or call.command, detach=True, environment=self.variables(),
            working_dir=str(self.scratch),
            volumes={path: {"bind": path, "mode": mode} for path, mode in modes.items()}, **given,
        )  # fmt: skip

    def finish(self, container) -> subprocess.CompletedProcess:
        """Wait for a container, remove it, and return what became of it."""
        try:
            code = container.wait()["StatusCode"]
            said = [
                container.logs(stdout=out, stderr=not out).decode(errors="replace")
                for out in (True, False)
            ]
            return subprocess.CompletedProcess(container.name, code, *said)
        finally:
            container.remove(force=True)

    def execute(self, call: Call, loopback: bool = False) -> subprocess.CompletedProcess:
        """Run the command of a call in its image; its loopback interface is up in any case."""
        return self.finish(self.start(call))
