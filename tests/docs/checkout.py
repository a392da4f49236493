"""A checkout of its own for what pages change: files are copied, environments are borrowed.

An environment of a family links the package of the checkout that made it. A borrowed one is a
folder with a link of its own, whose other packages are the real one's.
"""

import os
import shutil
import sys
from pathlib import Path

from holdfast.images import FAMILIES
from holdfast.local import environments, files
from tests.support import ROOT

LEFT = shutil.ignore_patterns(
    # The last two are what other tests write and take away while this copies.
    ".git", ".venv", ".environments", "output", "dist", "__pycache__", ".*_cache", ".hypothesis",
    "pytest-cache-files-*",
)  # fmt: skip


def make(folder: Path) -> dict[str, str]:
    """Copy the checkout into a new folder, and return the variables of a shell that works there."""
    shutil.copytree(ROOT, folder, ignore=LEFT, symlinks=True)
    # Older than what make has made of it: the real environment is not to be made anew.
    os.utime(folder / "pyproject.toml", (0, 0))
    (folder / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)
    for family in FAMILIES:
        borrow(family, folder / ".environments")
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "HOLDFAST_", "MLFLOW_"))
    }
    # The package that is installed is the real checkout's; this one comes first.
    return {**kept, "PYTHONPATH": os.pathsep.join((str(folder / "components"), str(folder)))}


def borrow(family: str, folder: Path) -> None:
    """Make an environment of a family that has the real one's packages."""
    real = environments.make(family, files.lock(family), print)
    packages = next(real.glob("lib/python3.*/site-packages"))
    borrowed = folder / real.name
    inside = borrowed / packages.relative_to(real)
    inside.mkdir(parents=True)
    (inside / "_borrowed.pth").write_text(f"{packages}\n")
    (borrowed / "bin").mkdir()
    for name in ("python", "python3", "python3.11"):
        (borrowed / "bin" / name).symlink_to(os.path.realpath(real / "bin" / name))
    shutil.copy(real / "pyvenv.cfg", borrowed)
    (borrowed / "ready").touch()
