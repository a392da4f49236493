"""KFP interface of batch_predict."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("serving"), install_kfp_package=False)
def batch_predict(
    inputs: dsl.Input[dsl.Dataset],
    predictions: dsl.Output[dsl.Dataset],
    quarantine: dsl.Output[dsl.Dataset],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    model: dsl.Input[dsl.Model] = None,
    model_name: str = "",
    version: str = "champion",
    keep: List[str] = [],  # noqa: B006  # KFP reads the default from the signature
    key: List[str] = [],  # noqa: B006
    parse: List[str] = [],  # noqa: B006
    predicted_at: str = "",
    max_quarantine_share: float = 0.1,
) -> str:
    """Score a table of any size with a model, and set aside the rows that can't be scored.

    Columns are checked before a row is scored; validate_table is what checks values. Set aside are
    rows with an infinite number, without a value that this model can't do without, that it refuses,
    or that it gives no finite answer. The same table, model and time give the same bytes.

    Args:
        inputs: The rows; the target may be there, is carried along and never read.
            Needs: {columns: [$keep, $key, $parse], without: [quarantine_reasons]}
        model: The model to score with, as fetch_model or a training component writes it.
        model_name: Instead of it: a name in the registry that MLFLOW_TRACKING_URI names.
        version: With model_name: a version's number, or an alias.
        keep: The columns that go along with the predictions, besides key and target; none for all.
        key: The columns that say which row a prediction is of, to join the truth by later.
        parse: Features that are text in the table and numbers or dates to the model; a value that
            can't be read sets its row aside.
        predicted_at: The time to write beside predictions, ISO 8601, UTC without an offset. Empty
            for now: a retried step writes other bytes then.
        max_quarantine_share: Share of the rows that may be set aside, 0 to 1; more fails.

    Returns:
        predictions: The scored rows in order, with prediction, probability_CLASS of each class,
            model_name, model_version (0 without a registry), data_sha256 and predicted_at (UTC).
            Gives: {like: inputs, kind: predictions, target: $model, task: $model, keeps: $keep,
            adds: [prediction, probability_*, $key, model_name, model_version, data_sha256,
            predicted_at]}
        quarantine: The others, with all their columns and quarantine_reasons (code: columns).
            Gives: {like: inputs, adds: [quarantine_reasons]}
        verdict: Decision and reasons as JSON.
        report: What was scored, set aside and answered, as a page.
        summary: The same as Markdown.
        metrics: Numbers of rows, the share set aside, and shares and means of the answers.
        Output: The decision: pass, warn (rows were set aside, or there are none) or fail.
    """
    from holdfast.serving.batch_predict import logic
    from holdfast.table import open_table

    choice = logic.Choice(tuple(keep), tuple(key), tuple(parse))
    request = logic.Request(choice, predicted_at, max_quarantine_share)
    subject = logic.find_model(getattr(model, "path", ""), model_name, version)
    table = open_table(inputs.path, "inputs")
    done = logic.predict(table, subject, predictions.path, quarantine.path, request)
    predictions.metadata.update(done.metadata())
    quarantine.metadata.update(done.quarantine.metadata())
    metrics.metadata.update(done.metrics)
    verdict.metadata.update(done.write(verdict.path, report.path, summary.path))
    return done.verdict.decision
