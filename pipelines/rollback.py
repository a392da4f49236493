"""From the champion back to the one before."""

from typing import NamedTuple

from kfp import dsl

from holdfast.catalog import check_verdict, deploy_model, report_version, roll_back_model
from holdfast.images import image as image_of
from holdfast.presets import apply, defaults, mlflow, object_store, retry, sized


class Outputs(NamedTuple):
    """What a run ends with."""

    version: int
    previous: int
    version_report: dsl.HTML


@dsl.pipeline(name="rollback")
@defaults(sized)
def rollback(
    model_name: str,
    reason: str,
    expected_champion: int = -1,
    name: str = "",
    namespace: str = "",
    service_account: str = "",
    storage_root: str = "",
    image: str = image_of("serving"),
    user: int = 1000,
    replicas: list[int] = [1, 3],  # noqa: B006  # KFP reads the default from the signature
    requests: dict[str, str] = {},  # noqa: B006
    limits: dict[str, str] = {"memory": "1Gi"},  # noqa: B006
    annotations: dict[str, str] = {},  # noqa: B006
    timeout_seconds: int = 600,
) -> Outputs:
    """Give the alias back to the champion before this one, and let it serve again.

    One step back, however often the run's steps are tried again; another run goes another step
    back. Without the name of an InferenceService only the alias moves: what serves the model
    already keeps the version that it has until it is started or deployed anew. With it, say of the
    pods what deployment was told.

    Args:
        model_name: Name in the MLflow registry.
        reason: Why, for people.
        expected_champion: The version that is to lose the alias, so that of two who go back at once
            the second changes nothing; below 0 for whichever has it.
        name: Of the InferenceService that is to serve the champion with all traffic; empty for
            none.
        namespace: Where it is; empty for the run's own.
        service_account: Of the pods; its Secret holds the object store's credentials.
        storage_root: What MLflow's server keeps mlflow-artifacts:/ at, such as s3://mlflow.
        image: Of the predictor.
        user: Uid of the pods; 0 for what the cluster assigns, as OpenShift does.
        replicas: Fewest and most pods.
        requests: What each pod is sure of; empty for {"cpu": "250m", "memory": "512Mi"}.
        limits: What each pod may not pass: cpu, memory; what is left out has no limit.
        annotations: Of the InferenceService; KServe passes them on to the pods.
        timeout_seconds: How long the service may take to get Ready.

    Returns:
        version: The champion now.
        previous: The version that lost the alias, 0 if none had it.
        version_report: Why this version is live, as a page.
    """
    back = roll_back_model(
        model_name=model_name,
        reason=reason,
        expected_champion=expected_champion,
        key=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
    )
    why = report_version(model_name=model_name, version=back.outputs["version"])
    with dsl.If(name != "", name="served"):
        deployed = deploy_model(
            model_name=model_name,
            name=name,
            namespace=namespace,
            image=image,
            user=user,
            replicas=replicas,
            requests=requests,
            limits=limits,
            annotations=annotations,
            service_account=service_account,
            storage_root=storage_root,
            timeout_seconds=timeout_seconds,
        ).after(back)
        # What did not get Ready was taken back by deploy_model itself.
        check_verdict(verdict=deployed.outputs["verdict"])

    for step in (back, why, deployed):
        apply(step, object_store, mlflow, retry(2)).set_caching_options(False)
    return Outputs(
        version=back.outputs["version"],
        previous=back.outputs["previous"],
        version_report=why.outputs["report"],
    )
