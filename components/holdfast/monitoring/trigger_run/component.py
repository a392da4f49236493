"""KFP interface of trigger_run."""

from typing import Any, Dict, NamedTuple

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("monitoring"), install_kfp_package=False)
def trigger_run(
    pipeline: str,
    window: str,
    summary: dsl.Output[dsl.Markdown],
    version: str = "",
    parameters: Dict[str, Any] = {},  # noqa: B006  # KFP reads the default from the signature
    purpose: str = "",
    experiment: str = "Default",
    namespace: str = "",
    endpoint: str = "",
    ui: str = "",
    token_env: str = "KFP_TOKEN",  # noqa: S107  # the name of a variable
    rerun_failed: bool = False,
    wait_minutes: float = 0.0,
) -> NamedTuple("Outputs", run_id=str, started=bool, state=str, url=str):
    """Start a run of a pipeline that was uploaded to Kubeflow Pipelines, once for a window.

    The run is called PIPELINE PURPOSE WINDOW, and its description carries a key: a second call
    finds it and starts none, so that this step can be tried again. KFP knows no lock: of two steps
    at the same moment the later terminates its run, seconds after it began.

    Args:
        pipeline: Its name in KFP, or its id.
        window: What it is started for, best by its start in ISO 8601.
        version: The name or id of its version; empty for the newest.
        parameters: Values by name, checked against what the version takes before anything starts.
        purpose: What tells apart runs of the same pipeline and window, such as the model's name.
        experiment: The experiment that the run belongs to; made if there is none.
        namespace: The profile's namespace in a multi-user KFP; empty otherwise.
        endpoint: The API's address; empty for that of KFP_ENDPOINT, or else the cluster's own,
            http://ml-pipeline.kubeflow:8888.
        ui: The address that people open, for links; empty for the endpoint.
        token_env: The variable that holds a token, from a Secret. Without one it is the service
            account's, which KFP mounts at /var/run/secrets/kubeflow/pipelines/token.
        rerun_failed: Start again where the window's run failed or was cancelled.
        wait_minutes: For how long to wait for the run's end; it must then succeed. 0 for not.

    Returns:
        summary: The run with its parameters.
        run_id: Its id.
        started: Whether it was started now; false where it was there.
        state: PENDING, RUNNING, SUCCEEDED and so on, as KFP has it.
        url: Its page.
    """
    from holdfast.kubeflow.api import access
    from holdfast.monitoring.trigger_run import logic

    request = logic.TriggerRequest(
        pipeline, window, purpose, version, parameters, experiment, rerun_failed
    )
    kfp = access(endpoint, token_env, namespace)
    run = logic.trigger(request, kfp, ui)
    run.page.write_markdown(summary.path)
    state = logic.follow(run, kfp, wait_minutes)
    return (run.run_id, run.started, state, run.url)
