"""From a registered model to one that serves, or back to the one before."""

from typing import NamedTuple

from kfp import dsl

from holdfast.catalog import (
    check_endpoint,
    check_parity,
    check_verdict,
    deploy_model,
    fetch_model,
    ingest_table,
    load_test_endpoint,
    promote_model,
    resolve_source,
    roll_back_model,
    shift_traffic,
)
from holdfast.images import image as image_of
from holdfast.presets import (
    apply,
    defaults,
    endpoint,
    mlflow,
    object_store,
    retry,
    sized,
)

CHAMPION = "champion"


class Outputs(NamedTuple):
    """What a run ends with."""

    version: int
    previous: int
    parity_decision: str
    parity_report: dsl.HTML
    url: str


@dsl.pipeline(name="deployment")
@defaults(sized)
def deployment(
    model_name: str,
    name: str,
    uri: str,
    version: str = "challenger",
    reason: str = "",
    namespace: str = "",
    service_account: str = "",
    storage_root: str = "",
    storage_uri: str = "",
    image: str = image_of("serving"),
    user: int = 1000,
    replicas: list[int] = [1, 3],  # noqa: B006  # KFP reads the default from the signature
    requests: dict[str, str] = {},  # noqa: B006
    limits: dict[str, str] = {"memory": "1Gi"},  # noqa: B006
    annotations: dict[str, str] = {},  # noqa: B006
    steps: list[int] = [1, 5, 10, 25, 50, 100],  # noqa: B006
    step_seconds: float = 60.0,
    rate: float = 10.0,
    load_seconds: float = 30.0,
    p95_objective_ms: float = 100.0,
    max_error_share: float = 0.01,
    timeout_seconds: int = 600,
) -> Outputs:
    """Serve a version beside the one before, promote it, and shift the traffic to it step by step.

    ask the cluster what it would change, fetch the version, check that it answers over HTTP what it
    answers in process, deploy it without traffic, send it its input example and a bounded load,
    promote it, shift the traffic. Where one of these fails, the run fails with the reason.

    Until a version was deployed, answered and bore the load, champion and traffic stay where they
    are. One that did not keeps its pods until the next run replaces it, without traffic unless it
    is the first. Where the traffic does not stay well, it goes back to the revision before, and the
    champion in whose place this run promoted the version gets alias and service back.

    A version that is champion and has all of the traffic keeps both, whatever a further run finds.
    A run that was cut off after the promotion leaves the alias: retry it, or give the alias back by
    the rollback pipeline. A new run shifts the traffic, too, but takes back only what it promoted.

    KServe must be in Knative mode, which alone can share traffic between two versions; in Standard
    mode use deploy_model by itself.

    Args:
        model_name: Name in the MLflow registry.
        name: Of the InferenceService: up to 38 small letters, digits and dashes.
        uri: Rows to compare the answers by, such as the training table: a path, file://, http(s)://,
            s3:// or minio://; one object, a prefix or a glob.
        version: The version to serve: an alias or a number.
        reason: Why it is promoted, for people.
        namespace: Where to serve; empty for the run's own.
        service_account: Of the pods; its Secret holds the object store's credentials.
        storage_root: Where an MLflow that proxies keeps mlflow-artifacts:/, such as s3://mlflow.
        storage_uri: Where the version's files are if not where MLflow has them, such as
            s3://BUCKET/PREFIX; those of a champion that is gone back to are where MLflow has them.
        image: Of the predictor.
        user: Uid of the pods; 0 for what the cluster assigns, as OpenShift does.
        replicas: Fewest and most pods.
        requests: What each pod is sure of; empty for {"cpu": "250m", "memory": "512Mi"}.
        limits: What each pod may not pass: cpu, memory; what is left out has no limit.
        annotations: Of the InferenceService and its pods, such as
            {"serving.kserve.io/deploymentMode": "Knative"} where that is not the cluster's default.
        steps: Shares of the traffic in percent, 1 to 100, each above the last.
        step_seconds: How long each share is watched.
        rate: Requests a second of the load.
        load_seconds: How long the load lasts.
        p95_objective_ms: Milliseconds within which 95 % of the answers must come.
        max_error_share: The share of the requests that may fail, at least 0 and below 1.
        timeout_seconds: How long the service may take to get Ready.

    Returns:
        version: The version that is served now.
        previous: The champion in whose place this run promoted it; 0 for none, and where it was
            champion already.
        parity_decision: pass or warn.
        parity_report: What was compared, as a page.
        url: Where the cluster reaches the service.
    """

    def deploy(
        version: str, canary_traffic_percent: int, storage_uri: str = "", dry_run: bool = False
    ) -> dsl.PipelineTask:
        """Serve a version."""
        task = deploy_model(
            model_name=model_name,
            name=name,
            version=version,
            namespace=namespace,
            image=image,
            canary_traffic_percent=canary_traffic_percent,
            replicas=replicas,
            requests=requests,
            limits=limits,
            service_account=service_account,
            storage_root=storage_root,
            storage_uri=storage_uri,
            user=user,
            annotations=annotations,
            timeout_seconds=timeout_seconds,
            dry_run=dry_run,
        )
        return apply(task, object_store, mlflow, retry(2)).set_caching_options(False)

    # What the cluster or the registry refuses is refused before anything else is done.
    allowed = deploy(version, 0, storage_uri, dry_run=True)
    source = resolve_source(uri=uri).after(allowed)
    table = ingest_table(uri=uri, fingerprint=source.outputs["fingerprint"])
    fetched = fetch_model(model_name=model_name, version=version).after(allowed)
    parity = check_parity(model=fetched.outputs["model"], table=table.outputs["table"])
    alike = check_verdict(verdict=parity.outputs["verdict"])
    deployed = deploy(version, 0, storage_uri).after(alike)
    # What did not get Ready was taken back by deploy_model itself.
    ready = check_verdict(verdict=deployed.outputs["verdict"])
    smoke = check_endpoint(
        url=deployed.outputs["canary_url"],
        model_name=name,
        model=fetched.outputs["model"],
        version=fetched.outputs["version"],
    ).after(ready)
    load = load_test_endpoint(
        url=deployed.outputs["canary_url"],
        model_name=name,
        model=fetched.outputs["model"],
        rate=rate,
        duration_seconds=load_seconds,
        p95_objective_ms=p95_objective_ms,
        max_error_share=max_error_share,
    ).after(smoke)
    well = check_verdict(verdict=smoke.outputs["verdict"], evaluation=load.outputs["verdict"])

    def shift(dry_run: bool = False) -> dsl.PipelineTask:
        """Give the version all of the traffic, step by step."""
        task = shift_traffic(
            name=name,
            model=fetched.outputs["model"],
            namespace=namespace,
            steps=steps,
            step_seconds=step_seconds,
            p95_objective_ms=p95_objective_ms,
            max_error_share=max_error_share,
            timeout_seconds=timeout_seconds,
            dry_run=dry_run,
        )
        return apply(task, endpoint, retry(2)).set_caching_options(False)

    # What would stop the shift at its start must not be found after the promotion.
    possible = shift(dry_run=True).after(well)
    promoted = promote_model(
        model_name=model_name,
        verdict=parity.outputs["verdict"],
        endpoint=smoke.outputs["verdict"],
        load=load.outputs["verdict"],
        version=fetched.outputs["version"],
        reason=reason,
        # What this run did not promote, it does not take back.
        key=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
    ).after(possible)
    shifted = shift().after(promoted)
    with dsl.If(shifted.outputs["Output"] == "fail", name="not-held"):
        with dsl.If(promoted.outputs["previous"] > 0, name="back"):
            back = roll_back_model(
                model_name=model_name,
                reason="It did not hold when deployed.",
                # What another run promoted meanwhile is not ours to take back.
                expected_champion=promoted.outputs["version"],
                # A step that is tried again goes no further back.
                key=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
            )
            restored = deploy(CHAMPION, 100).after(back)
            check_verdict(verdict=shifted.outputs["verdict"]).after(restored)
        with dsl.Else(name="stays"):
            check_verdict(verdict=shifted.outputs["verdict"])

    for step in (source, table, fetched):
        apply(step, object_store, retry(2))
    for step in (fetched, promoted, back):
        apply(step, mlflow)
    for step in (promoted, back):
        apply(step, object_store, retry(2))
    for step in (smoke, load):
        apply(step, endpoint, retry(2))
    for step in (source, fetched, smoke, load, promoted, back):
        step.set_caching_options(False)
    return Outputs(
        version=promoted.outputs["version"],
        previous=promoted.outputs["previous"],
        parity_decision=parity.outputs["Output"],
        parity_report=parity.outputs["report"],
        url=deployed.outputs["url"],
    )
