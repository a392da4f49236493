"""Upload a model with what it rests on, and check that all of it arrived."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.errors import InputError
from holdfast.optional import is_there
from holdfast.registry.files import EVIDENCE
from holdfast.registry.register_model.origin import Origin

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities import Run as MlflowRun


def log_model(
    client: "MlflowClient",
    run: "MlflowRun",
    path: Path,
    model_name: str,
    metrics: Mapping[str, float],
    origin: Origin,
) -> "LoggedModel":
    """Make a logged model with its files and metrics: READY once it is whole, else FAILED."""
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
        _log_files(client, logged.model_id, path, origin)
    except Exception:
        with contextlib.suppress(MlflowException):
            client.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
        raise
    for name, value in metrics.items():
        client.log_metric(run.info.run_id, name, value, model_id=logged.model_id)
    return client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)


def _log_files(client: "MlflowClient", model_id: str, path: Path, origin: Origin) -> None:
    """Upload the model and its evidence, and check that the server holds every file of them."""
    import shutil
    import tempfile

    _log_folder(client, model_id, path)
    # An empty file stands for what is not there, as fetch_artifact and fetch_model write it.
    given = {name: Path(place) for name, place in origin.evidence.items() if is_there(place)}
    if not given:
        return
    with tempfile.TemporaryDirectory() as folder:
        evidence = Path(folder) / EVIDENCE
        evidence.mkdir()
        for name, source in given.items():
            copy = shutil.copytree if source.is_dir() else shutil.copyfile
            copy(source, evidence / name)
        _log_folder(client, model_id, Path(folder))


def _log_folder(client: "MlflowClient", model_id: str, folder: Path) -> None:
    client.log_model_artifacts(model_id, str(folder))
    sent = {str(f.relative_to(folder)): f.stat().st_size for f in folder.rglob("*") if f.is_file()}
    kept: dict[str, int | None] = {}
    for place in {os.path.dirname(name) for name in sent}:
        entries = client.list_logged_model_artifacts(model_id, place or None)
        kept |= {entry.path: entry.file_size for entry in entries}
    lacking = sorted(name for name, size in sent.items() if kept.get(name) != size)
    if lacking:
        raise InputError(
            f"The MLflow server must hold every file of `model` and of what is attached to it. "
            f"Found: {lacking} missing or of another size after the upload. Check its artifact "
            f"store, and run this step again."
        )
