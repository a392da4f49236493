"""Download a version of a registered model, and lay out what was attached to it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.errors import InputError
from holdfast.reading import read_yaml_file
from holdfast.registry.files import EVIDENCE
from holdfast.tracking import check_name, fetch_model, tracking, version_of_alias
from holdfast.writing import whole, write_text


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
    model_name: str,
    reference: str,
    model: str | Path,
    evidence: Mapping[str, str | Path],
    optional: bool = False,
) -> Fetched:
    """Download a version to `model`, and copy what is attached to it by name.

    Args:
        model_name: Name in the registry.
        reference: A version's number, or an alias.
        model: Where the MLflow model directory goes.
        evidence: Where each piece of evidence goes; an empty file where there is none.
        optional: Whether an alias that no version carries gives empty files and version 0.

    Raises:
        InputError: There is no such version, or its files are not all there; nothing is left then.
        MachineError: MLflow or its artifact store does not answer.
    """
    target = Path(model)
    if optional and not _is_carried(model_name, reference):
        for place in (target, *map(Path, evidence.values())):
            write_text(place, "")
        return Fetched(model_name, 0, {}, dict.fromkeys(evidence, 0))
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


def _is_carried(model_name: str, reference: str) -> bool:
    """Tell whether a version carries an alias; a number stands for itself."""
    check_name("model_name", model_name)
    if reference.isdecimal():
        return True
    with tracking() as client:
        return version_of_alias(client, model_name, reference) > 0


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
