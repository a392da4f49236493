"""KFP interface of load_test_endpoint."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("deployment"), install_kfp_package=False)
def load_test_endpoint(
    url: str,
    model_name: str,
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    model: dsl.Input[dsl.Model] = None,
    table: dsl.Input[dsl.Dataset] = None,
    protocol: str = "v1",
    rate: float = 10.0,
    duration_seconds: float = 30.0,
    max_requests: int = 10000,
    users: int = 50,
    rows_per_request: int = 1,
    p95_objective_ms: float = 100.0,
    max_error_share: float = 0.01,
    timeout_seconds: float = 10.0,
    host: str = "",
) -> str:
    """Put a bounded load on a served model with locust, and judge its latency and errors.

    Requests are due at a constant rate, whatever the answers do; a latency counts from when its
    request was due. An endpoint that does not answer gets one request, and the verdict is fail: the
    pipeline goes on to the way back. A bearer token is read from HOLDFAST_ENDPOINT_TOKEN.

    Args:
        url: http(s)://HOST[:PORT] of the endpoint, without /v1 or /v2.
        model_name: The name of the model in the path.
        model: The model that is served, an MLflow model directory: its input example is sent, or
            the columns of table that its signature names. May be left out where table is given.
        table: Rows to send, the first 1000 in turn; without it those of the input example.
        protocol: v1 or v2 (Open Inference Protocol).
        rate: Requests a second, above 0 to 10000; a core does some hundreds.
        duration_seconds: How long, above 0 to 3600.
        max_requests: How many requests at most, 1 to 200000.
        users: How many requests may wait for their answers at once, 1 to 1000.
        rows_per_request: Rows in each request, 1 to 10000.
        p95_objective_ms: Milliseconds within which 95 % of the requests must be answered.
        max_error_share: The share of the requests that may fail, 0 to 1.
        timeout_seconds: Seconds until a request is given up, above 0 to 600.
        host: The Host header, where an ingress is asked by its address; empty for the URL's.

    Returns:
        verdict: Decision and findings as JSON. That the generator itself could not keep up is a
            finding of its own, generator_behind: a missed objective is then a warning.
        report: Quantiles with their intervals, latency over time, histogram and errors as a page.
        summary: The same as Markdown, without plots.
        metrics: p50_ms, p95_ms and p99_ms with their ends as p95_low_ms and p95_high_ms, requests,
            errors, error_share, rate, rate_asked, sent_late_share, and the generator's own.
        Output: The decision: pass; fail (p95 beyond the objective with its whole interval, too many
            errors, no answer); or warn (undecided, or another load than asked for).
    """
    from holdfast.deployment.load_test_endpoint import logic

    rows = (getattr(model, "path", ""), getattr(table, "path", ""))
    amount = (rate, duration_seconds, max_requests, users, rows_per_request, timeout_seconds)
    objective = (p95_objective_ms, max_error_share)
    settings = logic.ask((url, model_name, host), protocol, *rows, amount, objective)
    result = logic.load_test(settings)
    metrics.metadata.update(result.scores)
    verdict.metadata.update(result.write(verdict.path, report.path, summary.path))
    return result.verdict.decision
