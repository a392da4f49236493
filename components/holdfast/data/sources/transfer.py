"""Transfers over HTTP: one pool of connections, and whole transfers tried again."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import urllib3

Result = TypeVar("Result")
ATTEMPTS = 4
CHUNK = 2**20


class BrokenTransferError(Exception):
    """The other side failed in a way that may pass."""


def again(transfer: Callable[[], Result]) -> Result:
    """Call a transfer until it succeeds: four times, with growing pauses; the last error stands."""
    import tenacity
    from urllib3.exceptions import HTTPError

    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential(multiplier=0.2, max=5),
        retry=tenacity.retry_if_exception_type((HTTPError, OSError, BrokenTransferError)),
        reraise=True,
    )
    return retrying(transfer)


def pool() -> "urllib3.PoolManager":
    """Return connections that give up soon: `again` is what tries again."""
    import certifi
    import urllib3

    # minio's own default waits five minutes for a host that is not there.
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=5, read=60),
        retries=urllib3.Retry(total=None, connect=0, read=0, status=0, other=0, redirect=5),
        cert_reqs="CERT_REQUIRED",
        ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
    )
