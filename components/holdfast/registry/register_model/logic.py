"""Register a model with MLflow."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError, without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities import Run as MlflowRun

DEFAULT_EXPERIMENT = "holdfast"


@dataclass(frozen=True)
class Registration:
    """Where a model now stands: name and version in the registry, and the run that holds it."""

    name: str
    version: int
    run_id: str


def register(
    model_path: str | Path, model_name: str, alias: str, metrics: Mapping[str, float]
) -> Registration:
    """Log a model and its metrics to a run, and make a version of it.

    The run is the one that KFP injected (`MLFLOW_RUN_ID`), else a new one of the experiment
    `MLFLOW_EXPERIMENT_ID` or `MLFLOW_EXPERIMENT_NAME` (default: holdfast).

    Args:
        model_path: An MLflow model directory.
        model_name: Name in the registry; made if it is new.
        alias: Alias that moves to the new version.
        metrics: Finite numbers by name.

    Raises:
        InputError: No tracking server is named or it does not answer, a name is not valid, or the
            directory is no MLflow model.
    """
    _check_name("model_name", model_name)
    _check_name("alias", alias)
    if re.fullmatch(r"latest|v\d+", alias, re.IGNORECASE):
        raise InputError(
            f"`alias` must not be one that MLflow keeps for itself: latest, v1, v2, and so on. "
            f"Found: {alias!r}. The usual ones are challenger and champion."
        )
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise InputError(
            "MLFLOW_TRACKING_URI must name the MLflow server that registers models. Found: "
            "nothing. Set it on this step, for example to http://mlflow.mlflow:5000."
        )
    if not (Path(model_path) / "MLmodel").is_file():
        raise InputError(
            f"`model` must be an MLflow model directory. Found: no MLmodel file in {model_path}. "
            f"Pass the Model output of a training component."
        )
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    # A server that is not there is told after seconds, not after MLflow's usual minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    if os.environ.get("HOLDFAST_S3_ENDPOINT"):
        os.environ.setdefault("MLFLOW_S3_ENDPOINT_URL", os.environ["HOLDFAST_S3_ENDPOINT"])
    try:
        return _register(MlflowClient(), Path(model_path), model_name, alias, metrics)
    except MlflowException as error:
        said = str(error).splitlines()[0].replace(uri, without_password(uri))
        found = without_password(said)[:300]
        raise InputError(
            f"MLflow at {without_password(uri)} must answer and accept the model. Found: "
            f"{found} Check that it runs and that MLFLOW_TRACKING_URI points to it."
        ) from error


def _register(
    client: "MlflowClient",
    model_path: Path,
    model_name: str,
    alias: str,
    metrics: Mapping[str, float],
) -> Registration:
    injected = os.environ.get("MLFLOW_RUN_ID", "")
    run = client.get_run(injected) if injected else client.create_run(_experiment(client))
    try:
        logged = _log(client, run, model_path, model_name, metrics)
        _ensure_registered(client, model_name)
        version = client.create_model_version(
            model_name,
            source=f"models:/{logged.model_id}",
            run_id=run.info.run_id,
            model_id=logged.model_id,
        )
        client.set_registered_model_alias(model_name, alias, version.version)
    except Exception:
        _end(client, run, injected, "FAILED")
        raise
    _end(client, run, injected, "FINISHED")
    return Registration(model_name, int(version.version), run.info.run_id)


def _log(
    client: "MlflowClient",
    run: "MlflowRun",
    model_path: Path,
    model_name: str,
    metrics: Mapping[str, float],
) -> "LoggedModel":
    from mlflow.entities import LoggedModelStatus

    logged = client.create_logged_model(
        run.info.experiment_id,
        # A registered name may hold dots, a logged one may not.
        name=model_name.replace(".", "-"),
        source_run_id=run.info.run_id,
        model_type="sklearn",
    )
    client.log_model_artifacts(logged.model_id, str(model_path))
    for name, value in metrics.items():
        client.log_metric(run.info.run_id, name, value, model_id=logged.model_id)
    return client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)


def _end(client: "MlflowClient", run: "MlflowRun", injected: str, state: str) -> None:
    """End a run of ours; the one that KFP injected is KFP's to end."""
    if not injected:
        client.set_terminated(run.info.run_id, state)


def _experiment(client: "MlflowClient") -> str:
    chosen = os.environ.get("MLFLOW_EXPERIMENT_ID", "")
    if chosen:
        return chosen
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", DEFAULT_EXPERIMENT)
    found = client.get_experiment_by_name(name)
    return found.experiment_id if found else client.create_experiment(name)


def _ensure_registered(client: "MlflowClient", model_name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(model_name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _check_name(parameter: str, value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+( [A-Za-z0-9_.-]+)*", value):
        raise InputError(
            f"`{parameter}` must be letters, digits, dots, dashes, underscores and single "
            f"spaces. Found: {value!r}. Choose another."
        )


def finite_numbers(metadata: Mapping[str, Any]) -> dict[str, float]:
    """Return what of a Metrics artifact's metadata can be logged as a metric."""
    return {
        name: float(value)
        for name, value in metadata.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }
