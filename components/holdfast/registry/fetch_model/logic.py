"""Download a version of a registered model, and lay out what was attached to it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.errors import InputError
from holdfast.reading import read_yaml_file
from holdfast.registry.files import EVIDENCE
from holdfast.tracking import fetch_model
from holdfast.writing import whole


@dataclass(frozen=True)
class Fetched:
    """A version and its files; `about` is what its MLmodel file says, `files` what is attached."""

    name: str
    version: int
    about: Mapping[str, Any]
    files: Mapping[str, int]

    def metadata(self) -> dict[str, Any]:
        """Return what the model's artifact says about itself."""
        said = {key: value for key, value in self.about.items() if value is not None}
        return said | {"model_name": self.name, "model_version": self.version}

    def attached(self, name: str) -> dict[str, Any]:
        """Return what the artifact of a piece of evidence says: no files where there is none."""
        return {
            "model_name": self.name,
            "model_version": self.version,
            "files": self.files[name],
        }


def fetch(
    model_name: str, reference: str, model: str | Path, evidence: Mapping[str, str | Path]
) -> Fetched:
    """Download a version to `model`, and copy what is attached to it by name.

    Args:
        model_name: Name in the registry.
        reference: A version's number, or an alias.
        model: Where the MLflow model directory goes.
        evidence: Where each piece of evidence goes; an empty file where there is none.

    Raises:
        InputError: There is no such version, its files are not all there, or MLflow does not
            answer; nothing is left then.
    """
    target = Path(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        found = fetch_model(model_name, reference, unfinished)
        about = _about(found.path / "MLmodel")
        files = {
            name: _copy(found.path / EVIDENCE / name, Path(place))
            for name, place in evidence.items()
        }
        shutil.rmtree(target, ignore_errors=True)
        found.path.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Fetched(found.name, found.version, about, files)


def _about(file: Path) -> dict[str, Any]:
    """Return what the model says about itself."""
    try:
        return dict(read_yaml_file(file).get("metadata") or {})
    except (ValueError, TypeError) as error:
        raise InputError(
            f"The version must hold an MLflow model. Found: an MLmodel that could not be read "
            f"({error}). Register the model again."
        ) from error


def _copy(source: Path, target: Path) -> int:
    """Copy a file or a folder, and return how many files that are; of none, write an empty one."""
    with whole(target) as unfinished:
        if source.is_dir():
            shutil.copytree(source, unfinished)
            return sum(path.is_file() for path in source.rglob("*"))
        if source.is_file():
            shutil.copyfile(source, unfinished)
            return 1
        unfinished.write_bytes(b"")
        return 0
