"""Download a version of a registered model, and lay out what was attached to it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.registry.files import EVIDENCE
from holdfast.tracking import fetch_model


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
    import yaml

    target = Path(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        found = fetch_model(model_name, reference, unfinished)
        described = yaml.safe_load((found.path / "MLmodel").read_text(encoding="utf-8"))
        files = {
            name: _copy(found.path / EVIDENCE / name, Path(place))
            for name, place in evidence.items()
        }
        shutil.rmtree(target, ignore_errors=True)
        found.path.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Fetched(found.name, found.version, dict(described.get("metadata") or {}), files)


def _copy(source: Path, target: Path) -> int:
    """Copy a file or a folder, and return how many files that are; of none, write an empty one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
        return sum(path.is_file() for path in source.rglob("*"))
    if source.is_file():
        shutil.copyfile(source, target)
        return 1
    target.write_bytes(b"")
    return 0
