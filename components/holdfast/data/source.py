"""Where tables come from: local files and S3-compatible object stores."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from holdfast.errors import InputError, without_password

if TYPE_CHECKING:
    from minio import Minio

OBJECT_STORES = ("s3", "minio")


@contextmanager
def local_copy(uri: str) -> Iterator[Path]:
    """Yield a local path to the object behind `uri`; a download is deleted when the block ends.

    Args:
        uri: A local path, `file://PATH`, `s3://BUCKET/KEY` or `minio://BUCKET/KEY`. The endpoint
            of the store is read from `HOLDFAST_S3_ENDPOINT` or `AWS_ENDPOINT_URL`, the credentials
            from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.

    Raises:
        InputError: There is no such object, or the store refused or did not answer.
    """
    parts = urlsplit(uri)
    if parts.scheme in OBJECT_STORES:
        # Keys are no URLs: they may hold ? and #.
        bucket, _, key = uri.partition("://")[2].partition("/")
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "object"
            _download(uri, bucket, key, target)
            yield target
    elif parts.scheme in ("", "file"):
        yield _local_file(uri, unquote(parts.path) if parts.scheme else uri)
    else:
        raise InputError(
            f"`uri` must be a local path, file://, s3:// or minio://. Found: {uri!r}. Copy the "
            f"table to one of these first."
        )


def _local_file(uri: str, path: str) -> Path:
    file = Path(path)
    if not file.is_file():
        found = "a directory" if file.is_dir() else "no file there"
        raise InputError(
            f"`uri` must be a CSV or Parquet file. Found: {found} ({uri!r}). Check the path; "
            f"relative paths start at {Path.cwd()}."
        )
    return file


def _download(uri: str, bucket: str, key: str, target: Path) -> None:
    from minio.error import MinioException, S3Error
    from urllib3.exceptions import HTTPError

    endpoint = os.environ.get("HOLDFAST_S3_ENDPOINT") or os.environ.get("AWS_ENDPOINT_URL") or ""
    shown = without_password(endpoint) or "AWS"
    if not bucket or not key:
        raise InputError(f"`uri` must be s3://BUCKET/KEY. Found: {uri!r}. Add the missing part.")
    try:
        _client(endpoint).fget_object(bucket, key, str(target))
    except S3Error as error:
        raise InputError(
            f"`uri` {uri} must be an object that the store at {shown} lets you read. "
            f"Found: {error.code} ({error.message}). {_remedy(str(error.code))}"
        ) from error
    except (HTTPError, MinioException, ValueError, OSError) as error:
        raise InputError(
            f"`uri` {uri} needs the object store at {shown} to answer. Found: "
            f"{type(error).__name__}. Check that it runs and that HOLDFAST_S3_ENDPOINT "
            f"(http://HOST:PORT) points to it."
        ) from error


def _remedy(code: str) -> str:
    if code in ("NoSuchKey", "NoSuchBucket"):
        return "Check the bucket and the key."
    return "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that they may read the object."


def _client(endpoint: str) -> "Minio":
    import certifi
    import urllib3
    from minio import Minio

    parts = urlsplit(endpoint or "https://s3.amazonaws.com")
    # minio's own default waits five minutes for a host that is not there.
    http = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=5, read=60),
        retries=urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
        cert_reqs="CERT_REQUIRED",
        ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
    )
    return Minio(
        parts.netloc,
        access_key=os.environ.get("AWS_ACCESS_KEY_ID"),
        secret_key=os.environ.get("AWS_SECRET_ACCESS_KEY"),
        session_token=os.environ.get("AWS_SESSION_TOKEN"),
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        secure=parts.scheme == "https",
        http_client=http,
    )
