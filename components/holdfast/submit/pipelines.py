"""Upload a pipeline to KFP: what is there already is used, what changed is a new version."""

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.errors import InputError
from holdfast.ir import Compiled
from holdfast.kubeflow.api import Access, TransientError
from holdfast.kubeflow.lookup import equals

# KFP's columns: 128 letters for a pipeline, 127 for a version.
NAME_LETTERS = 100


@dataclass(frozen=True)
class Upload:
    """A compiled pipeline as KFP is to hold it.

    Attributes:
        name: The pipeline's name, from its YAML.
        digest: SHA-256 of the YAML, in hexadecimal.
        text: The YAML.
    """

    name: str
    digest: str
    text: str

    @property
    def version(self) -> str:
        """The version's name: the same for the same YAML."""
        # With the pipeline's name: a KFP that keeps pipelines in Kubernetes wants it unique.
        return f"{self.name}-{self.digest[:12]}"

    @property
    def description(self) -> str:
        """What the version's description says."""
        return f"Uploaded by holdfast. sha256: {self.digest}"

    def document(self) -> dict[str, str]:
        """Return what is sent beside the YAML."""
        return {"pipeline": self.name, "version": self.version, "sha256": self.digest}


@dataclass(frozen=True)
class Uploaded:
    """Where KFP holds it, and what was made for it: `pipeline`, `version`, or nothing."""

    upload: Upload
    pipeline_id: str
    version_id: str
    made: tuple[str, ...] = ()


def upload_of(compiled: Compiled) -> Upload:
    """Return a compiled pipeline as it is uploaded.

    Raises:
        InputError: KFP could not run it by itself.
    """
    name = compiled.name
    if not re.fullmatch(rf"[A-Za-z0-9][\x20-\x7e]{{0,{NAME_LETTERS - 1}}}", name):
        raise InputError(
            f"PIPELINE must have a name of up to {NAME_LETTERS} plain characters in its YAML. "
            f"Found: {name[:120]!r}. Give @dsl.pipeline a `name`."
        )
    artifacts = sorted(compiled.spec().root.input_definitions.artifacts)
    if artifacts:
        raise InputError(
            f"{name} must take parameters alone to run by itself. Found: the artifacts "
            f"{artifacts}. Put it into a pipeline."
        )
    return Upload(name, hashlib.sha256(compiled.text.encode()).hexdigest(), compiled.text)


def ensure(kfp: Access, upload: Upload) -> Uploaded:
    """Return where KFP holds the pipeline, which is uploaded as far as it is not there.

    The pipeline is made first, then its version: a call that is cut off in between leaves a
    pipeline without this version, and the next call adds it. Of several at once one makes it, and
    the others find it.

    Raises:
        InputError: KFP refuses it, or holds something else by its name.
    """
    from kfp_server_api import PipelineServiceApi, PipelineUploadServiceApi, V2beta1Pipeline

    client = kfp.client()
    made: list[str] = []
    api, uploads = PipelineServiceApi(client), PipelineUploadServiceApi(client)
    pipeline = _pipeline(kfp, api, upload)
    if pipeline is None:
        body = V2beta1Pipeline(
            name=upload.name, display_name=upload.name, namespace=kfp.namespace or None
        )
        try:
            pipeline = kfp.call(api.pipeline_service_create_pipeline, body)
            made.append("pipeline")
        except (InputError, TransientError):
            # Somebody else made it meanwhile, or a try that was not answered.
            pipeline = _pipeline(kfp, api, upload)
            if pipeline is None:
                raise
    version = _version(kfp, api, pipeline.pipeline_id, upload)
    if version is None:
        try:
            version = _send(kfp, uploads, pipeline.pipeline_id, upload)
            made.append("version")
        except (InputError, TransientError):
            version = _version(kfp, api, pipeline.pipeline_id, upload)
            if version is None:
                raise
    return Uploaded(upload, pipeline.pipeline_id, version.pipeline_version_id, tuple(made))


def _send(kfp: Access, uploads: Any, pipeline_id: str, upload: Upload) -> Any:
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
        # The very text that was hashed: the user's file may change meanwhile.
        file = Path(folder) / "pipeline.yaml"
        file.write_text(upload.text, encoding="utf-8", newline="")
        return kfp.call(
            uploads.upload_pipeline_version,
            str(file),
            pipelineid=pipeline_id,
            name=upload.version,
            display_name=upload.version,
            description=upload.description,
        )


def _pipeline(kfp: Access, api: Any, upload: Upload) -> Any:
    """Return the pipeline of that name, None if there is none."""
    named = {"namespace": kfp.namespace} if kfp.namespace else {}
    listing = api.pipeline_service_list_pipelines
    found = list(kfp.pages(listing, "pipelines", filter=equals("name", upload.name), **named))
    same = [p for p in found if upload.name in (p.name, p.display_name)]
    if not same and found:
        # MySQL's usual collation knows no case, and takes one name only once.
        name = found[0].name or found[0].display_name
        raise InputError(
            f"PIPELINE must have a name that differs from others by more than case. Found: "
            f"{upload.name!r} beside KFP's {name!r}. Rename one of them."
        )
    return same[0] if same else None


def _version(kfp: Access, api: Any, pipeline_id: str, upload: Upload) -> Any:
    """Return the version with this YAML, None if there is none."""
    listing = api.pipeline_service_list_pipeline_versions
    by_name = equals("name", upload.version)
    found = list(kfp.pages(listing, "pipeline_versions", pipeline_id=pipeline_id, filter=by_name))
    for version in found:
        if upload.digest in (version.description or ""):
            return version
    if found:
        raise InputError(
            f"KFP's version {upload.version!r} of pipeline {upload.name!r} must be one that "
            f"holdfast uploaded. Found: another description. Delete that version in KFP."
        )
    return None
