"""Tell what a source holds now, without reading more than is needed for that."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from holdfast.data.sources.places import Source, is_database, list_parts, place_of
from holdfast.data.sources.postgresql import Digest, selected
from holdfast.errors import InputError, shown


@dataclass(frozen=True)
class Resolved:
    """A source at one moment."""

    fingerprint: str
    objects: int
    bytes: int


def resolve(uri: str, query: str = "") -> Resolved:
    """Return the fingerprint and the size of what lies behind `uri`.

    Raises:
        InputError: There is nothing, or it cannot be reached.
    """
    if is_database(uri):
        return _of_query(uri, query)
    if query:
        raise InputError(
            f"`query` must go with a postgresql:// `uri`. Found: one with {shown(uri)!r}. Leave it "
            f"out."
        )
    place = place_of(uri)
    parts = list_parts(place, sys.maxsize)
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
        files = [
            # Only where no version is known must the content tell.
            Path() if part.version else place.fetch(part, Path(folder) / str(index), sys.maxsize)
            for index, part in enumerate(parts)
        ]
        source = Source(place, parts, files)
        fingerprint = source.fingerprint()
        source.check()
    return Resolved(fingerprint, len(parts), sum(part.bytes for part in parts))


def _of_query(uri: str, query: str) -> Resolved:
    with selected(uri, query) as reader:
        digest = Digest(reader.schema)
        for batch in reader:
            digest.update(batch)
    return Resolved(digest.hexdigest(), 1, digest.bytes)
