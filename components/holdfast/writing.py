"""Write what appears at its path whole or not at all.

A step may be killed at any moment, or find the disk full. Whoever reads what it wrote, and the step
itself when it is run again, must then find nothing rather than a part.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Yield where to write a file or a folder, which is at `path` once the block has ended well.

    Nothing is there at first, not even an empty folder. What an attempt before left is replaced.
    """
    target = Path(path)
    unfinished = target.with_name(f"{target.name}.unfinished")
    _remove(unfinished)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield unfinished
        put(unfinished, target)
    finally:
        _remove(unfinished)


def put(finished: Path, target: Path) -> None:
    """Move what is finished to its place; what was there is gone at once, and deleted then.

    Deleting it in its place would for a while leave a part of it.
    """
    replaced = target.with_name(f"{target.name}.replaced")
    _remove(replaced)
    if target.is_dir():
        target.rename(replaced)
    finished.replace(target)
    _remove(replaced)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file as UTF-8, whole or not at all."""
    with whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
