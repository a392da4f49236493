"""Kubeflow Pipelines' API (v2beta1): calls that are tried again, and errors that say what to do."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from holdfast.errors import InputError, MachineError, unanswered
from holdfast.reading import read_json

if TYPE_CHECKING:
    from kfp_server_api import ApiClient, Configuration
    from tenacity import RetryCallState

# The API server's service, as KFP's manifests name it.
IN_CLUSTER = "http://ml-pipeline.kubeflow:8888"
# Where KFP's manifests mount a service account's token, and KFP's own variable for another place.
TOKEN_FILE = "/var/run/secrets/kubeflow/pipelines/token"  # noqa: S105
TOKEN_FILE_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"  # noqa: S105
# KFP gives no longer pages.
PAGE = 200
LONGEST_WAIT = 30.0
SHOWN_LETTERS = 300
TRANSIENT = {408, 429, 500, 502, 503, 504}


class TransientError(MachineError):
    """An error that may pass: whether the call was carried out is not known."""


class NotFoundError(InputError):
    """What was asked for is not there."""


@dataclass(frozen=True)
class Patience:
    """How often a call is tried, and for how long; all times in seconds.

    Attributes:
        attempts: Tries of a call.
        timeout: For each try.
        wait: Before the second try; it doubles each time.
        settle: After which two that made the same thing at once see each other's.
        poll: Between two looks at a run that is waited for.
    """

    attempts: int = 4
    timeout: int = 30
    wait: float = 1.0
    settle: float = 2.0
    poll: float = 5.0


@dataclass(frozen=True)
class Access:
    """Where the API is, and which variables hold the token, and a session's cookie."""

    endpoint: str
    token_env: str = "KFP_TOKEN"  # noqa: S105
    namespace: str = ""
    patience: Patience = Patience()
    cookie_env: str = ""

    def client(self) -> "ApiClient":
        """Return KFP's client.

        Raises:
            InputError: The endpoint cannot be used.
        """
        from kfp_server_api import ApiClient, Configuration

        configuration = Configuration(host=_checked(self.endpoint))
        # Tried again here, and redirected never: a login page is no API.
        configuration.retries = False
        configuration.ssl_ca_cert = os.environ.get("SSL_CERT_FILE") or None
        token = self.token()
        configuration.api_key = {"authorization": token} if token else {}
        configuration.api_key_prefix = {"authorization": "Bearer"}
        # A mounted token is replaced every hour.
        configuration.refresh_api_key_hook = self._refresh
        return ApiClient(configuration, cookie=self.cookie() or None)

    def token(self) -> str:
        """Return the token of the variable, or else of the mounted file; empty for none.

        Raises:
            InputError: It is none that a header can hold.
        """
        token = os.environ.get(self.token_env, "").strip() if self.token_env else ""
        file = Path(os.environ.get(TOKEN_FILE_VARIABLE) or TOKEN_FILE)
        if not token and file.is_file():
            token = file.read_text(encoding="utf-8").strip()
        if not re.fullmatch(r"[\x21-\x7e]*", token):
            raise InputError(
                f"{self.token_env or file.name} must hold a token. Found: blanks or other "
                f"characters that no token has. Write the token alone into it."
            )
        return token

    def cookie(self) -> str:
        """Return the cookie of a session with Dex or oauth2-proxy; empty for none.

        Raises:
            InputError: It is none that a header can hold.
        """
        cookie = os.environ.get(self.cookie_env, "").strip() if self.cookie_env else ""
        if cookie and not re.fullmatch(r"[\x21-\x7e]+=[\x20-\x7e]+", cookie):
            raise InputError(
                f"{self.cookie_env} must hold a cookie as NAME=VALUE. Found: something else. Copy "
                f"it from a browser that is logged in; its name is authservice_session or begins "
                f"with oauth2_proxy."
            )
        return cookie

    def _refresh(self, configuration: "Configuration") -> None:
        token = self.token()
        if token:
            configuration.api_key["authorization"] = token

    def call(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a method of KFP's client that may be called twice, and try again what may pass.

        Raises:
            InputError: It was refused.
            MachineError: It did not answer, or could not do it.
        """
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

        retrying = Retrying(
            stop=stop_after_attempt(self.patience.attempts),
            wait=self.wait,
            retry=retry_if_exception_type(TransientError),
            reraise=True,
        )
        return retrying(self.once, method, *arguments, **named)

    def once(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a method of KFP's client once.

        Raises:
            TransientError: It did not answer, or could not do it now.
            InputError: It was refused.
        """
        from kfp_server_api import ApiException
        from urllib3.exceptions import HTTPError

        try:
            answer = method(*arguments, _request_timeout=self.patience.timeout, **named)
        except ApiException as error:
            raise self._refused(error) from None
        except AttributeError as error:
            # The client stumbles over an error without a body, such as one of TLS.
            if not isinstance(error.__context__, ApiException):
                raise
            raise self._refused(error.__context__) from None
        except HTTPError as error:
            raise TransientError(
                f"KFP at {self.endpoint} must answer within {self.patience.timeout} s. Found: "
                f"{unanswered(error)}. Check that it runs and that `endpoint` is its address."
            ) from None
        self._check_that_it_is_kfp(method)
        return answer

    def _check_that_it_is_kfp(self, method: Callable[..., Any]) -> None:
        """Refuse a page, which the client would take for an answer with nothing in it."""
        last = method.__self__.api_client.last_response  # type: ignore[attr-defined]
        if "html" in (last.getheader("content-type") or ""):
            raise InputError(
                f"KFP at {self.endpoint} must answer in JSON. Found: a web page. Name the address "
                f"to which /apis/v2beta1 is added; behind a login, set {self._credentials()}."
            )

    def _credentials(self) -> str:
        """Return the variables that can hold credentials, for messages."""
        named = (self.token_env or "`token_env`", self.cookie_env)
        return " or ".join(name for name in named if name)

    def pages(self, method: Callable[..., Any], items: str, **named: Any) -> Iterator[Any]:
        """Yield the items of all pages of a list."""
        token = None
        while True:
            extra: dict[str, Any] = {"page_token": token} if token else {}
            page = self.call(method, page_size=PAGE, **named, **extra)
            yield from getattr(page, items) or []
            token = page.next_page_token
            if not token:
                return

    def wait(self, state: "RetryCallState") -> float:
        """Return the seconds to wait before the next try."""
        return min(LONGEST_WAIT, self.patience.wait * 2 ** (state.attempt_number - 1))

    def _refused(self, error: Any) -> InputError | TransientError:
        status, said = int(error.status or 0), _said(error)
        session = self.cookie()
        for secret in (self.token(), session, *re.findall(r"=([^;]+)", session)):
            said = said.replace(secret, "***") if secret else said
        said = said[:SHOWN_LETTERS].rstrip(".")
        where = f"KFP at {self.endpoint}"
        if status in TRANSIENT:
            return TransientError(f"{where} must do it. Found: HTTP {status}: {said}. Try later.")
        remedies = {
            0: "Name a file with the certificates to trust in SSL_CERT_FILE",
            401: f"Set {self._credentials()} to one that is valid, or mount the service account's "
            f"token",
            403: f"Give who calls, such as the step's service account, a role in namespace "
            f"{self.namespace or '(none)'}, or name another `namespace`",
            404: "Check `endpoint`, `pipeline` and `namespace`",
            409: "Somebody else made the same thing at the same moment: run it again",
        }
        remedy = remedies.get(status, "Correct what it names")
        if 300 <= status < 400:
            remedy = (
                f"That is a login page: set {self._credentials()} to one that is valid, or name "
                f"the API's own address"
            )
        kind = NotFoundError if status == 404 else InputError
        return kind(f"{where} must accept the call. Found: HTTP {status}: {said}. {remedy}.")


def access(endpoint: str, token_env: str, namespace: str) -> Access:
    """Return how KFP is reached; an empty endpoint is that of KFP_ENDPOINT or of the cluster."""
    return Access(
        endpoint or os.environ.get("KFP_ENDPOINT", "") or IN_CLUSTER, token_env, namespace
    )


def _checked(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        open_secret = bool(parts.username or parts.password or parts.query)
    except ValueError:
        usable, open_secret = False, False
    if not usable or open_secret:
        found = "one with a password" if open_secret else repr(endpoint[:80])
        raise InputError(
            f"`endpoint` must be an address with http:// or https:// and no password. Found: "
            f"{found}. In a cluster it is usually {IN_CLUSTER}; a token comes from `token_env`."
        )
    return endpoint.rstrip("/")


def _said(error: Any) -> str:
    """Return what the server said, in a line."""
    body = error.body.decode("utf-8", "replace") if isinstance(error.body, bytes) else error.body
    try:
        document = read_json(body or "")
        # Uploads tell their errors in another shape than other calls.
        words = ("message", "error_message", "error")
        text = next((str(document[word]) for word in words if document.get(word)), "")
    except (ValueError, AttributeError):
        # A page of a proxy, or nothing.
        text = "" if body and "<" in body else str(body or "")
    return " ".join((text or str(error.reason or "")).split())
