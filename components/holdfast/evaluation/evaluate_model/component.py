"""KFP interface of evaluate_model."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("evaluation"), install_kfp_package=False)
def evaluate_model(
    model: dsl.Input[dsl.Model],
    test: dsl.Input[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    curves: dsl.Output[dsl.ClassificationMetrics],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    predictions: dsl.Output[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset] = None,
    train: dsl.Input[dsl.Dataset] = None,
    metric: str = "",
    minimum: float = -1.0,
    on_undecided: str = "warn",
    threshold_rule: str = "f1",
    cost_ratio: float = 1.0,
    segments: List[str] = [],  # noqa: B006  # KFP reads the default from the signature
    min_segment_rows: int = 100,
    n_resamples: int = 500,
    confidence_level: float = 0.95,
    seed: int = 0,
) -> str:
    """Judge a model on rows it has not seen, as far as these rows can tell.

    Args:
        model: A model, as a training component writes it. Needs: {task: $metric}
        test: Rows it has not been trained on, with their target. Needs: {like: model,
            columns: [$model.target, $segments]}
        validation: Rows to choose the threshold of two classes on. Needs: {like: model}
        train: The training rows, to find test rows among them. Needs: {like: model}
        metric: roc_auc if empty, average_precision (two classes), accuracy, balanced_accuracy,
            precision, recall, f1 (class means), log_loss, brier; or r2 if empty, rmse, mae, mape.
        minimum: What it must reach, or keep to where lower is better; below 0: better than chance.
        on_undecided: The decision where the interval holds the minimum: pass, warn or fail.
        threshold_rule: f1 of the second class, youden, or cost.
        cost_ratio: What a missed member of the second class costs, in false alarms.
        segments: Columns, or several joined by commas; numbers by quartile.
        min_segment_rows: Segments of fewer rows are named, not judged.
        n_resamples: Bootstrap draws, at least 20.
        confidence_level: Share of the draws that an interval holds.
        seed: Seed of the draws.

    Returns:
        metrics: Metrics by name, and the ends of their intervals as NAME_low and NAME_high.
        curves: Confusion matrix and, of two classes, the ROC curve; empty for regression.
        verdict: Decision and reasons as JSON.
        report: Metrics, segments and plots as a page.
        summary: The same as Markdown, without plots.
        predictions: Row, truth, answer, probabilities. Gives: {kind: answers, target: truth}
        Output: The decision: pass, warn or fail.
    """
    from holdfast.evaluation.evaluate_model import logic
    from holdfast.model import load_model

    request = logic.ask(
        (metric, minimum, on_undecided), (threshold_rule, cost_ratio),
        (tuple(segments), min_segment_rows), (n_resamples, confidence_level, seed),
    )  # fmt: skip
    tables = logic.open_tables(test.path, *(getattr(t, "path", "") for t in (validation, train)))
    result = logic.evaluate(load_model(model.path), tables, request)
    predictions.metadata.update(result.write_predictions(predictions.path))
    metrics.metadata.update(result.scores)
    curves.metadata.update(result.curves)
    verdict.metadata.update(result.write(verdict.path, report.path, summary.path))
    return result.verdict.decision
