"""One object behind an http or https address."""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from holdfast.data.sources.places import (
    AbsentError,
    Part,
    changed,
    has_pattern,
    host_of,
    write_all,
)
from holdfast.data.sources.transfer import CHUNK, BrokenTransferError, again, pool
from holdfast.errors import InputError, MachineError, first_line, shown, unanswered

if TYPE_CHECKING:
    import urllib3

# Compressed bytes are kept as they are: what the object is, its first bytes tell.
HEADERS = {"Accept-Encoding": "identity", "User-Agent": "holdfast"}
TOO_MANY_REQUESTS = 429


class WebPlace:
    """What a server answers to GET."""

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        if not parts.hostname or "@" in parts.netloc:
            raise InputError(
                f"`uri` must be http(s)://HOST/PATH without a user. Found: {shown(uri)!r}. Correct "
                f"it, or put the object into a store that takes credentials from AWS_* variables."
            )
        if has_pattern(parts.path) or parts.path.endswith("/"):
            raise InputError(
                f"`uri` must name one object: http lists no folders. Found: {shown(uri)!r}. Name "
                f"the object, or use s3://."
            )
        self.uri = uri
        self._name = unquote(parts.path.rpartition("/")[2])
        self._pool: urllib3.PoolManager = pool()
        self.single = True

    def parts(self, hidden: bool = False) -> list[Part]:  # noqa: ARG002  # it was asked for by name
        """Ask the server for the object's version and size, without reading it."""
        return [self._asked(self._listed)]

    def fetch(self, part: Part, target: Path, limit: int) -> Path:
        """Download the object; one that is another version by now is refused."""

        def download() -> Path:
            answer = self._get()
            try:
                if _version(answer.headers) != part.version:
                    raise changed(shown(self.uri))
                chunks = answer.stream(CHUNK, decode_content=False)
                size = write_all(chunks, target, limit, shown(self.uri))
            finally:
                answer.close()
            if part.bytes and size != part.bytes:
                raise changed(shown(self.uri))
            return target

        return self._asked(download)

    def check(self, part: Part) -> None:
        """A download no longer changes."""

    def _listed(self) -> Part:
        answer = self._get()
        try:
            size = int(answer.headers.get("Content-Length") or 0)
            return Part(self._name, size, _version(answer.headers))
        finally:
            answer.close()

    def _get(self) -> Any:
        answer = self._pool.request("GET", self.uri, headers=HEADERS, preload_content=False)
        if answer.status >= 500 or answer.status == TOO_MANY_REQUESTS:
            answer.close()
            raise BrokenTransferError(f"status {answer.status}")
        if answer.status != 200:
            answer.close()
            kind = AbsentError if answer.status in (404, 410) else InputError
            raise kind(
                f"`uri` {shown(self.uri)} must be an object that the server lets you read. Found: "
                f"status {answer.status}. Check the address, and that it needs no login."
            )
        return answer

    def _asked(self, transfer: Any) -> Any:
        from urllib3.exceptions import HTTPError, LocationValueError

        try:
            return again(transfer)
        except LocationValueError as error:
            raise InputError(
                f"`uri` {shown(self.uri)} must be an address as http has them. Found: "
                f"{first_line(error).rstrip('.')}. Correct it."
            ) from error
        except (HTTPError, OSError, ValueError, BrokenTransferError) as error:
            what = str(error) if isinstance(error, BrokenTransferError) else unanswered(error)
            raise MachineError(
                f"`uri` {shown(self.uri)} needs the server {host_of(self.uri)} to send the whole "
                f"object. Found: {what}, each time it was tried. Check that it runs, then try "
                f"again."
            ) from error


def _version(headers: Any) -> str:
    """Return what changes with the content, empty if the server says nothing."""
    return str(headers.get("ETag") or headers.get("Last-Modified") or "")
