"""The files of a version in the artifact store."""

import re
from typing import TYPE_CHECKING

from holdfast.errors import InputError
from holdfast.reading import read_yaml_file
from holdfast.tracking import logged_model_id

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

# The folder beside a model's files that holds what was attached to it.
EVIDENCE = "evidence"


def logged_model_of(version: "ModelVersion") -> str | None:
    """Return the logged model of a version; None where it was made of a folder, as by MLflow 2."""
    found = logged_model_id(version)
    return found if re.fullmatch("m-[0-9a-f]+", found) else None


def require_readable(name: str, version: int) -> None:
    """Refuse a version whose files can't be read: no alias may move to it.

    The files are listed, and MLmodel, which says what loads and serves it, is read; the others are
    small or large, and were compared with the model when it was registered.

    Raises:
        InputError: They are not there.
        MachineError: The artifact store does not answer.
    """
    import tempfile

    from mlflow.artifacts import download_artifacts, list_artifacts

    uri = f"models:/{name}/{version}"
    listed = {entry.path for entry in list_artifacts(uri)}
    wanted = {"MLmodel"}
    if wanted <= listed:
        with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
            file = download_artifacts(f"{uri}/MLmodel", dst_path=folder)
            wanted |= _named(file, name, version)
    lacking = sorted(wanted - listed)
    if lacking:
        raise InputError(
            f"Version {version} of {name!r} must have its files in the artifact store. Found: no "
            f"{', '.join(lacking)}. The alias stays where it is: delete the version in MLflow, and "
            f"register the model in a new run."
        )


def _named(file: str, name: str, version: int) -> set[str]:
    """Return what MLmodel says that the model and its input example are in, of the top level."""
    try:
        about = read_yaml_file(file)
        function = (about.get("flavors") or {}).get("python_function") or {}
        example = about.get("saved_input_example_info") or {}
        places = (function.get("model_path"), example.get("artifact_path"))
        return {str(place).split("/")[0] for place in places if place}
    except (ValueError, AttributeError) as error:
        raise InputError(
            f"Version {version} of {name!r} must have its files in the artifact store. Found: an "
            f"MLmodel that is none ({error}). The alias stays where it is: delete the version "
            f"in MLflow, and register the model in a new run."
        ) from error
