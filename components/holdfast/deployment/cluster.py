"""Reach a Kubernetes API server: its address, tries, and errors that say what to do."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from holdfast.errors import InputError, MachineError, first_line, unanswered, without_password
from holdfast.reading import read_json

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, ApiException, CustomObjectsApi
    from tenacity import RetryCallState

Answer = TypeVar("Answer")

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
SHOWN_LETTERS = 500
# Seconds to connect, and to answer.
TIMEOUT = (5, 30)
# What a server that is starting, busy or behind a broken proxy answers.
TRANSIENT = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Call:
    """What is asked of the API server: for its errors."""

    verb: str
    resource: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Tries:
    """How often a call is tried, and the seconds before the second try; these double each time."""

    number: int = 6
    pause: float = 1.0


@dataclass(frozen=True)
class Cluster:
    """A way to an API server, and the namespace that is meant where none is named."""

    client: "ApiClient"
    namespace: str
    tries: Tries = Tries()

    def objects(self) -> "CustomObjectsApi":
        """Return the API of what other projects define, such as KServe."""
        from kubernetes.client import CustomObjectsApi

        return CustomObjectsApi(self.client)

    def ask(self, call: Call, request: Callable[[], Answer]) -> Answer:
        """Return the answer to a request that may be repeated without harm.

        Raises:
            NotFoundError: There is no such object.
            InputError: The API server refuses what is asked: a conflict, or a value it can't take.
            MachineError: The API server does not answer, or does not allow it.
        """
        from kubernetes.client import ApiException
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential
        from urllib3.exceptions import HTTPError

        again = Retrying(
            retry=retry_if_exception(_is_transient),
            stop=stop_after_attempt(self.tries.number),
            wait=wait_exponential(self.tries.pause, max=10),
            before_sleep=_tell,
            reraise=True,
        )
        try:
            return again(request)
        except ApiException as error:
            raise explained(error, call) from error
        except (HTTPError, OSError) as error:
            raise MachineError(
                f"The Kubernetes API server at {self.host} must answer. Found: "
                f"{unanswered(error)}, {self.tries.number} times in a row. Check the address in "
                f"KUBECONFIG, the network policies of namespace {call.namespace!r}, and that the "
                f"server runs."
            ) from error

    @property
    def host(self) -> str:
        """Return the API server's address, without a password."""
        return without_password(self.client.configuration.host)


class NotFoundError(Exception):
    """The API server knows no such object."""


class ConflictError(InputError):
    """Others manage fields that were to be set: `managers` are their names."""

    managers: frozenset[str] = frozenset()


def connect(namespace: str = "", tries: Tries = Tries()) -> Cluster:
    """Return the cluster that KUBECONFIG names, else the one that this step runs in.

    Args:
        namespace: Where to work; empty for that of the context, or of the pod.
        tries: How often a call is tried.

    Raises:
        MachineError: No cluster is configured, or the configuration can't be read.
    """
    from kubernetes import config
    from kubernetes.client import ApiClient, Configuration

    settings = Configuration()
    # This module tries again; urllib3 would do so unseen.
    settings.retries = 0
    # The client itself reads the variable when it is imported, and never again.
    file = os.environ.get("KUBECONFIG") or None
    try:
        if file or not os.environ.get("KUBERNETES_SERVICE_HOST"):
            config.load_kube_config(file, client_configuration=settings)
            _, context = config.list_kube_config_contexts(file)
            found = (context or {}).get("context", {}).get("namespace") or "default"
        else:
            config.load_incluster_config(client_configuration=settings)
            found = NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    except (config.ConfigException, OSError) as error:
        where = f"{file}: " if file else ""
        raise MachineError(
            f"A cluster must be configured: a pod's service account, or a file that KUBECONFIG "
            f"names. Found: {where}{first_line(error)[:SHOWN_LETTERS].rstrip('.')}. Run this step "
            f"in the cluster with automountServiceAccountToken on, or set KUBECONFIG."
        ) from error
    return Cluster(ApiClient(settings), namespace or found, tries)


def explained(error: "ApiException", call: Call) -> Exception:
    """Return an error for the user in the place of the API server's."""
    said = _said(error)
    explain = {
        401: _unauthorized,
        403: _forbidden,
        404: _missing,
        409: _conflict,
        422: _invalid,
    }.get(error.status, _other)
    return explain(said, call)


def _unauthorized(said: dict[str, Any], _: Call) -> Exception:
    return MachineError(
        f"The Kubernetes API server must know who asks. Found: 401 {_message(said)}. The token has "
        f"expired or belongs to another cluster: check the pod's service account, or log in again "
        f"and set KUBECONFIG."
    )


def _forbidden(said: dict[str, Any], call: Call) -> Exception:
    # What is allowed may still be refused by a webhook, a policy or a quota: these answer 403, too.
    if not re.search(r"\bcannot \w+ resource\b", str(said["message"])):
        return _other(said, call)
    return MachineError(
        f"This step must be allowed to {call.verb} {call.resource} in namespace "
        f"{call.namespace!r}. Found: 403 {_message(said)}. Bind the service account of the step to "
        f"a Role with apiGroups [serving.kserve.io], resources [inferenceservices] and verbs [get, "
        f"watch, create, patch, delete]: pipelines/manifests/access.yaml holds one."
    )


def _missing(said: dict[str, Any], call: Call) -> Exception:
    # A missing object is named in the answer; a missing kind, or a missing path, is not.
    if (said.get("details") or {}).get("name"):
        return NotFoundError(_message(said))
    return MachineError(
        f"The cluster must know {call.resource}. Found: 404 {_message(said)}. KServe is not "
        f"installed there, or serves another version than v1beta1: install KServe 0.11 or later."
    )


def _conflict(said: dict[str, Any], call: Call) -> Exception:
    causes = (said.get("details") or {}).get("causes") or []
    fields = "; ".join(
        f"{cause.get('field', '')} ({cause.get('message', '')})" for cause in causes[:10]
    )
    error = ConflictError(
        f"`name` {call.name!r} in namespace {call.namespace!r} must be ours to change. Found: "
        f"{fields or _message(said)}. Somebody else manages these fields: leave them to their "
        f"owner, take another name, or pass force=True to take them over."
    )
    error.managers = frozenset(re.findall(r'conflict with "([^"]+)"', fields))
    return error


def _invalid(said: dict[str, Any], call: Call) -> Exception:
    return InputError(
        f"The API server must accept {call.resource} {call.name!r}. Found: {_message(said)}. "
        f"Correct the parameter that sets the field that it names."
    )


def _other(said: dict[str, Any], call: Call) -> Exception:
    # A webhook that refuses answers 400, 403 or 500 with its own words.
    kind = InputError if 400 <= int(said.get("code") or 0) < 500 else MachineError
    return kind(
        f"The API server must {call.verb} {call.resource} {call.name!r} in namespace "
        f"{call.namespace!r}. Found: {said.get('code')} {_message(said)}. Correct what it names; "
        f"if KServe's webhook fails, look at the logs of kserve-controller-manager."
    )


def _said(error: "ApiException") -> dict[str, Any]:
    """Return the Status document of an answer, as far as it is one."""
    try:
        document = read_json(error.body)
        found = document if isinstance(document, dict) else {}
    except (TypeError, ValueError):
        found = {}
    return {"code": error.status, "message": str(error.reason), **found}


def _message(said: dict[str, Any]) -> str:
    return " ".join(str(said["message"]).split())[:SHOWN_LETTERS].rstrip(".")


def _is_transient(error: BaseException) -> bool:
    """Tell whether an error may pass by itself."""
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    if isinstance(error, ApiException):
        return error.status in TRANSIENT or _overtaken(error)
    return isinstance(error, HTTPError | OSError)


def _overtaken(error: "ApiException") -> bool:
    """Tell whether somebody wrote the object in the same moment, which is no conflict of fields."""
    return error.status == 409 and not (_said(error).get("details") or {}).get("causes")


def _tell(state: "RetryCallState") -> None:
    error = state.outcome.exception() if state.outcome else None
    found = getattr(error, "status", None) or type(error).__name__
    print(f"API server: {found}; try {state.attempt_number + 1} follows", flush=True)
