"""Register a model with MLflow."""

import contextlib
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast import __version__
from holdfast.errors import InputError
from holdfast.optional import is_there
from holdfast.reading import read_yaml_file
from holdfast.registry.files import EVIDENCE, require_readable
from holdfast.tracking import (
    check_alias,
    check_name,
    ensure_registered,
    tracking,
    version_of_alias,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, LoggedModel
    from mlflow.entities import Run as MlflowRun
    from mlflow.entities.model_registry import ModelVersion

DEFAULT_EXPERIMENT = "holdfast"
RUN_KEY, DIGEST = "holdfast.run_key", "holdfast.model"
# MLflow refuses longer parameters.
PARAMETER_LETTERS = 6000


@dataclass(frozen=True)
class Registration:
    """Where a model now stands: name and version in the registry, and the run that holds it."""

    name: str
    version: int
    run_id: str


@dataclass(frozen=True)
class Origin:
    """Where a model comes from, and what it rests on; empty paths are of what is not there.

    `evidence` are files and folders by the name that they get beside the model; `tables` is what
    tables say about themselves (sha256, rows, role) by MLflow's context: training, testing.
    """

    evidence: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    run_key: str = ""
    git_commit: str = ""


def register(
    model_path: str | Path,
    model_name: str,
    alias: str,
    metrics: Mapping[str, float],
    origin: Origin = Origin(),
) -> Registration:
    """Log a model with its metrics and origin to a run, and make a version of it.

    The run is the one that KFP injected (`MLFLOW_RUN_ID`), else a new one of the experiment
    `MLFLOW_EXPERIMENT_ID` or `MLFLOW_EXPERIMENT_NAME` (default: holdfast). The alias moves last:
    never to a version whose files are not all there.

    Args:
        model_path: An MLflow model directory.
        model_name: Name in the registry; made if it is new.
        alias: Alias that moves to the new version.
        metrics: Finite numbers by name.
        origin: Where the model comes from.

    Raises:
        InputError: No tracking server is named or it does not answer, a name is not valid, or the
            directory is no MLflow model.
    """
    check_name("model_name", model_name)
    check_alias("alias", alias)
    path = Path(model_path)
    if not (path / "MLmodel").is_file() and os.environ.get("MLFLOW_TRACKING_URI"):
        raise InputError(
            f"`model` must be an MLflow model directory. Found: no MLmodel file in {model_path}. "
            f"Pass the Model output of a training component."
        )
    with tracking() as client:
        about = _about(path)
        done = _registered_before(client, model_name, origin, about)
        version = done or _register(client, path, model_name, metrics, origin)
        if done:
            require_readable(client, model_name, int(done.version))
        # A step that is tried again must not take the alias from a version that came later.
        if version_of_alias(client, model_name, alias) < int(version.version):
            client.set_registered_model_alias(model_name, alias, version.version)
        return Registration(model_name, int(version.version), version.run_id or "")


def _about(path: Path) -> dict[str, Any]:
    """Return what the MLmodel file says."""
    try:
        return read_yaml_file(path / "MLmodel")
    except (OSError, ValueError) as error:
        raise InputError(
            f"`model` must be an MLflow model directory. Found: an MLmodel file that could not be "
            f"read ({error}). Pass the Model output of a training component."
        ) from error


def _registered_before(
    client: "MlflowClient", name: str, origin: Origin, about: Mapping[str, Any]
) -> "ModelVersion | None":
    """Return the version that an earlier try of this step made."""
    if not origin.run_key:
        return None
    versions = client.search_model_versions(f"name = '{name}'", max_results=1000)
    wanted = {RUN_KEY: origin.run_key, DIGEST: str(about.get("model_uuid"))}
    return next((v for v in versions if wanted.items() <= v.tags.items()), None)


def _register(
    client: "MlflowClient",
    path: Path,
    model_name: str,
    metrics: Mapping[str, float],
    origin: Origin,
) -> "ModelVersion":
    from mlflow.exceptions import MlflowException

    injected = os.environ.get("MLFLOW_RUN_ID", "")
    run = client.get_run(injected) if injected else client.create_run(_experiment(client))
    try:
        _log_origin(client, run, path, origin)
        logged = _log_model(client, run, path, model_name, metrics, origin)
        ensure_registered(client, model_name)
        version = _make_version(client, model_name, logged, run, _tags(path, origin))
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
    """Make one version of a logged model.

    An answer that is lost on the way makes the client ask again, and the server make another: of
    two the first one counts, and the others go.
    """
    source = f"models:/{logged.model_id}"
    client.create_model_version(
        name, source=source, run_id=run.info.run_id, model_id=logged.model_id, tags=tags
    )
    found = client.search_model_versions(f"name = '{name}'", max_results=10_000)
    made = sorted((v for v in found if v.source == source), key=lambda v: int(v.version))
    for version in made[1:]:
        client.delete_model_version(name, version.version)
    return made[0]


def _log_origin(client: "MlflowClient", run: "MlflowRun", path: Path, origin: Origin) -> None:
    from mlflow.entities import Param

    known = run.data.params
    parameters = (_about(path).get("metadata") or {}).get("parameters") or {}
    new = [
        Param(name, str(value)[:PARAMETER_LETTERS])
        for name, value in parameters.items()
        # A parameter of a run can't be set anew: a step that is tried again would fail.
        if name not in known
    ]
    client.log_batch(run.info.run_id, params=new)
    client.log_inputs(run.info.run_id, list(_datasets(origin.tables)))
    if origin.git_commit:
        client.set_tag(run.info.run_id, "mlflow.source.git.commit", origin.git_commit)


def _datasets(tables: Mapping[str, Mapping[str, Any]]) -> "Iterator[DatasetInput]":
    """Yield MLflow's dataset inputs: hash and size, no rows."""
    import json

    from mlflow.entities import Dataset, DatasetInput, InputTag

    for context, table in tables.items():
        if not table.get("sha256"):
            continue
        dataset = Dataset(
            name=str(table.get("role") or context),
            # MLflow takes up to 36 letters.
            digest=str(table["sha256"])[:36],
            source_type="holdfast_table",
            source=json.dumps({"sha256": table["sha256"]}),
            profile=json.dumps({"num_rows": table.get("rows")}),
        )
        yield DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def _log_model(
    client: "MlflowClient",
    run: "MlflowRun",
    path: Path,
    model_name: str,
    metrics: Mapping[str, float],
    origin: Origin,
) -> "LoggedModel":
    from mlflow.entities import LoggedModelStatus
    from mlflow.exceptions import MlflowException

    logged = client.create_logged_model(
        run.info.experiment_id,
        # A registered name may hold dots, a logged one may not.
        name=model_name.replace(".", "-"),
        source_run_id=run.info.run_id,
        model_type="sklearn",
    )
    try:
        client.log_model_artifacts(logged.model_id, str(path))
        _log_evidence(client, logged.model_id, origin)
        _require_whole(client, logged.model_id, path)
    except Exception:
        with contextlib.suppress(MlflowException):
            client.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
        raise
    for name, value in metrics.items():
        client.log_metric(run.info.run_id, name, value, model_id=logged.model_id)
    return client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)


def _log_evidence(client: "MlflowClient", model_id: str, origin: Origin) -> None:
    import shutil
    import tempfile

    # An empty file stands for what is not there, as fetch_artifact and fetch_model write it.
    given = {name: Path(path) for name, path in origin.evidence.items() if is_there(path)}
    if not given:
        return
    with tempfile.TemporaryDirectory() as folder:
        evidence = Path(folder) / EVIDENCE
        evidence.mkdir()
        for name, path in given.items():
            copy = shutil.copytree if path.is_dir() else shutil.copyfile
            copy(path, evidence / name)
        client.log_model_artifacts(model_id, folder)


def _require_whole(client: "MlflowClient", model_id: str, path: Path) -> None:
    """Check that the server holds every file of the model before a version names it."""
    kept = {entry.path: entry.file_size for entry in client.list_logged_model_artifacts(model_id)}
    lacking = [
        file.name
        for file in path.iterdir()
        if file.is_file() and kept.get(file.name) != file.stat().st_size
    ]
    if lacking:
        raise InputError(
            f"The MLflow server must hold every file of `model`. Found: {lacking} missing or of "
            f"another size after the upload. Check its artifact store, and run this step again."
        )


def _tags(path: Path, origin: Origin) -> dict[str, str]:
    about = _about(path)
    metadata = about.get("metadata") or {}
    tags = {
        RUN_KEY: origin.run_key,
        DIGEST: str(about.get("model_uuid")),
        "holdfast.version": __version__,
        "holdfast.git_commit": origin.git_commit,
        "holdfast.environment": str(metadata.get("environment", "")),
        "holdfast.trained_on": str(metadata.get("trained_on", "")),
        "holdfast.holdout": str(metadata.get("holdout_sha256", "")),
    }
    for context, table in origin.tables.items():
        tags[f"holdfast.{context}_sha256"] = str(table.get("sha256", ""))
    return {name: value for name, value in tags.items() if value}


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
