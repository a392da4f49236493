"""Make each family's environment from the same lock as its image."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.environment import LOCK
from holdfast.errors import MachineError
from holdfast.local import files

Announce = Callable[[str], None]


def directory() -> Path:
    """Return the folder of all environments: `HOLDFAST_ENVIRONMENTS`, the checkout's or a cache."""
    chosen = os.environ.get("HOLDFAST_ENVIRONMENTS")
    if chosen:
        return Path(chosen).resolve()
    if files.root() != files.PACKAGED:
        return files.root() / ".environments"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    # Each installation has its own: they may hold different code under the same locks.
    here = hashlib.sha256(str(files.PACKAGE).encode()).hexdigest()[:8]
    return Path(cache) / "holdfast" / "environments" / here


def ensure(family: str, announce: Announce) -> Path:
    """Return the Python of a family's environment, which is made if its lock is new.

    Raises:
        MachineError: The environment could not be made.
    """
    lock = files.lock(family)
    folder = make(family, lock, announce)
    with _alone(folder):
        # As in an image: models record the lock that they were trained under.
        if not (folder / LOCK).is_file() or (folder / LOCK).read_bytes() != lock.read_bytes():
            _replace(folder / LOCK, lambda new: shutil.copyfile(lock, new))
        _link_package(folder)
    return folder / "bin" / "python"


def make(name: str, lock: Path, announce: Announce) -> Path:
    """Return the folder of an environment that holds what a lock says, and nothing else."""
    content = lock.read_bytes() + sys.version.encode()
    folder = directory() / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}"
    ready = folder / "ready"
    if not ready.is_file():
        with _alone(folder):
            if not ready.is_file():
                announce(f"making the {name} environment (once)")
                _install(lock, folder)
                ready.touch()
    return folder


def _install(lock: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    _uv("venv", "--quiet", "--no-config", "--python", sys.executable, str(folder))
    # The lock is complete and hashed: nothing is resolved. Bytecode makes imports 3 times faster.
    options = ["--quiet", "--no-config", "--no-deps", "--require-hashes", "--compile-bytecode"]
    python = str(folder / "bin" / "python")
    _uv("pip", "install", *options, "--python", python, "--requirements", str(lock))


def _uv(*arguments: str) -> None:
    beside = Path(sys.executable).with_name("uv")
    program = str(beside) if beside.is_file() else shutil.which("uv")
    if program is None:
        raise MachineError(
            "Environments are made by uv. Found: no uv on this machine. Run: pip install uv"
        )
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineError(
            f"The environment could not be made: uv {arguments[0]} must succeed. Found: "
            f"{done.stderr.strip()[-800:]} Check the network and the disk, then run it again."
        )


def _link_package(folder: Path) -> None:
    """Let the environment see this very package, so that what runs is what is installed here."""
    link = next(folder.glob("lib/python3.*/site-packages")) / "holdfast"
    if not link.is_symlink() or link.resolve() != files.PACKAGE:
        _replace(link, lambda new: new.symlink_to(files.PACKAGE, target_is_directory=True))


def _replace(path: Path, make_at: Callable[[Path], object]) -> None:
    """Put something in a path's place in one step: a run beside this one may be reading it."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    make_at(new)
    new.replace(path)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time make an environment."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
