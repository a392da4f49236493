"""Register a model with MLflow."""

import contextlib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError
from holdfast.registry.files import require_readable
from holdfast.registry.register_model.origin import (
    DIGEST,
    RUN_KEY,
    UNKNOWN,
    Origin,
    log_origin,
    origin_tags,
    read_about,
)
from holdfast.registry.register_model.upload import log_model
from holdfast.tracking import (
    check_alias,
    check_name,
    ensure_registered,
    tracking,
    version_of_alias,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities import Run as MlflowRun
    from mlflow.entities.model_registry import ModelVersion

__all__ = ["Origin", "Registration", "facts", "finite_numbers", "paths", "register"]
DEFAULT_EXPERIMENT = "holdfast"
ALIAS = "holdfast.alias"


@dataclass(frozen=True)
class Registration:
    """Where a model now stands: name and version in the registry, and the run that holds it."""

    name: str
    version: int
    run_id: str


def register(
    model_path: str | Path,
    model_name: str,
    alias: str,
    metrics: Mapping[str, float],
    origin: Origin = UNKNOWN,
) -> Registration:
    """Log a model with its metrics and origin to a run, and make a version of it.

    The run is the one that KFP injected (`MLFLOW_RUN_ID`), else a new one of the experiment
    `MLFLOW_EXPERIMENT_ID` or `MLFLOW_EXPERIMENT_NAME` (default: holdfast). The alias moves last:
    never to a version whose files are not all there.

    Args:
        model_path: An MLflow model directory.
        model_name: Name in the registry; made if it is new.
        alias: Alias that moves to the new version, unless a later one has it.
        metrics: Finite numbers by name.
        origin: Where the model comes from.

    Raises:
        InputError: No tracking server is named, a name is not valid, or the directory is no MLflow
            model.
        MachineError: MLflow or its artifact store does not answer.
    """
    check_name("model_name", model_name)
    check_alias("alias", alias)
    path = Path(model_path)
    if not (path / "MLmodel").is_file() and os.environ.get("MLFLOW_TRACKING_URI"):
        raise InputError(
            f"`model` must be an MLflow model directory. Found: no MLmodel file in {model_path}. "
            f"Pass the Model output of a training component."
        )
    with tracking(may_make=True) as client:
        known = {RUN_KEY: origin.run_key, DIGEST: str(read_about(path).get("model_uuid"))}
        done = _first(client, model_name, known) if origin.run_key else None
        if done:
            require_readable(model_name, int(done.version))
        version = done or _register(client, path, model_name, alias, metrics, origin)
        _move_alias(client, model_name, alias, int(version.version))
        return Registration(model_name, int(version.version), version.run_id or "")


def _first(client: "MlflowClient", name: str, tags: Mapping[str, str]) -> "ModelVersion | None":
    """Return the first of the versions that carry some tags; the others go.

    A client asks again when an answer was lost, and a step may be tried again while its first try
    still runs: the server makes another version each time.
    """
    from mlflow.exceptions import MlflowException

    made = [version for version in _versions(client, name) if tags.items() <= version.tags.items()]
    for version in made[1:]:
        try:
            client.delete_model_version(name, version.version)
        except MlflowException as error:
            # Who made it deletes it too.
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
    return made[0] if made else None


def _versions(client: "MlflowClient", name: str) -> "list[ModelVersion]":
    """Return the versions of a model, oldest first."""
    found = client.search_model_versions(f"name = '{name}'", max_results=10_000)
    return sorted(found, key=lambda version: int(version.version))


def _move_alias(client: "MlflowClient", name: str, alias: str, version: int) -> None:
    """Move the alias to a version, unless a later one has it or was registered to have it.

    A step that is tried again, or slower than one that began later, must not take it away.
    """
    if version_of_alias(client, name, alias) >= version:
        return
    client.set_registered_model_alias(name, alias, str(version))
    asked = [int(v.version) for v in _versions(client, name) if v.tags.get(ALIAS) == alias]
    if max(asked, default=version) > version:
        client.set_registered_model_alias(name, alias, str(max(asked)))


def _register(
    client: "MlflowClient",
    path: Path,
    model_name: str,
    alias: str,
    metrics: Mapping[str, float],
    origin: Origin,
) -> "ModelVersion":
    from mlflow.exceptions import MlflowException

    injected = os.environ.get("MLFLOW_RUN_ID", "")
    run = client.get_run(injected) if injected else client.create_run(_experiment(client))
    try:
        log_origin(client, run, path, origin)
        logged = log_model(client, run, path, model_name, metrics, origin)
        ensure_registered(client, model_name)
        # Without a key of the run, this try has one of its own.
        tags = {ALIAS: alias, RUN_KEY: logged.model_id, **origin_tags(path, origin)}
        version = _make_version(client, model_name, logged, run, tags)
    except Exception:
        # What made it fail is to be told, and not that MLflow can't be told of it either.
        with contextlib.suppress(MlflowException):
            _end(client, run, injected, "FAILED")
        raise
    _end(client, run, injected, "FINISHED")
    return version


def _make_version(
    client: "MlflowClient",
    name: str,
    logged: "LoggedModel",
    run: "MlflowRun",
    tags: dict[str, str],
) -> "ModelVersion":
    """Make a version of a logged model, or return the one that another try of this step made."""
    made = client.create_model_version(
        name,
        source=f"models:/{logged.model_id}",
        run_id=run.info.run_id,
        model_id=logged.model_id,
        tags=tags,
        # Another try may take it off before it could be awaited.
        await_creation_for=0,
    )
    return _first(client, name, {tag: tags[tag] for tag in (RUN_KEY, DIGEST)}) or made


def _end(client: "MlflowClient", run: "MlflowRun", injected: str, state: str) -> None:
    """End a run of ours; the one that KFP injected is KFP's to end."""
    if not injected:
        client.set_terminated(run.info.run_id, state)


def _experiment(client: "MlflowClient") -> str:
    from mlflow.exceptions import MlflowException

    chosen = os.environ.get("MLFLOW_EXPERIMENT_ID", "")
    if chosen:
        return chosen
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", DEFAULT_EXPERIMENT)
    if not client.get_experiment_by_name(name):
        try:
            client.create_experiment(name)
        except MlflowException as error:
            # Another registration made it meanwhile.
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
    return client.get_experiment_by_name(name).experiment_id


def finite_numbers(metadata: Mapping[str, Any]) -> dict[str, float]:
    """Return what of a Metrics artifact's metadata can be logged as a metric."""
    return {
        name: float(value)
        for name, value in metadata.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }


def paths(artifacts: Mapping[str, Any]) -> dict[str, str]:
    """Return where artifacts lie, without those that were not given."""
    return {name: artifact.path for name, artifact in artifacts.items() if artifact}


def facts(artifacts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what artifacts say about themselves, without those that were not given."""
    return {name: dict(artifact.metadata) for name, artifact in artifacts.items() if artifact}
