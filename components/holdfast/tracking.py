"""Reach MLflow: one client, retried calls, and errors that name the server without its password."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.errors import InputError, first_line, lack, without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


@contextmanager
def tracking() -> Iterator["MlflowClient"]:
    """Yield a client of the server that MLFLOW_TRACKING_URI names.

    Raises:
        InputError: No server is named, or it does not answer or refuses.
        MachineError: There is no room for what is downloaded.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise InputError(
            "MLFLOW_TRACKING_URI must name the MLflow server that registers models. Found: "
            "nothing. Set it on this step, for example to http://mlflow.mlflow:5000."
        )
    from mlflow import MlflowClient
    from mlflow.exceptions import RestException

    # A server that is not there is told after seconds, not after MLflow's usual minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    if os.environ.get("HOLDFAST_S3_ENDPOINT"):
        os.environ.setdefault("MLFLOW_S3_ENDPOINT_URL", os.environ["HOLDFAST_S3_ENDPOINT"])
    try:
        yield MlflowClient()
    except Exception as error:
        if not _is_of_mlflow(error):
            raise
        # What a server has run out of is no lack of this step's.
        own = None if isinstance(error, RestException) else lack(error)
        said = first_line(error)
        found = without_password(said.replace(uri, without_password(uri)))[:300]
        store = " and its artifact store" if _STORE.search(said) else ""
        raise own or InputError(
            f"MLflow at {without_password(uri)}{store} must answer and accept the model. Found: "
            f"{found} Check that it runs and that MLFLOW_TRACKING_URI points to it, and "
            f"run this step again."
        ) from error


# How a proxied store's addresses begin, and how a client of S3 speaks of its own.
_STORE = re.compile(r"mlflow-artifacts|endpoint URL|\(\w+\) when calling the \w+ operation")
# MLflow lets the errors of what it calls pass, where it stores files.
_CALLED = ("requests", "urllib3", "botocore", "boto3", "s3transfer")


def _is_of_mlflow(error: Exception) -> bool:
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException) or type(error).__module__.startswith(_CALLED)


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


def get_version(client: "MlflowClient", name: str, version: int) -> "ModelVersion":
    """Return a version.

    Raises:
        InputError: There is no such version.
    """
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version(name, str(version))
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise InputError(
            f"`version` must be a version of {name!r} in the registry. Found: {version}, which is "
            f"not there. Register the model first, or name another."
        ) from error


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
        InputError: There is no such version or alias, its files are not all there, or MLflow does
            not answer.
    """
    check_name("model_name", name)
    with tracking() as client:
        version = (
            int(reference) if reference.isdigit() else version_of_alias(client, name, reference)
        )
        if not version:
            raise InputError(
                f"`model_name` {name!r} must have a version with the alias {reference!r}. Found: "
                f"none. Promote a version, or name one by its number."
            )
        get_version(client, name, version)
        from mlflow.artifacts import download_artifacts

        found = download_artifacts(f"models:/{name}/{version}", dst_path=str(folder))
    if not (Path(found) / "MLmodel").is_file():
        raise InputError(
            f"Version {version} of {name!r} must have its files in the artifact store. Found: no "
            f"MLmodel. Register the model again."
        )
    return RegisteredModel(name, version, Path(found))
