"""Where the compiled YAML and the lock files lie."""

from pathlib import Path

import holdfast

PACKAGE = Path(holdfast.__file__).resolve().parent
PACKAGED = PACKAGE / "_files"


def root() -> Path:
    """Return the folder that holds `compiled` and `images`: in the wheel, else the checkout."""
    return PACKAGED if PACKAGED.is_dir() else PACKAGE.parents[1]


def compiled(kind: str) -> dict[str, Path]:
    """Return the compiled YAML of `components` or `pipelines`, by name."""
    return {file.stem: file for file in sorted((root() / "compiled" / kind).glob("*.yaml"))}


def lock(family: str) -> Path:
    """Return the hashed lock of a family."""
    return root() / "images" / family / "requirements.txt"
