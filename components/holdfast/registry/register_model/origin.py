"""Where a model comes from, and what it rests on: told to MLflow by tags, parameters and inputs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast import __version__
from holdfast.errors import InputError
from holdfast.reading import read_yaml_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput
    from mlflow.entities import Run as MlflowRun

RUN_KEY, DIGEST = "holdfast.run_key", "holdfast.model"
# MLflow refuses longer parameters.
PARAMETER_LETTERS = 6000


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
    image: str = ""


UNKNOWN = Origin()


def read_about(path: Path) -> dict[str, Any]:
    """Return what the MLmodel file says."""
    try:
        return read_yaml_file(path / "MLmodel")
    except (OSError, ValueError) as error:
        raise InputError(
            f"`model` must be an MLflow model directory. Found: an MLmodel file that could not be "
            f"read ({error}). Pass the Model output of a training component."
        ) from error


def log_origin(client: "MlflowClient", run: "MlflowRun", path: Path, origin: Origin) -> None:
    """Log parameters, tables and commit to a run."""
    from mlflow.entities import Param

    known = run.data.params
    parameters = (read_about(path).get("metadata") or {}).get("parameters") or {}
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


def origin_tags(path: Path, origin: Origin) -> dict[str, str]:
    """Return the tags of a version."""
    about = read_about(path)
    metadata = about.get("metadata") or {}
    tags = {
        RUN_KEY: origin.run_key,
        DIGEST: str(about.get("model_uuid")),
        "holdfast.version": __version__,
        "holdfast.git_commit": origin.git_commit,
        "holdfast.image": origin.image,
        "holdfast.environment": str(metadata.get("environment", "")),
        "holdfast.trained_on": str(metadata.get("trained_on", "")),
        "holdfast.holdout": str(metadata.get("holdout_sha256", "")),
    }
    for context, table in origin.tables.items():
        tags[f"holdfast.{context}_sha256"] = str(table.get("sha256", ""))
    return {name: value for name, value in tags.items() if value}
