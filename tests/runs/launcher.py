"""Calls components as KFP's launcher does: its executor, MinIO's URIs, no network.

The launcher downloads `minio://BUCKET/KEY` to `/minio/BUCKET/KEY`, and the executor derives one
from the other. Each component runs in its family's environment, and in a network namespace that
holds nothing, or no more than a loopback interface of its own.
"""

import json
import os
import subprocess
from pathlib import Path

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
os.execv(sys.argv[1], sys.argv[1:])
"""


def alone(python: Path, loopback: bool = False) -> list[str | Path]:
    """Return how to start a family's Python without a network."""
    up = [python, "-I", "-S", "-c", LOOPBACK] if loopback else []
    return [*NO_NETWORK, *up, python]


def plain(value):
    """Return a default as the driver's JSON has it: whole numbers without a fraction."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Launcher:
    """Drives components the way KFP's driver and launcher do."""

    def __init__(self, bucket: str, scratch: Path) -> None:
        self.bucket = bucket
        self.scratch = scratch
        self.done: set[str] = set()

    def run(
        self, name: str, parameters=None, artifacts=None, output_name="", loopback=False
    ) -> dict:
        """Run a component; return its outputs, artifacts in the driver's form."""
        task = output_name or name
        request, done = self.execute(name, parameters or {}, artifacts or {}, task, loopback)
        assert done.returncode == 0, done.stderr
        return self.outputs(request)

    def refuse(self, name: str, parameters=None, artifacts=None, output_name="") -> tuple[int, str]:
        """Run a component that must refuse; return its exit code and what it says."""
        task = output_name or name
        _, done = self.execute(name, parameters or {}, artifacts or {}, task)
        assert done.returncode != 0, f"{name} must refuse"
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr.strip().splitlines()[-1]

    def execute(
        self, name: str, parameters: dict, artifacts: dict, task: str, loopback: bool = False
    ) -> tuple[dict, subprocess.CompletedProcess]:
        """Call a component; return the request and what became of the process."""
        spec = yaml.safe_load((ROOT / "compiled" / "components" / f"{name}.yaml").read_text())
        component = next(iter(spec["components"].values()))
        container = next(iter(spec["deploymentSpec"]["executors"].values()))["container"]
        request = self.request(component, task, parameters, artifacts)
        program = self.scratch / f"{task}.py"
        program.write_text(container["command"][-1])
        self.done.add(name)
        return request, self.call(name, container["image"], program, request, loopback)

    def request(self, component: dict, task: str, parameters: dict, artifacts: dict) -> dict:
        """Return an ExecutorInput as the driver shapes it."""
        inputs = component.get("inputDefinitions", {}).get("parameters", {})
        outputs = component.get("outputDefinitions", {})
        values = {k: plain(v["defaultValue"]) for k, v in inputs.items() if "defaultValue" in v}
        place = f"minio://{self.bucket}/{task}"
        local = place.replace("minio://", "/minio/")
        Path(local).mkdir(parents=True)
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

    def call(
        self, name: str, image: str, program: Path, request: dict, loopback: bool
    ) -> subprocess.CompletedProcess:
        """Run KFP's executor in the family's environment with the network cut."""
        python = family_python(family_of(image))
        command = [*alone(python, loopback), "-m", "kfp.dsl.executor_main",
                   "--component_module_path", program, "--function_to_execute", name,
                   "--executor_input", json.dumps(request)]  # fmt: skip
        variables = {
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "_KFP_RUNTIME": "true",
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.scratch}/mlflow.db",
            # Whoever runs the tests may have a cluster: it is not the components'.
            "KUBECONFIG": f"{self.scratch}/no-kubeconfig",
        }
        return subprocess.run(
            command, cwd=self.scratch, env=variables, capture_output=True, text=True
        )

    def outputs(self, request: dict) -> dict:
        """Return what the launcher would publish, after checking that all of it was written."""
        path = Path(request["outputs"]["outputFile"])
        written = json.loads(path.read_text()) if path.is_file() else {}
        found = dict(written.get("parameterValues", {}))
        for key, entry in written.get("artifacts", {}).items():
            (found[key],) = entry["artifacts"]
            json.dumps(found[key]["metadata"], allow_nan=False)
            assert None not in found[key]["metadata"].values()
        declared = {*request["outputs"]["parameters"], *request["outputs"]["artifacts"]}
        assert set(found) == declared
        return found
