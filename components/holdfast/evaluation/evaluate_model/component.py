"""KFP interface of evaluate_model."""

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
    metric: str = "",
    minimum: float = -1.0,
) -> str:
    """Judge a model on rows it has not seen, with scikit-learn's metrics.

    Classification: roc_auc (of more than two classes the mean of each against the rest), accuracy,
    f1 (mean of classes), log_loss in nats. Regression: r2, and rmse and mae in the target's unit.

    Args:
        model: A model, as a training component writes it.
        test: Rows it has not been trained on, with their target.
        metric: The metric of the gate, one where higher is better: roc_auc, accuracy, f1 or r2.
            Empty for roc_auc or r2.
        minimum: What the metric must reach. Below 0 for what chance reaches: 0.5 for roc_auc, 0 for
            the others.

    Returns:
        metrics: The metrics, by name.
        curves: Confusion matrix and, of two classes, the ROC curve; empty for regression.
        verdict: Decision and reason as JSON.
        report: Metrics, classes and plots as a page.
        summary: The same as Markdown, without plots.
        Output: The decision: pass or fail.
    """
    from holdfast.evaluation.evaluate_model import logic
    from holdfast.model import load_model
    from holdfast.table import open_table

    result = logic.evaluate(load_model(model.path), open_table(test.path, "test"), metric, minimum)
    metrics.metadata.update(result.scores)
    curves.metadata.update(result.curves)
    result.verdict.write(verdict.path)
    verdict.metadata.update(result.verdict.metadata())
    result.report.write(report.path, summary.path)
    return result.verdict.decision
