"""KFP interface of check_parity."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("serving"), install_kfp_package=False)
def check_parity(
    model: dsl.Input[dsl.Model],
    table: dsl.Input[dsl.Dataset],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    rows: int = 200,
    seed: int = 42,
    url: str = "",
    model_name: str = "",
) -> str:
    """Tell whether a model answers over HTTP what it answers in process, to the last bit.

    Rows are drawn from a table and asked for by both protocols, the first ones alone and the rest
    in batches. The decision is fail where an answer or a probability differs or a row is not
    answered; warn where rows were left out because JSON can't say an infinite number.

    Args:
        model: The model, as a training component writes it.
        table: Rows that it can read, such as its training table; the target is not needed.
        rows: How many rows to draw, 1 to 10,000; all where the table has fewer.
        seed: Seed of the draw.
        url: The server to ask, http(s)://HOST:PORT; empty: the predictor is started in this step,
            on the loopback interface.
        model_name: The name at that server; empty: the only one that it serves.

    Returns:
        verdict: Decision and reasons as JSON: how many rows differ, by how much, and which.
        report: What was compared and found as a page.
        summary: The same as Markdown.
        metrics: Rows compared and left out, and by protocol rows that differ (v1_differing),
            rows not answered (v1_unanswered) and the largest difference between two numbers
            (v1_largest_difference).
        Output: The decision: pass, warn or fail.
    """
    from holdfast.model import load_model
    from holdfast.serving.check_parity import logic
    from holdfast.table import open_table

    drawn = logic.draw(load_model(model.path), open_table(table.path, "table"), rows, seed)
    with logic.served(model.path, url, model_name) as server:
        result = logic.compare(drawn, server)
    metrics.metadata.update(result.metrics())
    verdict.metadata.update(result.write(verdict.path, report.path, summary.path))
    return result.verdict.decision
