"""How a stand-in for Kubeflow Pipelines takes pipelines and their versions, also as files."""

import email
from typing import Any

import yaml

from tests.services.kfp_objects import KFP, RefusedError

PATHS = ("/pipelines/upload", "/pipelines/upload_version")


def create_pipeline(kfp: KFP, body: Any, description: str = "") -> Any:
    """Make a pipeline without a version."""
    namespace = body.namespace or ""
    name = body.name or body.display_name
    with kfp.lock:
        kfp.check_name("pipelines", "name", name, namespace)
        return kfp.add(
            "pipelines", namespace, name=name, display_name=body.display_name or name,
            description=body.description or description, namespace=body.namespace,
        )  # fmt: skip


def take(kfp: KFP, path: str, query: dict[str, str], kind: str, sent: bytes) -> Any:
    """Take an uploaded file: as a pipeline with its first version, or as a version."""
    file, spec = _file(kind, sent)
    name = query.get("name") or query.get("display_name") or file
    told = query.get("description", "")
    with kfp.lock:
        if path == PATHS[0]:
            body = kfp_pipeline(name, query.get("display_name") or name, query.get("namespace"))
            pipeline = create_pipeline(kfp, body, told)
            _add_version(kfp, pipeline, name, told, spec)
            return pipeline
        pipeline = kfp.get("pipelines", query.get("pipelineid", ""))
        return _add_version(kfp, pipeline, name, told, spec)


def kfp_pipeline(name: str, display_name: str, namespace: str | None) -> Any:
    from kfp_server_api import V2beta1Pipeline

    return V2beta1Pipeline(name=name, display_name=display_name, namespace=namespace)


def _add_version(kfp: KFP, pipeline: Any, name: str, told: str, spec: Any) -> Any:
    of = [v for v in kfp.objects["pipeline_versions"] if v.pipeline_id == pipeline.pipeline_id]
    if len(name) > 127:
        raise RefusedError(400, "PipelineVersion.Name length cannot exceed 127")
    if any(version.name.lower() == name.lower() for version in of):
        raise RefusedError(409, "Failed to create a pipeline version")
    return kfp.add(
        "pipeline_versions", kfp.namespaces[pipeline.pipeline_id], name=name, display_name=name,
        pipeline_id=pipeline.pipeline_id, description=told, pipeline_spec=spec,
    )  # fmt: skip


def _file(kind: str, sent: bytes) -> tuple[str, Any]:
    """Return the name of the file, and what is in it."""
    message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + sent)
    parts = [p for p in message.walk() if p.get_param("name", header="Content-Disposition")]
    files = {p.get_param("name", header="Content-Disposition"): p for p in parts}
    if "uploadfile" not in files:
        raise RefusedError(400, "Failed to read pipeline from file")
    name = files["uploadfile"].get_filename() or ""
    if not name.endswith((".yaml", ".yml")):
        raise RefusedError(400, "Unexpected pipeline file format. Support .zip, .tar.gz or YAML")
    try:
        text = files["uploadfile"].get_payload(decode=True).decode()
        documents = [d for d in yaml.load_all(text, yaml.CSafeLoader) if d]
        pipeline, *platform = documents
        if "pipelineInfo" not in pipeline:
            raise ValueError
    except (ValueError, yaml.YAMLError, TypeError):
        raise RefusedError(400, "Failed to read a pipeline spec file") from None
    spec = {"pipeline_spec": pipeline, "platform_spec": platform[0]} if platform else pipeline
    return name, spec
