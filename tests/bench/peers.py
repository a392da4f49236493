"""Environments to measure in: those of families, and one of its own for each peer.

A peer is a folder of tests/bench/peers with the lock of what it needs (`make lock`). Its
environment is made the first time that it is measured. QUICK makes none that is not there.
"""

import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from holdfast import __version__
from holdfast.errors import MachineError
from holdfast.images import FAMILIES, image
from holdfast.local import environments
from tests.support import ROOT

LOCKS = Path(__file__).parent / "peers"
# Beside families and peers: all families' libraries in one, the whole of TFDV.
OTHERS = {
    "bench": Path(__file__).with_name("requirements.txt"),
    "tfdv": ROOT / "tests" / "tfdv" / "requirements.txt",
}
# Where kfp is: the authoring environment, which this runs in.
AUTHORING = "authoring"
# No environment: an engine, and the images of `make images`.
DOCKER = "docker"
# QUICK makes them, too: small, or of packages that the families have brought here already.
LIGHT = ("bench", "pandera")


def python(name: str) -> Path:
    """Return the Python of an environment, which is made if its lock is new.

    Raises:
        MachineError: It can't be made here.
    """
    if name == AUTHORING:
        return Path(sys.executable)
    return _made(name)


def require(name: str, quick: bool) -> None:
    """Make an environment ready.

    Raises:
        MachineError: It can't be made here, or QUICK would have to make a heavy one.
    """
    if name in ("", AUTHORING):
        return
    if name == DOCKER:
        _require_images()
        return
    if quick and name not in (*FAMILIES, *LIGHT) and not _is_there(name):
        raise MachineError(f"QUICK does not make the {name} environment; `make bench` does.")
    _made(name)


def version(name: str, distribution: str) -> str:
    """Return the version of a distribution in an environment, empty where it is not there."""
    if not distribution:
        return f"holdfast {__version__}"
    if distribution == "python":
        return f"Python {sys.version.split()[0]}"
    if distribution == "docker":
        asked = ["docker", "version", "--format", "Docker {{.Server.Version}}"]
        return subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    here = name in (AUTHORING, DOCKER)
    folder = Path(sys.prefix) if here else python(name).parents[1]
    paths = [str(path) for path in folder.glob("lib/python3.*/site-packages")]
    found = importlib.metadata.distributions(name=distribution, path=paths)
    versions = [each.version for each in found]
    return f"{distribution} {versions[0]}" if versions else distribution


@cache
def _require_images() -> None:
    command = ["docker", "image", "inspect", *map(image, FAMILIES)]
    if not shutil.which("docker") or subprocess.run(command, capture_output=True).returncode:
        raise MachineError("It needs a Docker engine and the images: make images")


def lock(name: str) -> Path:
    """Return the lock of an environment that is no family's."""
    return OTHERS.get(name, LOCKS / name / "requirements.txt")


@cache
def _made(name: str) -> Path:
    tell: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    if name in FAMILIES:
        return environments.ensure(name, tell)
    return environments.make(name, lock(name), tell) / "bin" / "python"


def _is_there(name: str) -> bool:
    return any(environments.directory().glob(f"{name}-*/ready"))
