"""Where the programs are that tests start; needs nothing but Python, in any environment."""

import shutil
from pathlib import Path

GO = Path.home() / "go" / "bin"


def program(name: str) -> str | None:
    """Return a program's path, from the PATH or Go's."""
    return shutil.which(name) or shutil.which(name, path=str(GO))
