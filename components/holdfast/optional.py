"""Inputs that need not be there: who had nothing to pass on wrote nothing, or an empty file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.errors import InputError
from holdfast.report import Paragraph, Report


class NotEnough(InputError):  # noqa: N818  # told as the InputError that it is
    """There are too few rows to learn from."""


def is_there(path: str | Path) -> bool:
    """Tell whether an artifact holds anything: not without a path, a file's bytes, or any file."""
    place = Path(path)
    if not str(path) or not place.exists():
        return False
    return any(place.iterdir()) if place.is_dir() else place.stat().st_size > 0


@contextmanager
def left_out(optional: bool, artifact: str, html: str, markdown: str) -> Iterator[None]:
    """Where too few rows are no error, leave an empty file and a page that says why.

    Args:
        optional: Whether they are none.
        artifact: Where the artifact would lie.
        html: Where its page goes.
        markdown: The same as Markdown.
    """
    try:
        yield
    except NotEnough as error:
        if not optional:
            raise
        Path(artifact).write_bytes(b"")
        Report("Left out", "no_baseline", (Paragraph(str(error)),)).write(html, markdown)
