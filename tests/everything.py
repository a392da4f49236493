"""Run tests, each where what it tests is installed: python -m tests.everything [GROUPS] [ARGS].

A group is a family, or one of those that run where kfp is: runs, containers (runs that need
Docker), services (what needs MLflow's server), pages (documentation, security, licences) and
authoring (all others). All run by default; what follows the groups' names is for pytest:
`make test ARGS="data -k ingest"`.

Authoring tests (catalog, CLI, runs) run where kfp is; a family's tests in that family's own
environment, with nothing but pytest and Hypothesis added; the contracts' where the model stack is.
"""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from holdfast.images import FAMILIES
from holdfast.local import environments
from tests.programs import program

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("docs", "security", "supply_chain")
ALSO = {"training": ["tests/contracts"]}
# Some run at a time, so the longest come first; two lanes left processors idle while both waited.
LANES = 3
GROUPS = ("runs", "containers", "services", "pages", "authoring", *FAMILIES)
MARKED = {
    "runs": "not docker and not mlflow",
    "containers": "docker and not mlflow",
    "services": "mlflow",
}
LEFT_OUT = """
Left out were tests that need:
{missing}"""


def main(arguments: Sequence[str]) -> int:
    """Run the groups that are named, or every one, and return the worst exit code."""
    chosen = list(itertools.takewhile(GROUPS.__contains__, arguments))
    alone = str(pytest_alone())
    codes = {}

    def run(name: str) -> None:
        paths = [alone, str(ROOT)] if name in FAMILIES else [str(ROOT)]
        # Programs that tests kill leave their temporary files behind. Sockets want a short name.
        temporary = tempfile.mkdtemp(prefix="hf-")
        # PostgreSQL runs as another user.
        os.chmod(temporary, 0o755)
        variables = {
            **os.environ, "PYTHONPATH": os.pathsep.join(paths), "TMPDIR": temporary,
            "HYPOTHESIS_STORAGE_DIRECTORY": f"{temporary}/hypothesis",
        }  # fmt: skip
        start = time.monotonic()
        print(f"running {name}", flush=True)
        done = subprocess.run(
            [*_pytest(name), *arguments[len(chosen) :]], cwd=ROOT, env=variables, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        codes[name] = done.returncode
        if not done.returncode:
            shutil.rmtree(temporary, ignore_errors=True)
        head = f"=== {name} ({time.monotonic() - start:.0f} s) ==="
        print(f"\n{head}\n{done.stdout}", flush=True)

    # Each lane takes the next.
    with ThreadPoolExecutor(LANES) as lanes:
        list(lanes.map(run, chosen or GROUPS))
    failed = [name for name, code in codes.items() if code]
    print(f"\ngroups that failed: {', '.join(failed) or 'none'}")
    missing = "\n".join(f"  {name}: {remedy}" for name, remedy in lacking().items())
    if missing:
        print(LEFT_OUT.format(missing=missing))
    return 1 if failed else 0


def _pytest(group: str) -> list[str]:
    """Return how to run a group's tests."""
    if group in FAMILIES:
        python = str(environments.ensure(group, print))
        return [python, "-m", "pytest", f"tests/{group}", *ALSO.get(group, [])]
    whole = [sys.executable, "-m", "pytest", "-m", MARKED.get(group, "not mlflow")]
    if group in ("runs", "containers"):
        return [*whole, "tests/runs"]
    if group == "pages":
        return [*whole, *(f"tests/{name}" for name in PAGES)]
    elsewhere = ("runs", *PAGES) if group == "authoring" else ()
    ignored = (f"--ignore=tests/{name}" for name in (*FAMILIES, "contracts", *elsewhere))
    return [*whole, *ignored, "tests"]


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
    if not program("kubectl"):
        found["kubectl (a stand-in carries out the pages' commands)"] = (
            "https://kubernetes.io/docs/tasks/tools"
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
    """Return a folder with what tests are written in, to put before a family's own packages."""
    pinned = [f"{name}=={version(name)}" for name in ("pytest", "hypothesis")]
    folder = environments.directory() / "-".join(["tests", *pinned]).replace("==", "-")
    if not folder.is_dir():
        uv = Path(sys.executable).with_name("uv")
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        command = [uv, "pip", "install", "--quiet", "--target", unfinished, *pinned]
        subprocess.run(command, check=True)
        unfinished.rename(folder)
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
