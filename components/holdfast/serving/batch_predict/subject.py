"""Which model scores: an artifact's, or a version of the registry."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from holdfast.errors import InputError
from holdfast.model import Model, load_model
from holdfast.reading import read_yaml_file
from holdfast.tracking import fetch_model

# What MLflow writes beside the files of a version that it downloads.
META = "registered_model_meta"


@dataclass(frozen=True)
class Subject:
    """A model and its place in the registry: an empty name and 0 for one that has none."""

    model: Model
    name: str = ""
    version: int = 0

    @property
    def title(self) -> str:
        """What a page calls it."""
        return f"{self.name} version {self.version}" if self.name else "a model of no registry"


def find_model(path: str, name: str, version: str) -> Subject:
    """Load the model of an artifact, or that of a version.

    Args:
        path: The MLflow model directory; empty to ask the registry.
        name: Name in the registry; empty with a path.
        version: A version's number, or an alias; counts with a name only.

    Raises:
        InputError: Neither or both are given, or there is no such model.
    """
    if bool(path) == bool(name):
        raise InputError(
            f"batch_predict must be told one model: `model`, or `model_name` with `version`. "
            f"Found: {'both' if path else 'neither'}. Pass the Model output of fetch_model, or a "
            f"name, and not both."
        )
    if path:
        return Subject(load_model(path), *_identity(Path(path)))
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
        found = fetch_model(name, version, folder)
        return Subject(load_model(found.path, "model_name"), found.name, found.version)


def _identity(path: Path) -> tuple[str, int]:
    """Return name and version of a model that was downloaded from a registry."""
    if not (path / META).is_file():
        return "", 0
    try:
        said = read_yaml_file(path / META)
        return str(said["model_name"]), int(said["model_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"`model` must hold a {META} as MLflow writes it, or none. Found: one that could not "
            f"be read ({error}). Fetch the model again with fetch_model."
        ) from error
