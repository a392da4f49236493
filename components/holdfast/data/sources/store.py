"""Objects in S3-compatible stores."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from holdfast.data.sources.places import (
    AbsentError,
    Part,
    changed,
    has_pattern,
    is_hidden,
    pattern,
    write_all,
)
from holdfast.data.sources.transfer import CHUNK, BrokenTransferError, again, pool
from holdfast.errors import InputError, MachineError, unanswered, without_password

if TYPE_CHECKING:
    from minio import Minio

TRANSIENT = ("InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout")


def endpoint() -> str:
    """Return the address of the store, empty for AWS."""
    return os.environ.get("HOLDFAST_S3_ENDPOINT") or os.environ.get("AWS_ENDPOINT_URL") or ""


class StorePlace:
    """An object, the objects below a prefix (KEY/), or those whose keys a glob matches."""

    def __init__(self, uri: str) -> None:
        # Keys are no URLs: they may hold ? and #.
        self.bucket, _, self.key = uri.partition("://")[2].partition("/")
        if not self.bucket or not self.key:
            raise InputError(
                f"`uri` must be s3://BUCKET/KEY. Found: {uri!r}. Add the missing part."
            )
        self.uri = uri
        self._client: Minio | None = None

    @property
    def single(self) -> bool:
        """Whether it is one object by its own key."""
        return not self.key.endswith("/") and not has_pattern(self.key)

    def parts(self, hidden: bool = False) -> list[Part]:
        """List the objects."""
        if self.key.endswith("/"):
            return self.below(self.key, hidden)
        if has_pattern(self.key):
            return self._object() or self._matches(hidden)
        return [self.call(self._stat)]

    def _object(self) -> list[Part]:
        """Return the object of this very key, which may hold * or ?."""
        try:
            return [self.call(self._stat)]
        except (AbsentError, InputError):
            return []

    def _stat(self) -> Part:
        found = self.client.stat_object(bucket_name=self.bucket, object_name=self.key)
        return _part(self.key.rpartition("/")[2], found)

    def below(self, prefix: str, hidden: bool = True) -> list[Part]:
        """List what lies below a prefix."""

        def listed() -> list[Part]:
            found = self.client.list_objects(bucket_name=self.bucket, prefix=prefix, recursive=True)
            return [
                _part(str(item.object_name)[len(prefix) :], item)
                for item in found
                if not str(item.object_name).endswith("/")
            ]

        parts = sorted(self.call(listed), key=lambda part: part.name)
        return [part for part in parts if hidden or not is_hidden(part.name)]

    def _base(self) -> str:
        """Return what all keys begin with and names are relative to."""
        fixed = self.key
        while has_pattern(fixed):
            fixed = fixed.rpartition("/")[0]
        return f"{fixed}/" if fixed and fixed != self.key else fixed

    def _matches(self, hidden: bool) -> list[Part]:
        base = self._base()
        wanted = pattern(self.key[len(base) :])
        return [part for part in self.below(base, hidden) if wanted.fullmatch(part.name)]

    def fetch(self, part: Part, target: Path, limit: int) -> Path:
        """Download the version that was listed, and no other."""

        def download() -> Path:
            answer = self.client.get_object(
                bucket_name=self.bucket,
                object_name=part.stamp,
                request_headers={"If-Match": f'"{part.version}"'} if part.version else None,
            )
            try:
                size = write_all(answer.stream(CHUNK), target, limit, repr(part.name))
                found = str(answer.headers.get("ETag", "")).strip('"')
            finally:
                answer.close()
                answer.release_conn()
            if (found or part.version) != part.version or size != part.bytes:
                raise changed(repr(part.name))
            return target

        return self.call(download, part.stamp)

    def check(self, part: Part) -> None:
        """A download no longer changes."""

    @property
    def client(self) -> "Minio":
        """The store's client, made when it is first needed."""
        if self._client is None:
            self._client = _client(endpoint())
        return self._client

    def call(self, transfer: Any, key: str = "") -> Any:
        """Call the store, again if it fails in passing, and explain what cannot be mended.

        Raises:
            AbsentError: There is no such object.
            InputError: The store refuses, or the name is none.
            MachineError: It does not answer whole.
        """
        from minio.error import MinioException, S3Error
        from urllib3.exceptions import HTTPError

        where = without_password(endpoint()) or "AWS"
        try:
            return again(lambda: _transient(transfer))
        except S3Error as error:
            if error.code == "PreconditionFailed" or (key and error.code == "NoSuchKey"):
                raise changed(repr(key)) from error
            kind = AbsentError if error.code == "NoSuchKey" else InputError
            raise kind(
                f"`uri` {self.uri} must be an object that the store at {where} lets you reach. "
                f"Found: {error.code} ({error.message}). {_remedy(str(error.code))}"
            ) from error
        except ValueError as error:
            # The client knows what names S3 allows.
            raise InputError(
                f"`uri` {self.uri} must name a bucket and a key as S3 allows them. Found: "
                f"{error}. A bucket has 3 to 63 lower-case letters, digits, dots and hyphens."
            ) from error
        except (HTTPError, MinioException, BrokenTransferError, OSError) as error:
            what = str(error) if isinstance(error, BrokenTransferError) else unanswered(error)
            raise MachineError(
                f"`uri` {self.uri} needs the object store at {where} to answer whole. Found: "
                f"{what}. Check that it runs and that HOLDFAST_S3_ENDPOINT (http://HOST:PORT) "
                f"points to it."
            ) from error


def _transient(transfer: Any) -> Any:
    """Tell the failures of a store that may pass from those that stay."""
    from minio.error import InvalidResponseError, S3Error, ServerError

    try:
        return transfer()
    except S3Error as error:
        if error.code in TRANSIENT:
            raise BrokenTransferError(str(error.code)) from error
        raise
    except (ServerError, InvalidResponseError) as error:
        raise BrokenTransferError(type(error).__name__) from error


def _part(name: str, found: Any) -> Part:
    version = str(found.etag or "").strip('"')
    return Part(name, found.size or 0, version, stamp=str(found.object_name))


def _remedy(code: str) -> str:
    if code in ("NoSuchKey", "NoSuchBucket"):
        return "Check the bucket and the key; a prefix ends with /."
    return "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they are allowed to do."


def _client(address: str) -> "Minio":
    from minio import Minio

    parts = urlsplit(address or "https://s3.amazonaws.com")
    return Minio(
        parts.netloc,
        access_key=os.environ.get("AWS_ACCESS_KEY_ID"),
        secret_key=os.environ.get("AWS_SECRET_ACCESS_KEY"),
        session_token=os.environ.get("AWS_SESSION_TOKEN"),
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        secure=parts.scheme == "https",
        http_client=pool(),
    )
