"""KFP interface of shift_traffic."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("deployment"), install_kfp_package=False)
def shift_traffic(
    name: str,
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    model: dsl.Input[dsl.Model] = None,
    request: str = "",
    protocol: str = "v2",
    namespace: str = "",
    steps: List[int] = [1, 5, 10, 25, 50, 100],  # noqa: B006  # KFP reads it
    step_seconds: float = 60.0,
    requests: int = 50,
    p95_objective_ms: float = 500.0,
    max_error_share: float = 0.01,
    url: str = "",
    host: str = "",
    timeout_seconds: int = 300,
    dry_run: bool = False,
) -> str:
    """Shift traffic to a new version step by step, and back if it does not stay well.

    Each step sets canaryTrafficPercent, waits until KServe reports it, then sends requests to the
    service and, where the new version has an address of its own, to that. A step that breaks an
    objective, or a service that is no longer Ready, gives all traffic back to the earlier version;
    so does the end of the step by SIGTERM, as when a run is cancelled. A version that has all of
    the traffic already is asked at 100 % alone, and keeps it. KServe must be in Knative mode. A
    bearer token is read from HOLDFAST_ENDPOINT_TOKEN.

    Args:
        name: Of the InferenceService, and of the model in its paths.
        model: The model that is served: its input example is sent.
        request: A JSON body to send instead; without both, GET /v2/health/ready is asked.
        protocol: v1 or v2 (Open Inference Protocol), of what is sent.
        namespace: Where it is; empty for the step's own, or that of KUBECONFIG's context.
        steps: Shares of the traffic in percent, 1 to 100, each above the last.
        step_seconds: How long a step lasts, 0 to 86400; its requests are spread evenly over it.
        requests: How many are sent in each step to each address, 1 to 100000.
        p95_objective_ms: Milliseconds within which 95 % of a step's answers must come.
        max_error_share: The share of a step's requests that may fail, at least 0 and below 1.
        url: Where to ask, in the place of what KServe says; then that address alone is asked.
        host: The Host header for url, where an ingress is asked by its address.
        timeout_seconds: How long KServe may take to reach a step's share.
        dry_run: Only check whether it could be done: nothing is asked, and no traffic moves.

    Returns:
        verdict: Decision and reasons as JSON; its last reason says where the traffic is now.
        report: The steps, with shares, latency and errors in a picture, as a page.
        summary: The same as Markdown, without the picture.
        metrics: requests, errors, steps, worst_p95_ms, and final_share in percent if it is known.
        Output: The decision: pass or fail.
    """
    from holdfast.deployment.shift_traffic import logic

    asked = logic.question(getattr(model, "path", ""), request, protocol, name)
    objectives = logic.Objectives(p95_objective_ms, max_error_share, requests, step_seconds)
    where = (namespace, url, host)
    plan = logic.plan(name, steps, objectives, asked, where, timeout_seconds)
    result = logic.try_shift(plan) if dry_run else logic.shift(plan)
    metrics.metadata.update(result.scores)
    verdict.metadata.update(result.write(verdict.path, report.path, summary.path))
    return result.verdict.decision
