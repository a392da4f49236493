"""Reach MLflow: one client, retried calls, and errors that name the server without its password."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from holdfast.errors import (
    HoldfastError,
    InputError,
    MachineError,
    causes,
    first_line,
    lack,
    unanswered,
    without_password,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import model_registry
    from mlflow.entities.model_registry import ModelVersion

FOUND_LETTERS = 300
# How many names or versions a message tells.
SHOWN = 10
TOO_MANY_REQUESTS = 429


@contextmanager
def tracking(may_make: bool = False) -> Iterator["MlflowClient"]:
    """Yield a client of the server that MLFLOW_TRACKING_URI names.

    Args:
        may_make: Whether a store in a file of SQLite is made if it is not there.

    Raises:
        InputError: No server is named, or it refuses, or the store in a file is not there or none.
        MachineError: The server does not answer, or there is no room for what is downloaded.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise InputError(
            "MLFLOW_TRACKING_URI must name the MLflow server that registers models. Found: "
            "nothing. Set it on this step, for example to http://mlflow.mlflow:5000."
        )
    file = Path(uri.removeprefix("sqlite:///").partition("?")[0])
    if uri.startswith("sqlite:///") and not may_make and not file.is_file():
        raise InputError(
            f"MLFLOW_TRACKING_URI must name a store that is there. Found: no file {file}. Register "
            f"a model first, or name the store that has it."
        )
    from mlflow import MlflowClient

    # A server that is not there is told after seconds, not after MLflow's usual minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    if os.environ.get("HOLDFAST_S3_ENDPOINT"):
        os.environ.setdefault("MLFLOW_S3_ENDPOINT_URL", os.environ["HOLDFAST_S3_ENDPOINT"])
    try:
        yield MlflowClient()
    except Exception as error:
        if not _is_of_mlflow(error):
            raise
        raise _explained(error, uri) from error


# How a proxied store's addresses begin, and how a client of S3 speaks of its own.
_STORE = re.compile(r"mlflow-artifacts|endpoint URL|\(\w+\) when calling the \w+ operation")
# MLflow lets the errors of what it calls pass: where it stores files, and where it is no server.
_CALLED = ("requests", "urllib3", "botocore", "boto3", "s3transfer", "sqlalchemy")
_NO_ANSWER = re.compile("failed with (timeout )?exception")
_REFUSED = re.compile(r"\b4\d\d Client Error|\(4\d\d\) when calling|not in a valid JSON format")
_NO_DATABASE = re.compile("file is not a database|database disk image is malformed")


def _is_of_mlflow(error: Exception) -> bool:
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException) or type(error).__module__.startswith(_CALLED)


def _explained(error: Exception, uri: str) -> HoldfastError:
    """Return an error for the user in the place of one of MLflow, or of what it calls."""
    from mlflow.exceptions import RestException

    # What a server has run out of is no lack of this step's.
    own = None if isinstance(error, RestException) else lack(error)
    if own:
        return own
    said, address = first_line(error), without_password(uri)
    if broken := _NO_DATABASE.search(said):
        return InputError(
            f"MLFLOW_TRACKING_URI must name a store of MLflow. Found: {address}: {broken[0]}. "
            f"Restore it from a backup, or name another."
        )
    store = " and its artifact store" if _STORE.search(said) else ""
    if _refuses(error):
        found = without_password(said.replace(uri, address))
        return InputError(
            f"MLflow at {address}{store} must accept what is asked. Found: {_short(found)} Check "
            f"that MLFLOW_TRACKING_URI points to MLflow, the credentials, and what it names."
        )
    found = without_password(_unanswered(error).replace(uri, address))
    return MachineError(
        f"MLflow at {address}{store} must answer. Found: {_short(found)} Check that it runs and "
        f"that MLFLOW_TRACKING_URI points to it, and run this step again."
    )


def _short(text: str) -> str:
    """Return the first words of a text as a sentence."""
    return shorten(text, FOUND_LETTERS, placeholder=" ...").rstrip(".") + "."


def _refuses(error: Exception) -> bool:
    """Tell whether a server answered that it won't, which no second try mends."""
    from mlflow.exceptions import MlflowException

    for each in causes(error):
        # Such as an address that is none, or an answer that is a web page.
        if isinstance(each, ValueError) and type(each).__module__.startswith("requests"):
            return True
        answer = getattr(each, "response", None)
        if isinstance(answer, dict):
            status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        else:
            status = getattr(answer, "status_code", 0)
        if not status and isinstance(each, MlflowException):
            status = each.get_http_status_code()
        if 400 <= status < 500 and status != TOO_MANY_REQUESTS:
            return True
    # What fails while files are downloaded is told as text alone, as is a page of another server.
    return bool(_REFUSED.search(str(error)))


def _unanswered(error: Exception) -> str:
    """Return why there was no answer; what tells it by itself is left as it is."""
    busy = re.search(r"too many (\d+) error responses", str(error))
    if busy:
        return f"status {busy[1]}, each time it was tried"
    return unanswered(error) if _NO_ANSWER.search(str(error)) else first_line(error)


def check_name(parameter: str, value: str) -> None:
    """Refuse a name that MLflow's addresses can't hold."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]+( [A-Za-z0-9_.-]+)*", value):
        raise InputError(
            f"`{parameter}` must be letters, digits, dots, dashes, underscores and single "
            f"spaces. Found: {value!r}. Choose another."
        )


def check_alias(parameter: str, value: str) -> None:
    """Refuse an alias that MLflow can't hold or keeps for itself."""
    check_name(parameter, value)
    if re.fullmatch(r"latest|v\d+", value, re.IGNORECASE):
        raise InputError(
            f"`{parameter}` must not be one that MLflow keeps for itself: latest, v1, v2, and so "
            f"on. Found: {value!r}. The usual ones are challenger and champion."
        )


def ensure_registered(client: "MlflowClient", name: str) -> None:
    """Make a name in the registry, if it is new."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def version_of_alias(client: "MlflowClient", name: str, alias: str) -> int:
    """Return the version that carries an alias, 0 if none does."""
    from mlflow.exceptions import MlflowException

    try:
        return int(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        # A name that is not there, or an alias that nothing carries.
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return 0
        raise


def registered_model(client: "MlflowClient", name: str) -> "model_registry.RegisteredModel":
    """Return a registered model.

    Raises:
        InputError: There is none of that name; the message tells those that are like it.
    """
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    uri = without_password(os.environ["MLFLOW_TRACKING_URI"])
    raise InputError(
        f"`model_name` must be a registered model of MLflow at {uri}. Found: {name!r}, which is "
        f"none; {_others(client, name)}. Check the name, or MLFLOW_TRACKING_URI; register_model "
        f"makes a new one."
    )


def _others(client: "MlflowClient", name: str) -> str:
    """Say which registered models have a name like this one, or which there are."""
    import difflib

    names = [model.name for model in client.search_registered_models(max_results=1000)]
    like = difflib.get_close_matches(name, names, 2 * SHOWN)
    # Not the records that are kept beside a model.
    own = [each for each in like if each.rpartition(".")[0] not in like]
    if own:
        return f"a name like it is {' or '.join(map(repr, own[:3]))}"
    return f"there are {_listed(sorted(names)[:SHOWN])}" if names else "none is registered there"


def _listed(names: Iterable[object]) -> str:
    return ", ".join(map(str, names))


def find_version(client: "MlflowClient", name: str, reference: str) -> "ModelVersion":
    """Return a version by its number, or by an alias.

    Raises:
        InputError: There is no such model, alias or number; the message tells which there are.
    """
    if reference.isdecimal():
        return get_version(client, name, int(reference))
    number = version_of_alias(client, name, reference)
    if not number:
        raise _no_version(client, name, f"with the alias {reference!r}")
    return get_version(client, name, number)


def get_version(client: "MlflowClient", name: str, version: int) -> "ModelVersion":
    """Return a version by its number.

    Raises:
        InputError: There is no such model or version; the message tells which there are.
    """
    from mlflow.exceptions import MlflowException

    try:
        # A store in SQLite does not take larger ones.
        if 0 < version < 2**31:
            return client.get_model_version(name, str(version))
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    raise _no_version(client, name, str(version))


def _no_version(client: "MlflowClient", name: str, wanted: str) -> InputError:
    """Return the error for what a model has not, with what it has."""
    aliases = registered_model(client, name).aliases
    found = client.search_model_versions(f"name = '{name}'", max_results=SHOWN)
    versions = sorted(int(version.version) for version in found)
    carried = [f"{alias} (version {version})" for alias, version in sorted(aliases.items())]
    return InputError(
        f"`model_name` {name!r} must have a version {wanted}. Found: "
        f"{f'the aliases {_listed(carried[:SHOWN])}' if carried else 'no alias'}; "
        f"{f'the versions {_listed(versions)}' if versions else 'no version'}. "
        f"{'Name one of these, or promote one' if versions else 'Register the model first'}."
    )


def logged_model_id(version: "ModelVersion") -> str:
    """Return the logged model behind a version; SQLite stores keep it in the source alone."""
    return version.model_id or str(version.source).removeprefix("models:/")


@dataclass(frozen=True)
class RegisteredModel:
    """A version that was downloaded: an MLflow model directory at `path`."""

    name: str
    version: int
    path: Path


def fetch_model(name: str, reference: str, folder: str | Path) -> RegisteredModel:
    """Download a version of a registered model.

    Args:
        name: Name in the registry.
        reference: A version's number, or an alias such as champion.
        folder: Where its files go.

    Raises:
        InputError: There is no such model, version or alias, or its files are not all there.
        MachineError: MLflow or its artifact store does not answer.
    """
    check_name("model_name", name)
    with tracking() as client:
        version = int(find_version(client, name, reference).version)
        from mlflow.artifacts import download_artifacts

        found = download_artifacts(f"models:/{name}/{version}", dst_path=str(folder))
    if not (Path(found) / "MLmodel").is_file():
        raise InputError(
            f"Version {version} of {name!r} must have its files in the artifact store. Found: no "
            f"MLmodel. Register the model again."
        )
    return RegisteredModel(name, version, Path(found))
