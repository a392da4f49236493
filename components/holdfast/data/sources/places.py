"""Where data lies: one object, a directory or prefix of objects, or those that a glob matches."""

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from holdfast.errors import InputError, MachineError, shown
from holdfast.reading import read_json

MANIFEST = "_manifest.json"
MAX_MANIFEST_BYTES = 2**26
OBJECT_STORES = ("s3", "minio")
WEB = ("http", "https")
DATABASES = ("postgresql", "postgres")
# What a reader takes in at most, unless it is told otherwise: a gzip bomb must end somewhere.
MAX_BYTES = 100 * 10**9
PASSWORD = re.compile(
    r"//[^/?#]*:[^/?#]*@|^postgres(?:ql)?://(?:\S*:\S*@|\S*[?&](?:ssl)?password=)", re.IGNORECASE
)


class AbsentError(Exception):
    """There is nothing at a place; `list_parts` tells the user."""


@dataclass(frozen=True)
class Part:
    """One object.

    `name` is relative to the place; `version` changes with the content (an ETag), and is empty
    where only the content itself tells; `stamp` is the place's own note: a whole key, a time.
    """

    name: str
    bytes: int
    version: str = ""
    stamp: str = ""


class Place(Protocol):
    """A place that lists its objects and hands them out as local files."""

    uri: str

    @property
    def single(self) -> bool:
        """Whether it is one object by its own name."""

    def parts(self, hidden: bool = False) -> list[Part]:
        """List the objects, sorted by name; those that begin with _ or . only if `hidden`.

        Raises:
            AbsentError: What was named is not there.
        """

    def fetch(self, part: Part, target: Path, limit: int) -> Path:
        """Return a local file that holds the whole of a part; `target` is where it may be put."""

    def check(self, part: Part) -> None:
        """Refuse a part that changed while its file was read."""


@dataclass(frozen=True)
class Source:
    """Objects at hand as local files."""

    place: Place
    parts: Sequence[Part]
    files: Sequence[Path]

    def check(self) -> None:
        """Refuse what changed while it was read."""
        for part in self.parts:
            self.place.check(part)

    def fingerprint(self) -> str:
        """Return a hash that changes whenever an object is changed, added, renamed or removed."""
        lines = []
        for part, file in zip(self.parts, self.files, strict=True):
            lines.append(f"{part.name}\0{part.version or sha256(file)}\0{part.bytes}")
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def sha256(file: Path) -> str:
    """Return the hash of a file."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def scheme_of(uri: str) -> str:
    """Return the scheme of a URI, empty for a local path.

    Raises:
        InputError: The URI holds a password.
    """
    if "://" in uri and PASSWORD.search(uri):
        raise InputError(
            f"`uri` must hold no password: it would be kept with the run. Found: one in "
            f"{shown(uri)}. Pass it as an environment variable (PGPASSWORD, AWS_SECRET_ACCESS_KEY)."
        )
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", uri)
    return found[1].lower() if found else ""


def place_of(uri: str) -> Place:
    """Return the place that a URI names.

    Args:
        uri: A local path, `file://PATH`, `http(s)://HOST/PATH`, `s3://BUCKET/KEY` or
            `minio://BUCKET/KEY`; a directory or prefix ends with /; `*`, `?` and `**` match names.

    Raises:
        InputError: The scheme is unknown, or the URI is empty or holds a password.
    """
    from holdfast.data.sources.local import LocalPlace
    from holdfast.data.sources.store import StorePlace
    from holdfast.data.sources.web import WebPlace

    scheme = scheme_of(uri)
    if not uri.strip():
        # A path of no letters is the working directory, with all that lies below it.
        raise InputError("`uri` must name a place. Found: nothing. Pass a path or an address.")
    if scheme in OBJECT_STORES:
        return StorePlace(uri)
    if scheme in WEB:
        return WebPlace(uri)
    if scheme in ("", "file"):
        return LocalPlace(uri)
    raise InputError(
        f"`uri` must be a local path, file://, http(s)://, s3://, minio:// or postgresql://. "
        f"Found: {shown(uri)!r}. Copy the table to one of these first."
    )


def is_database(uri: str) -> bool:
    """Tell whether a URI names a PostgreSQL database."""
    return scheme_of(uri) in DATABASES


def list_parts(place: Place, limit: int, hidden: bool = False) -> list[Part]:
    """List a place's objects; of a table of ours, those that its manifest names.

    Raises:
        InputError: There is none, or they are larger than `limit` bytes.
    """
    try:
        parts = place.parts(hidden=True)
    except AbsentError as error:
        raise InputError(str(error)) from error
    if not hidden and not place.single:
        parts = _of_manifest(place, parts) or [p for p in parts if not is_hidden(p.name)]
    if not parts:
        raise InputError(
            f"`uri` must lead to at least one object. Found: none at {shown(place.uri)} (names "
            f"that begin with _ or . do not count). Check the prefix or the pattern."
        )
    if sum(part.bytes for part in parts) > limit:
        raise too_large(shown(place.uri), limit)
    return parts


def _of_manifest(place: Place, parts: Sequence[Part]) -> list[Part]:
    """Return the parts of a table of ours in order: others may be half written or left over."""
    by_name = {part.name: part for part in parts}
    if MANIFEST not in by_name:
        return []
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
        file = place.fetch(by_name[MANIFEST], Path(folder) / "manifest", MAX_MANIFEST_BYTES)
        try:
            document = read_json(file.read_text(encoding="utf-8"))
            names = [str(part["file"]) for part in document["parts"]]
        except (ValueError, KeyError, TypeError):
            return []
    if missing := sorted(set(names) - set(by_name)):
        raise InputError(
            f"`uri` must be a whole table. Found: {missing[:3]} missing, which its {MANIFEST} "
            f"names. Run it again, or export the table again."
        )
    return [by_name[name] for name in names]


@contextmanager
def fetched(uri: str, limit: int = MAX_BYTES, hidden: bool = False) -> Iterator[Source]:
    """Yield the objects behind a URI as local files; downloads are deleted when the block ends."""
    place = place_of(uri)
    parts = list_parts(place, limit, hidden)
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
        # Numbers, not names: what an object is called must not choose where it is written.
        files = [
            place.fetch(part, Path(folder) / f"{index:06d}", limit)
            for index, part in enumerate(parts)
        ]
        yield Source(place, parts, files)


def write_all(chunks: Iterable[bytes], target: Path, limit: int, name: str) -> int:
    """Write chunks to a file and return how many bytes that were."""
    size = 0
    with target.open("wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise too_large(name, limit)
            try:
                file.write(chunk)
            except OSError as error:
                raise MachineError(
                    f"This machine must hold what is read, in {target.parent}. Found: "
                    f"{error.strerror}. Give it more disk, or set TMPDIR."
                ) from error
    return size


def too_large(name: str, limit: int) -> InputError:
    """Return the error for a source beyond the limit."""
    return InputError(
        f"`uri` must hold at most `max_bytes` = {limit} bytes, decompressed. Found: more, in "
        f"{name}. Raise max_bytes if that much is expected."
    )


def changed(name: str) -> InputError:
    """Return the error for an object that was written while it was read."""
    return InputError(
        f"`uri` must stay as it is while it is read. Found: {name} changed meanwhile. Run it again "
        f"when nothing writes there."
    )


def is_hidden(name: str) -> bool:
    """Tell markers (_SUCCESS, .crc) and what lies in hidden folders."""
    return any(piece.startswith(("_", ".")) for piece in name.split("/"))


def has_pattern(text: str) -> bool:
    """Tell whether a path or key is a glob."""
    return any(character in text for character in "*?")


def pattern(glob: str) -> re.Pattern[str]:
    """Return a glob as an expression: ** crosses folders, * and ? do not."""
    pieces = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    split = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    return re.compile("".join(pieces.get(piece, re.escape(piece)) for piece in split), re.DOTALL)


def host_of(uri: str) -> str:
    """Return host and port of a URI, for messages."""
    return urlsplit(uri).netloc.rpartition("@")[2]
