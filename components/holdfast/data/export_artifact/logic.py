"""Write a file or a folder elsewhere: what is new is taken back if not all of it can be written."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from holdfast.data.sources.places import MANIFEST, sha256
from holdfast.data.sources.targets import Target, target_of
from holdfast.errors import InputError, shown


@dataclass(frozen=True)
class Exported:
    """What was done: `written` is false where all of it was there already."""

    files: int
    written: bool


def export(path: str | Path, uri: str) -> Exported:
    """Write the file or folder at `path` to `uri`.

    Raises:
        InputError: There is nothing to write, or nothing can be written there.
    """
    path = Path(path)
    target, name = target_of(uri)
    if path.is_dir() == bool(name) or not path.exists():
        found = "a folder" if path.is_dir() else "one file" if path.exists() else "nothing"
        raise InputError(
            f"`uri` must end with / for a folder, and name the file for one file. Found: "
            f"{shown(uri)!r} for {found}. Correct it."
        )
    files = _files(path) if path.is_dir() else {name: path}
    wanted = {
        name: file for name, file in files.items() if not target.holds(name, file, sha256(file))
    }
    _put_all(target, wanted)
    return Exported(len(files), bool(wanted))


def _files(folder: Path) -> dict[str, Path]:
    """Return the files by relative name; the manifest, which others go by, comes last."""
    found = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    return {name: found[name] for name in sorted(found, key=lambda n: (n == MANIFEST, n))}


def _put_all(target: Target, files: dict[str, Path]) -> None:
    there = set(target.sizes()) if files else set()
    added = []
    try:
        for name, file in files.items():
            if name not in there:
                added.append(name)
            target.put(name, file, sha256(file))
    except BaseException:
        for name in added:
            with suppress(InputError):
                target.delete(name)
        raise
