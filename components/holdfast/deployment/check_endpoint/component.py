"""KFP interface of check_endpoint."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("deployment"), install_kfp_package=False)
def check_endpoint(
    url: str,
    model_name: str,
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    model: dsl.Input[dsl.Model] = None,
    request: str = "",
    protocol: str = "both",
    version: int = 0,
    host: str = "",
    timeout_seconds: float = 10.0,
    retries: int = 3,
) -> str:
    """Check that a served model is there, answers its input example, and refuses nonsense.

    It asks for liveness, readiness and metadata, for the answers to the rows, and for what must be
    refused: a body that is no JSON, one of wrong types, and a model that is not there. An endpoint
    that does not answer is a failed check, not an error: the pipeline goes on to the way back.
    A bearer token is read from the variable HOLDFAST_ENDPOINT_TOKEN and sent with each request.

    Args:
        url: http(s)://HOST[:PORT] of the endpoint, without /v1 or /v2. Where traffic is split
            between versions, that of the one to be checked.
        model_name: The name of the model in the path.
        model: The model that is served: its input example is sent, and the answers are held
            against its signature and classes. May be left out where request is given.
        request: A JSON body to send instead, of V1 (instances) or V2 (inputs); empty for the
            model's input example.
        protocol: v1, v2 (Open Inference Protocol) or both; that of the request, if one is given.
        version: The version that must answer, as the answers or the metadata tell it; 0 for any.
        host: The Host header, where an ingress such as Istio's or Knative's is asked by its
            address; empty for that of the URL.
        timeout_seconds: Seconds until a call is given up, above 0 to 600.
        retries: How often a call is made again that nobody answered or that got 429, 502, 503 or
            504; 0 to 20. The waits between grow from 0.5 to 10 seconds.

    Returns:
        verdict: Decision and findings as JSON; the subject of a finding is the call.
        report: The calls with their status and time, and the findings, as a page.
        summary: The same as Markdown.
        metrics: Milliseconds of each call as PROTOCOL_CALL_ms, calls, calls_with_findings, and
            repeated_calls.
        Output: The decision: pass, warn (an unknown model gets another 4xx than 404) or fail.
    """
    from holdfast.deployment.check_endpoint import logic

    where = (url, model_name, host)
    sent = (getattr(model, "path", ""), request)
    settings = logic.ask(where, sent, protocol, version, (timeout_seconds, retries))
    result = logic.check(settings)
    metrics.metadata.update(result.scores)
    verdict.metadata.update(result.write(verdict.path, report.path, summary.path))
    return result.verdict.decision
