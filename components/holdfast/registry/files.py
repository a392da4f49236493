"""The files of a version in the artifact store."""

from typing import TYPE_CHECKING

from holdfast.errors import InputError
from holdfast.reading import read_yaml_file
from holdfast.tracking import get_version, logged_model_id

if TYPE_CHECKING:
    from mlflow import MlflowClient

# The folder beside a model's files that holds what was attached to it.
EVIDENCE = "evidence"


def require_readable(client: "MlflowClient", name: str, version: int) -> None:
    """Refuse a version whose files can't be read: no alias may move to it.

    The files are listed, and MLmodel, without which nothing loads, is read; the others are small or
    large, and were compared with the model when it was registered.

    Raises:
        InputError: They are not there, or the artifact store does not answer.
    """
    import tempfile

    from mlflow.artifacts import download_artifacts

    model_id = logged_model_id(get_version(client, name, version))
    listed = {entry.path for entry in client.list_logged_model_artifacts(model_id)}
    wanted = {"MLmodel"}
    if wanted <= listed:
        with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
            uri = f"models:/{name}/{version}/MLmodel"
            place = _model_path(download_artifacts(uri, dst_path=folder), name, version)
        wanted |= {place.split("/")[0]} if place else set()
    lacking = sorted(wanted - listed)
    if lacking:
        raise InputError(
            f"Version {version} of {name!r} must have its files in the artifact store. Found: no "
            f"{', '.join(lacking)}. The alias stays where it is; register the model again."
        )


def _model_path(file: str, name: str, version: int) -> str:
    """Return where MLmodel says that the model lies; empty if it does not say."""
    try:
        flavors = read_yaml_file(file).get("flavors") or {}
        return str((flavors.get("python_function") or {}).get("model_path") or "")
    except (ValueError, AttributeError) as error:
        raise InputError(
            f"Version {version} of {name!r} must have its files in the artifact store. Found: an "
            f"MLmodel that is none ({error}). The alias stays where it is; register the model "
            f"again."
        ) from error
