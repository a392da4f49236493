"""Find what was uploaded to Kubeflow Pipelines by its name."""

import json
from typing import Any

from holdfast.errors import InputError
from holdfast.kubeflow.api import Access, TransientError


def equals(key: str, value: str) -> str:
    """Return the filter for what has this value."""
    predicate = {"key": key, "operation": "EQUALS", "stringValue": value}
    return json.dumps({"predicates": [predicate]})


def find_pipeline(kfp: Access, name: str, version_name: str) -> tuple[Any, Any]:
    """Return the pipeline and its version.

    Raises:
        InputError: There is none of that name; the message lists those that there are.
    """
    from kfp_server_api import PipelineServiceApi

    api = PipelineServiceApi(kfp.client())
    named = {"namespace": kfp.namespace} if kfp.namespace else {}
    listing = api.pipeline_service_list_pipelines
    pipelines = list(kfp.pages(listing, "pipelines", filter=equals("name", name), **named))
    if not pipelines:
        # By the name that is shown, or by its id; or to say what there is.
        pipelines = list(kfp.pages(listing, "pipelines", **named))
    pipeline = _one(pipelines, name, "pipeline_id")
    if pipeline is None:
        raise InputError(
            f"`pipeline` must be one that was uploaded to KFP"
            f"{f' in namespace {kfp.namespace}' if kfp.namespace else ''}. Expected: one of "
            f"{_names(pipelines)}. Found: {name!r}. Upload it, or name another."
        )
    versions = list(
        kfp.pages(
            api.pipeline_service_list_pipeline_versions,
            "pipeline_versions",
            pipeline_id=pipeline.pipeline_id,
            sort_by="created_at desc",
        )
    )
    version = (
        _one(versions, version_name, "pipeline_version_id") if version_name else
        next(iter(versions), None)
    )  # fmt: skip
    if version is None:
        raise InputError(
            f"`version` must be one of pipeline {name!r}. Expected: one of "
            f"{_names(versions)}. Found: {version_name!r}. Upload it, or leave it empty for the "
            f"newest."
        )
    return pipeline, version


def _one(candidates: list[Any], name: str, identity: str) -> Any:
    """Return what has the name, else the name that is shown, else the id."""
    for attribute in ("name", "display_name", identity):
        found = [c for c in candidates if getattr(c, attribute, None) == name]
        if found:
            return found[0]
    return None


def _names(candidates: list[Any]) -> list[str]:
    return [str(getattr(c, "name", None) or c.display_name) for c in candidates[:20]]


def ensure_experiment(kfp: Access, name: str) -> str:
    """Return the id of the experiment, which is made if there is none of that name."""
    from kfp_server_api import ExperimentServiceApi, V2beta1Experiment

    api = ExperimentServiceApi(kfp.client())
    named = {"namespace": kfp.namespace} if kfp.namespace else {}

    def find() -> str:
        equal = equals("display_name", name)
        listing = api.experiment_service_list_experiments
        listed = list(kfp.pages(listing, "experiments", filter=equal, **named))
        found = next((e for e in listed if e.display_name == name), None)
        if found is None and listed:
            # MySQL's usual collation knows no case, and takes one name only once.
            raise InputError(
                f"`experiment` must have a name that differs from others by more than case. Found: "
                f"{name!r} beside KFP's {listed[0].display_name!r}. Use that one, or another."
            )
        if found is not None and str(found.storage_state) == "ARCHIVED":
            raise InputError(
                f"`experiment` must be one that takes runs. Found: {name!r}, which is archived. "
                f"Restore it in KFP, or name another."
            )
        return found.experiment_id if found is not None else ""

    found = find()
    if found:
        return found
    body = V2beta1Experiment(display_name=name, namespace=kfp.namespace or None)
    try:
        made: str = kfp.call(api.experiment_service_create_experiment, body).experiment_id
        return made
    except (InputError, TransientError):
        # Somebody else made it meanwhile, or a try that was not answered.
        found = find()
        if not found:
            raise
        return found
