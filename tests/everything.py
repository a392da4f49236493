"""Run all tests, each folder in the environment that it tests: python -m tests.everything [ARGS].

Authoring tests (catalog, CLI, runs) run where kfp is; a family's tests in that family's own
environment, with nothing but pytest added; the contracts' where the model stack is.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from holdfast.images import FAMILIES
from holdfast.local import environments
from tests.programs import program

ROOT = Path(__file__).resolve().parents[1]
ALSO = {"training": ["tests/contracts"]}
LEFT_OUT = """
Left out were tests that need:
{missing}"""


def main(arguments: Sequence[str]) -> int:
    """Run every group and return the worst exit code."""
    ignored = [f"--ignore=tests/{name}" for name in (*FAMILIES, "contracts")]
    whole = [sys.executable, "-m", "pytest", *ignored, "tests"]
    # Those with servers are a group of their own, so that two can run at a time.
    groups = {"authoring": [*whole, "-m", "not mlflow"], "services": [*whole, "-m", "mlflow"]}
    for family in FAMILIES:
        python = str(environments.ensure(family, print))
        groups[family] = [python, "-m", "pytest", f"tests/{family}", *ALSO.get(family, [])]
    alone = str(pytest_alone())
    codes = {}

    def run(name: str) -> None:
        paths = [alone, str(ROOT)] if name in FAMILIES else [str(ROOT)]
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        start = time.monotonic()
        print(f"running {name}", flush=True)
        done = subprocess.run(
            [*groups[name], *arguments], cwd=ROOT, env=variables, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        codes[name] = done.returncode
        head = f"=== {name} ({time.monotonic() - start:.0f} s) ==="
        print(f"\n{head}\n{done.stdout}", flush=True)

    # The longest first, each lane taking the next: whole runs mostly wait for processes to start.
    with ThreadPoolExecutor(2) as lanes:
        list(lanes.map(run, groups))
    failed = [name for name, code in codes.items() if code]
    print(f"\ngroups that failed: {', '.join(failed) or 'none'}")
    missing = "\n".join(f"  {name}: {remedy}" for name, remedy in lacking().items())
    if missing:
        print(LEFT_OUT.format(missing=missing))
    return 1 if failed else 0


def lacking() -> dict[str, str]:
    """Return what this machine lacks for some of the tests, and how to get it."""
    found = {}
    if not docker_answers():
        found["a Docker engine"] = "apt-get install docker.io, start dockerd, then make images"
    if minio() is None:
        found["a MinIO server"] = "go install github.com/minio/minio@latest"
    if postgresql() is None:
        found["a PostgreSQL server"] = "apt-get install postgresql"
    if not all(map(program, ("kube-apiserver", "etcd"))):
        found["a kube-apiserver (a stand-in serves the others)"] = (
            "bash tests/deployment/build_kubernetes.sh"
        )
    if os.geteuid():
        found["root, for /minio and unshare --net"] = "run make test as root"
    if not (ROOT.parent / "shared" / "data").is_dir():
        found["real tables"] = "put adult.parquet and the others into ../shared/data"
    return found


def docker_answers() -> bool:
    """Tell whether a Docker engine runs."""
    program = shutil.which("docker")
    return bool(program) and not subprocess.run([program, "info"], capture_output=True).returncode


def minio() -> str | None:
    """Return the MinIO server program, from the PATH or Go's."""
    return program("minio")


def postgresql() -> Path | None:
    """Return the folder of PostgreSQL's server programs, from the PATH or Debian's."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    complete = (f for f in folders if (f / "initdb").is_file() and (f / "postgres").is_file())
    return next(complete, None)


def pytest_alone() -> Path:
    """Return a folder with pytest and what it needs, to put before a family's own packages."""
    folder = environments.directory() / f"pytest-{version('pytest')}"
    if not folder.is_dir():
        uv = Path(sys.executable).with_name("uv")
        pinned = f"pytest=={version('pytest')}"
        command = [uv, "pip", "install", "--quiet", "--target", folder, pinned]
        subprocess.run(command, check=True)
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
