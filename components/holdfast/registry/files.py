"""The files of a version in the artifact store."""

from typing import TYPE_CHECKING

from holdfast.errors import InputError
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

    import yaml
    from mlflow.artifacts import download_artifacts

    model_id = logged_model_id(get_version(client, name, version))
    listed = {entry.path for entry in client.list_logged_model_artifacts(model_id)}
    wanted = {"MLmodel"}
    if wanted <= listed:
        with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
            uri = f"models:/{name}/{version}/MLmodel"
            with open(download_artifacts(uri, dst_path=folder), encoding="utf-8") as file:
                flavors = (yaml.safe_load(file) or {}).get("flavors") or {}
        python = flavors.get("python_function") or {}
        wanted |= {str(python["model_path"]).split("/")[0]} if python.get("model_path") else set()
    lacking = sorted(wanted - listed)
    if lacking:
        raise InputError(
            f"Version {version} of {name!r} must have its files in the artifact store. Found: no "
            f"{', '.join(lacking)}. The alias stays where it is; register the model again."
        )
