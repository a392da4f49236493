"""Copy a file or folder from a place, whole or not at all."""

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from holdfast.data.sources.places import AbsentError, Source, fetched, is_hidden, place_of
from holdfast.errors import InputError, lack, shown
from holdfast.writing import whole


@dataclass(frozen=True)
class Fetched:
    """What was copied; no files where nothing was there."""

    uri: str
    files: int
    fingerprint: str

    def metadata(self) -> dict[str, object]:
        """Return what the artifact says about itself."""
        return {"uri": self.uri, "files": self.files, "source_fingerprint": self.fingerprint}


def fetch(uri: str, path: str | Path, fingerprint: str = "", optional: bool = False) -> Fetched:
    """Copy what lies behind `uri` to `path`.

    Args:
        uri: One object, which becomes a file, or a prefix or directory, which becomes a folder.
        path: Where it goes; nothing is there after an error.
        fingerprint: What resolve_source told of it; empty not to compare.
        optional: Whether nothing there gives an empty file.

    Raises:
        InputError: There is nothing, it changed, or a name leads out of the folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if optional and _is_nothing(uri):
        path.write_bytes(b"")
        return Fetched(shown(uri), 0, "")
    with fetched(uri, hidden=True) as source:
        found = _fingerprint(source)
        if fingerprint and fingerprint != found:
            raise InputError(
                f"`fingerprint` must be that of the source. Found: another, {shown(uri)} changed "
                f"between the steps. Run the pipeline again."
            )
        _copy(source, path)
    return Fetched(shown(uri), len(source.parts), found)


def _is_nothing(uri: str) -> bool:
    """Tell whether nothing is there; a place that cannot be asked is an error all the same."""
    if not uri:
        return True
    try:
        return not place_of(uri).parts(hidden=True)
    except AbsentError:
        return True


def _fingerprint(source: Source) -> str:
    """Return what resolve_source would tell, which leaves hidden names out."""
    chosen = [
        (part, file)
        for part, file in zip(source.parts, source.files, strict=True)
        if source.place.single or not is_hidden(part.name)
    ]
    parts, files = zip(*chosen, strict=True) if chosen else ((), ())
    return Source(source.place, parts, files).fingerprint()


def _copy(source: Source, path: Path) -> None:
    try:
        with whole(path) as unfinished:
            for part, file in zip(source.parts, source.files, strict=True):
                place = unfinished if source.place.single else unfinished / _inside(part.name)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
            source.check()
    except OSError as error:
        raise lack(error) or InputError(
            f"`uri` must hold files that fit into one folder. Found: {error.strerror}. Check that "
            f"no name is a file and a folder at once."
        ) from error


def _inside(name: str) -> PurePosixPath:
    """Return a name as a relative path, if it does not lead out of the folder.

    Raises:
        InputError: It does.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise InputError(
            f"`uri` must hold names that stay within its folder. Found: {name!r}. Remove that "
            f"object."
        )
    return path
