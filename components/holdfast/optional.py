"""Inputs that need not be there: who had nothing to pass on wrote nothing, or an empty file."""

from pathlib import Path


def is_there(path: str | Path) -> bool:
    """Tell whether an artifact holds anything: not without a path, a file's bytes, or any file."""
    place = Path(path)
    if not str(path) or not place.exists():
        return False
    return any(place.iterdir()) if place.is_dir() else place.stat().st_size > 0
