"""Local files and directories."""

import glob
from pathlib import Path
from urllib.parse import unquote

from holdfast.data.sources.places import AbsentError, Part, changed, has_pattern, is_hidden
from holdfast.errors import InputError


class LocalPlace:
    """A file, the files below a directory, or those that a glob matches; read where they lie."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._path = Path(path_of(uri))

    @property
    def single(self) -> bool:
        """Whether it is a file."""
        return self._path.is_file()

    def parts(self, hidden: bool = False) -> list[Part]:
        """List the files."""
        if self._path.is_file():
            return [self._part(self._path.name)]
        if self._path.is_dir():
            names = self._below(self._path)
        elif has_pattern(str(self._path)):
            names = self._matches()
        else:
            # `holdfast run` makes a parameter's path absolute before the step sees it.
            here = "" if self._path.is_absolute() else f", relative to {Path.cwd()}"
            raise AbsentError(
                f"`uri` must be a file or a directory that holds some. Found: no file there "
                f"({self.uri!r}{here}). Check the path."
            )
        return [self._part(name) for name in sorted(names) if hidden or not is_hidden(name)]

    def _below(self, folder: Path) -> list[str]:
        return [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()]

    def _base(self) -> Path:
        """Return the folder that names are relative to."""
        if self._path.is_dir():
            return self._path
        fixed = self._path
        while has_pattern(str(fixed)):
            fixed = fixed.parent
        return fixed if fixed != self._path else self._path.parent

    def _matches(self) -> list[str]:
        base = self._base()
        # Only * and ? are special here.
        found = glob.glob(str(self._path).replace("[", "[[]"), recursive=True, include_hidden=True)
        return [str(Path(name).relative_to(base)) for name in found if Path(name).is_file()]

    def _file(self, name: str) -> Path:
        return self._path if self._path.is_file() else self._base() / name

    def _part(self, name: str) -> Part:
        try:
            found = self._file(name).stat()
        except OSError as error:
            raise InputError(
                f"`uri` must be readable. Found: {error.strerror} ({name!r}). Check who may read "
                f"it."
            ) from error
        return Part(name, found.st_size, stamp=str(found.st_mtime_ns))

    def fetch(self, part: Part, target: Path, limit: int) -> Path:  # noqa: ARG002  # nothing moves
        """Return the file itself."""
        file = self._file(part.name)
        try:
            file.open("rb").close()
        except OSError as error:
            raise InputError(
                f"`uri` must be readable. Found: {error.strerror} ({part.name!r}). Check who may "
                f"read it."
            ) from error
        return file

    def check(self, part: Part) -> None:
        """Compare size and time of the last change with those at the start."""
        try:
            same = self._part(part.name) == part
        except InputError:
            same = False
        if not same:
            raise changed(repr(part.name))


def path_of(uri: str) -> str:
    """Return the path that a local path or a file:// URI names."""
    if not uri.lower().startswith("file://"):
        return uri
    return unquote(uri[len("file://") :].removeprefix("localhost"))
