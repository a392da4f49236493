"""A served model as its clients see it: where it is, how it is asked, and what came back."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import quote, urlsplit

from holdfast.errors import InputError

if TYPE_CHECKING:
    import httpx

Protocol = Literal["v1", "v2"]
TOKEN = "HOLDFAST_ENDPOINT_TOKEN"  # noqa: S105  # the variable's name
# An answer to a few rows is small: what is longer is something else.
MAX_ANSWER_BYTES = 16 * 2**20
# Of a proxy whose server is starting or busy.
COME_BACK = frozenset({429, 502, 503, 504})
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0


@dataclass(frozen=True)
class Endpoint:
    """Where a model is served.

    Attributes:
        url: http(s)://HOST[:PORT][/PREFIX], without the path of a protocol.
        model_name: The name in the path.
        host: The Host header, where an ingress tells services apart by it; the URL's if empty.
    """

    url: str
    model_name: str
    host: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no address.

        Raises:
            InputError: The URL is not one, or holds a password or a path of a protocol.
        """
        shown = self.url.rpartition("@")[2]
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
            # A port that is no number is found out when it is asked for.
            usable = usable and (parts.port or 1) > 0
        except ValueError:
            usable = False
        if not usable or parts.query or parts.fragment or " " in self.url:
            raise InputError(
                f"`url` must be http(s)://HOST[:PORT] of the endpoint. Found: {shown!r}. Take "
                f"status.url of the InferenceService."
            )
        if "@" in parts.netloc:
            raise InputError(
                f"`url` must hold no user and no password. Found: both or one of them before "
                f"{shown!r}. Set the variable {TOKEN} to send a bearer token."
            )
        if {"v1", "v2"} & set(parts.path.split("/")):
            raise InputError(
                f"`url` must end before the path of a protocol. Found: {shown!r}. Leave out /v1 or "
                f"/v2 and what follows."
            )
        if not self.model_name or any(c in self.model_name for c in "/?#:") or self.bad_host():
            raise InputError(
                f"`model_name` must be the name in the endpoint's path, and `host` a host name. "
                f"Found: {self.model_name!r} and {self.host!r}. Take the name that the server was "
                f"started with."
            )

    def bad_host(self) -> bool:
        """Tell whether the Host header would be no host."""
        return any(c.isspace() or c in "/@" for c in self.host)

    def path(self, protocol: Protocol, name: str = "") -> str:
        """Return the path that predicts."""
        model = quote(name or self.model_name, safe="")
        if protocol == "v1":
            return f"/v1/models/{model}:predict"
        return f"/v2/models/{model}/infer"

    def base(self) -> str:
        """Return the URL that paths are put after."""
        return self.url.rstrip("/")

    def headers(self) -> dict[str, str]:
        """Return the headers of each request; the bearer token comes from the environment."""
        found = {"Host": self.host} if self.host else {}
        token = os.environ.get(TOKEN, "").strip()
        return found | ({"Authorization": f"Bearer {token}"} if token else {})


def protocols(wanted: str, allowed: tuple[str, ...] = ("v1", "v2", "both")) -> tuple[Protocol, ...]:
    """Return the protocols that a word stands for.

    Raises:
        InputError: It stands for none.
    """
    if wanted not in allowed:
        raise InputError(
            f"`protocol` must be one of {list(allowed)}. Found: {wanted!r}. KServe's Python "
            f"servers speak both v1 and v2."
        )
    return tuple(p for p in get_args(Protocol) if wanted in (p, "both"))


@dataclass(frozen=True)
class Patience:
    """Seconds until a call is given up, and how often one is made again that found no server."""

    timeout: float = 10.0
    retries: int = 3

    def __post_init__(self) -> None:
        """Refuse what has no end.

        Raises:
            InputError: A number is out of its range.
        """
        if not 0 < self.timeout <= 600:
            raise InputError(
                f"`timeout_seconds` must lie above 0 and be at most 600. Found: {self.timeout}. "
                f"The usual one is 10."
            )
        if not 0 <= self.retries <= 20:
            raise InputError(
                f"`retries` must lie between 0 and 20. Found: {self.retries}. The usual one is 3."
            )


def fallback_of(document: dict[str, Any]) -> str:
    """Return whose answer it is, where a predictor of ours marks it as a fallback's."""
    parameters = document.get("parameters")
    marked = document.get("fallback") or (
        parameters.get("fallback") if isinstance(parameters, dict) else ""
    )
    return str(marked or "")


@dataclass(frozen=True)
class Answer:
    """What came back: `status` is 0 and `fault` says why where nothing did.

    `seconds` is the time of the last attempt until its last byte.
    """

    status: int
    seconds: float
    body: bytes = b""
    fault: str = ""
    attempts: int = 1
    location: str = ""
    version: str = ""


class Caller:
    """Asks an endpoint; within `with caller_of(...)`."""

    def __init__(self, client: "httpx.Client", patience: Patience) -> None:
        self._client = client
        self._patience = patience

    def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """Ask once, and again where nobody answered or a proxy had no server to ask."""
        from tenacity import (
            Retrying,
            retry_if_result,
            stop_after_attempt,
            wait_exponential,
        )

        attempts = Retrying(
            stop=stop_after_attempt(self._patience.retries + 1),
            wait=wait_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT),
            retry=retry_if_result(lambda a: a.status == 0 or a.status in COME_BACK),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        answer = attempts(self._once, method, path, body)
        return Answer(
            answer.status, answer.seconds, answer.body, answer.fault,
            int(attempts.statistics["attempt_number"]), answer.location, answer.version,
        )  # fmt: skip

    def _once(self, method: str, path: str, body: bytes | None) -> Answer:
        import httpx

        kind = {"Content-Type": "application/json"} if body is not None else {}
        started = time.perf_counter()
        try:
            with self._client.stream(method, path, content=body, headers=kind) as response:
                content = self._read(response, started)
                seconds = time.perf_counter() - started
                return Answer(
                    response.status_code, seconds, content,
                    location=response.headers.get("location", ""),
                    version=response.headers.get("x-model-version", ""),
                )  # fmt: skip
        except httpx.TimeoutException:
            fault = f"no answer within {self._patience.timeout:g} s"
        except httpx.HTTPError as error:
            lines = str(error).strip().splitlines()
            fault = f"{type(error).__name__}: {lines[0] if lines else 'the connection broke'}"
        return Answer(0, time.perf_counter() - started, fault=fault)

    def _read(self, response: "httpx.Response", started: float) -> bytes:
        import httpx

        content = b""
        for piece in response.iter_bytes():
            content += piece
            # httpx's own limit is per piece: a server that drips would never reach it.
            if time.perf_counter() - started > self._patience.timeout:
                raise httpx.ReadTimeout("the answer took too long")
            if len(content) > MAX_ANSWER_BYTES:
                raise httpx.ReadError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        return content


@contextmanager
def caller_of(endpoint: Endpoint, patience: Patience) -> Iterator[Caller]:
    """Yield what asks the endpoint, and close its connections."""
    import httpx

    # KFP shows what libraries log; a line for each request would bury what a step says.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # No redirects: what sends a client to a login page does not serve the model.
    with httpx.Client(
        base_url=endpoint.base(), headers=endpoint.headers(), timeout=patience.timeout
    ) as client:
        yield Caller(client, patience)
