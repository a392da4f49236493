"""Where results go: a local folder or a prefix of a store, each file whole or not at all."""

import os
import re
import shutil
from pathlib import Path
from typing import Protocol

from holdfast.data.sources.local import path_of
from holdfast.data.sources.places import OBJECT_STORES, scheme_of, sha256
from holdfast.data.sources.store import StorePlace
from holdfast.errors import InputError, shown

CONTENT = "holdfast-content"


class Target(Protocol):
    """A folder to write into."""

    def sizes(self) -> dict[str, int]:
        """Return what is there already, by relative name."""

    def read(self, name: str) -> bytes:
        """Return a small file, empty if it is not there."""

    def holds(self, name: str, file: Path, content: str) -> bool:
        """Tell whether a file is there already, by what it holds."""

    def put(self, name: str, file: Path, content: str = "") -> None:
        """Write a file: readers see the old one or the new one."""

    def delete(self, name: str) -> None:
        """Remove a file."""


def target_of(uri: str) -> tuple[Target, str]:
    """Return the folder of a URI, and the name in it; the name is empty if the URI ends with /.

    Raises:
        InputError: Nothing can be written there.
    """
    scheme = scheme_of(uri)
    if not uri or scheme not in ("", "file", *OBJECT_STORES):
        raise InputError(
            f"`uri` must be a local path, file://, s3:// or minio:// to write to. Found: "
            f"{shown(uri)!r}. Choose one of these."
        )
    if scheme in OBJECT_STORES:
        place = StorePlace(uri)
        # As in a path: a folder named with or without its slash is the same, and MinIO has no //.
        folder, _, name = re.sub("/+", "/", place.key).lstrip("/").rpartition("/")
        return StoreTarget(place, f"{folder}/" if folder else ""), name
    path = path_of(uri)
    if path.endswith("/") or Path(path).is_dir():
        return LocalTarget(Path(path)), ""
    return LocalTarget(Path(path).parent), Path(path).name


class LocalTarget:
    """A folder of this machine; it is made when the first file is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sizes(self) -> dict[str, int]:
        """Return what is there already."""
        files = [p for p in self._folder.rglob("*") if p.is_file()]
        return {str(p.relative_to(self._folder)): p.stat().st_size for p in files}

    def read(self, name: str) -> bytes:
        """Return a small file."""
        file = self._folder / name
        return file.read_bytes() if file.is_file() else b""

    def holds(self, name: str, file: Path, content: str) -> bool:  # noqa: ARG002  # bytes tell
        """Compare the bytes."""
        there = self._folder / name
        return there.is_file() and sha256(there) == sha256(file)

    def put(self, name: str, file: Path, content: str = "") -> None:  # noqa: ARG002
        """Copy beside the place, then rename."""
        place = self._folder / name
        unfinished = place.with_name(f".{place.name}.{os.getpid()}.unfinished")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, unfinished)
            unfinished.replace(place)
        except OSError as error:
            raise InputError(
                f"`uri` must be a place to write to. Found: {error.strerror} ({name!r}). Check the "
                f"path, its rights and the disk."
            ) from error
        finally:
            unfinished.unlink(missing_ok=True)

    def delete(self, name: str) -> None:
        """Remove a file."""
        (self._folder / name).unlink(missing_ok=True)


class StoreTarget:
    """The keys below a prefix; a store shows an object when all of it has arrived."""

    def __init__(self, place: StorePlace, prefix: str) -> None:
        self._place = place
        self._prefix = prefix

    def sizes(self) -> dict[str, int]:
        """Return what is there already."""
        return {part.name: part.bytes for part in self._place.below(self._prefix)}

    def read(self, name: str) -> bytes:
        """Return a small object."""
        if name not in self.sizes():
            return b""

        def content() -> bytes:
            answer = self._place.client.get_object(
                bucket_name=self._place.bucket, object_name=self._prefix + name
            )
            try:
                return bytes(answer.read())
            finally:
                answer.close()
                answer.release_conn()

        return bytes(self._place.call(content))

    def holds(self, name: str, file: Path, content: str) -> bool:  # noqa: ARG002  # a note tells
        """Compare the note that `put` left with the object."""
        if name not in self.sizes():
            return False
        found = self._place.call(
            lambda: self._place.client.stat_object(
                bucket_name=self._place.bucket, object_name=self._prefix + name
            )
        )
        notes = {str(k).lower(): str(v) for k, v in (found.metadata or {}).items()}
        return bool(content) and notes.get(f"x-amz-meta-{CONTENT}") == content

    def put(self, name: str, file: Path, content: str = "") -> None:
        """Upload; in parts if it is large, and none of it is seen until all are there."""
        self._place.call(
            lambda: self._place.client.fput_object(
                bucket_name=self._place.bucket,
                object_name=self._prefix + name,
                file_path=str(file),
                metadata={CONTENT: content} if content else None,
            )
        )

    def delete(self, name: str) -> None:
        """Remove an object."""
        self._place.call(
            lambda: self._place.client.remove_object(
                bucket_name=self._place.bucket, object_name=self._prefix + name
            )
        )
