"""Where a registered version's files are, for KServe's storage initializer to fetch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.errors import InputError, MachineError
from holdfast.tracking import check_name, find_version, logged_model_id, tracking

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

# What KServe's storage initializer reads; MLflow's own scheme is not among them.
SCHEMES = ("s3", "gs", "hdfs", "webhdfs", "https", "http", "pvc", "oci", "hf")
PROXIED = "mlflow-artifacts"


@dataclass(frozen=True)
class Source:
    """A registered version, and where its files are."""

    model_name: str
    version: int
    run_id: str
    storage_uri: str

    def annotations(self) -> Mapping[str, str]:
        """Return what an InferenceService tells of the model that it serves."""
        told = {
            "holdfast/model-name": self.model_name,
            "holdfast/model-version": str(self.version),
            "holdfast/mlflow-run": self.run_id,
        }
        return {key: value for key, value in told.items() if value}


def find(model_name: str, reference: str, storage_uri: str, storage_root: str) -> Source:
    """Return a version, and where its files are.

    Args:
        model_name: Name in the registry.
        reference: A version's number, or an alias.
        storage_uri: Where the files are, if MLflow should not be asked for it.
        storage_root: What the MLflow server keeps `mlflow-artifacts:/` at.

    Raises:
        InputError: There is no such model or version, its files are not there, or KServe can't
            read them.
        MachineError: MLflow or the object store does not answer.
    """
    check_name("model_name", model_name)
    for parameter, uri in (("storage_uri", storage_uri), ("storage_root", storage_root)):
        check_uri(parameter, uri)
    with tracking() as client:
        version = find_version(client, model_name, reference)
        place = storage_uri or _place(client, version, storage_root)
    return Source(model_name, int(version.version), version.run_id or "", place)


def _place(client: "MlflowClient", version: "ModelVersion", root: str) -> str:
    model_id = logged_model_id(version)
    if not model_id.startswith("m-"):
        # A version that was made of a run's artifacts, before MLflow 3.
        location = client.get_model_version_download_uri(version.name, version.version)
    else:
        if "MLmodel" not in _files(client, model_id):
            raise InputError(
                f"Version {version.version} of {version.name!r} must have its files in the "
                f"artifact store. Found: no MLmodel. Register the model again."
            )
        location = client.get_logged_model(model_id).artifact_location
    return readable(str(location), version, root)


def _files(client: "MlflowClient", model_id: str) -> set[str]:
    """Return the names of a model's files; the store is asked where MLflow is no proxy for it."""
    from botocore import exceptions as s3

    try:
        return {file.path for file in client.list_logged_model_artifacts(model_id)}
    except (s3.BotoCoreError, s3.ClientError) as error:
        away = isinstance(error, s3.ConnectionError | s3.HTTPClientError)
        raise (MachineError if away else InputError)(
            f"The object store must tell which files {model_id} has. Found: {error}. Set "
            f"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and HOLDFAST_S3_ENDPOINT on this step, or "
            f"pass `storage_uri`."
        ) from error


def readable(location: str, version: "ModelVersion", root: str) -> str:
    """Return where KServe finds what MLflow keeps at `location`."""
    scheme, colon, rest = location.partition(":")
    if scheme == PROXIED:
        if root:
            return f"{root.rstrip('/')}/{re.sub(r'^//[^/]*', '', rest).lstrip('/')}"
        raise InputError(
            f"`storage_root` must say where the MLflow server keeps what it calls "
            f"mlflow-artifacts:/. Found: nothing, and version {version.version} of "
            f"{version.name!r} is at {location}, which KServe cannot read. Pass the server's "
            f"--artifacts-destination, such as s3://mlflow, or the whole `storage_uri`."
        )
    if colon and scheme in SCHEMES:
        return location
    raise InputError(
        f"KServe must be able to read where MLflow says that the files are. Found: version "
        f"{version.version} of {version.name!r} is at {location}, which it cannot read. Run "
        f"MLflow with --serve-artifacts --artifacts-destination s3://BUCKET, register the model "
        f"again and pass `storage_root`=s3://BUCKET; or copy the files to an object store and pass "
        f"`storage_uri`=s3://BUCKET/PREFIX."
    )


def check_uri(parameter: str, uri: str) -> None:
    """Refuse a URI that KServe can't read, or that carries a password."""
    scheme, colon, rest = uri.partition("://")
    if not uri:
        return
    if "@" in rest.partition("/")[0] or "?" in rest:
        raise InputError(
            f"`{parameter}` must hold no password and no key, for everybody who sees the "
            f"InferenceService sees it. Found: one that holds a user or a query. Put credentials "
            f"into the Secret of `service_account`."
        )
    if not colon or scheme not in SCHEMES or not rest or re.search(r"\s", uri):
        raise InputError(
            f"`{parameter}` must be SCHEME://PLACE with a scheme out of {list(SCHEMES)}. Found: "
            f"{uri[:200]!r}. For MinIO it is s3://BUCKET/PREFIX."
        )
