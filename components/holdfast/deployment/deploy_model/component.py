"""KFP interface of deploy_model."""

from typing import Dict, List, NamedTuple

from kfp import dsl

from holdfast import images


@dsl.component(base_image=images.image("deployment"), install_kfp_package=False)
def deploy_model(
    model_name: str,
    name: str,
    verdict: dsl.Output[dsl.Artifact],
    summary: dsl.Output[dsl.Markdown],
    version: str = "champion",
    namespace: str = "",
    image: str = "",
    canary_traffic_percent: int = 100,
    replicas: List[int] = [1, 3],  # noqa: B006  # KFP reads it
    requests: Dict[str, str] = {},  # noqa: B006
    limits: Dict[str, str] = {"memory": "1Gi"},  # noqa: B006
    service_account: str = "",
    storage_root: str = "",
    storage_uri: str = "",
    user: int = 1000,
    labels: Dict[str, str] = {},  # noqa: B006
    annotations: Dict[str, str] = {},  # noqa: B006
    timeout_seconds: int = 600,
    force: bool = False,
    dry_run: bool = False,
) -> NamedTuple("Outputs", decision=str, url=str, canary_url=str, revision=str):
    """Serve a registered model by KServe, wait until it is Ready, and go back if it is not.

    Args:
        model_name: Name in the registry that MLFLOW_TRACKING_URI names.
        name: Of the InferenceService and in its paths: up to 38 small letters, digits, dashes.
        version: A number, or an alias as it is when the step runs: switch caching off for the step.
        namespace: Where to serve; empty for the step's own, or that of KUBECONFIG's context.
        image: Of the predictor.
        canary_traffic_percent: Of the new version, 0 to 100; below 100 only in Knative mode. What
            is rolled out already, with all of the traffic, keeps it.
        replicas: Fewest and most pods; fewest 0 lets Knative scale to zero.
        requests: What each pod is sure of; empty for {"cpu": "250m", "memory": "512Mi"}.
        limits: What each pod may not pass: cpu, memory; what is left out has no limit.
        service_account: Of the pods; its Secret holds the object store's credentials.
        storage_root: Where an MLflow that proxies keeps mlflow-artifacts:/, such as s3://mlflow.
        storage_uri: Where the files are if not where MLflow has them, such as s3://BUCKET/PREFIX.
        user: Uid of the pods; 0 for what the cluster assigns, as OpenShift does.
        labels: Of the InferenceService; KServe passes them on to the pods.
        annotations: The same; serving.kserve.io/deploymentMode chooses Knative or Standard.
        timeout_seconds: How long it may take to get Ready.
        force: Take fields over that other managers than holdfast own, instead of failing.
        dry_run: Let the API server say what would change, and change nothing.

    Returns:
        verdict: Decision and reasons as JSON, with the messages of KServe's conditions.
        summary: What is deployed, its conditions, and each changed field.
        decision: pass or fail.
        url: Where the cluster reaches it, without a path; empty if there is nothing.
        canary_url: Where the new version alone answers, whatever its share; url without Knative.
        revision: Knative's name of the newest revision; empty without Knative.
    """
    from holdfast.deployment.deploy_model import logic

    pods = logic.Pods(replicas, requests or logic.REQUESTS, limits, service_account, user)
    request = logic.Request(name, image, canary_traffic_percent, pods, labels, annotations)
    source = logic.find(model_name, version, storage_uri, storage_root)
    done = logic.deploy(request, source, logic.options(namespace, timeout_seconds, force, dry_run))
    verdict.metadata.update(done.write(verdict.path, summary.path))
    return (done.verdict.decision, done.url, done.canary_url, done.revision)


# KFP runs the stub's source, where no function of ours is known: the default is given here.
deploy_model.component_spec.inputs["image"].default = images.image("serving")
