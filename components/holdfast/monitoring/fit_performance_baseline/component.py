"""KFP interface of fit_performance_baseline."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("monitoring"), install_kfp_package=False)
def fit_performance_baseline(
    predictions: dsl.Input[dsl.Dataset],
    baseline: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    label: str = "",
    features: List[str] = [],  # noqa: B006  # KFP reads the default from the signature
    exclude: List[str] = [],  # noqa: B006
    n_resamples: int = 500,
    confidence_level: float = 0.95,
    seed: int = 0,
    optional: bool = False,
):
    """Keep of a reference what later monitoring compares with: metrics, calibration, columns.

    The reference is a table of predictions with labels for rows that the model has not seen, such
    as the test share. It is read once: monitor_performance and estimate_performance read the
    baseline alone. No rows are in it, but ranges of columns and up to 1,000 values of text.

    Args:
        predictions: The reference as batch_predict writes it, with the label; at least 100 rows.
            Needs: {kind: predictions, columns: [$label, $features]}
        label: Column of the label; the model's target if empty.
        features: Columns that the model reads; all that the input had if empty.
        exclude: Columns that are no features, such as ids and times: they always move on.
        n_resamples: Bootstrap draws of the metrics' intervals, at least 20.
        confidence_level: Share of the draws that an interval holds.
        seed: Of draws, folds and trees.
        optional: Whether too few rows leave an empty file, and checks answer no_baseline.

    Returns:
        baseline: A directory, to be registered with the model as performance_baseline: metrics with
            intervals, a calibrator (classes) or trees that expect the error (numbers), quantiles of
            the errors, and what the columns hold. JSON, npz and skops; no pickle.
        metrics: Metrics by name, the ends of their intervals as NAME_low and NAME_high, and what
            estimate_performance would have estimated as NAME_estimated.
        report: The same as a page with the calibration curve and the errors.
        summary: The page as Markdown, without plots.
    """
    from holdfast.monitoring.fit_performance_baseline import logic, page
    from holdfast.monitoring.scored import open_predictions
    from holdfast.optional import left_out
    from holdfast.performance.bootstrap import Resampling

    how = Resampling(n_resamples, confidence_level, seed)
    with left_out(optional, baseline.path, report.path, summary.path):
        fitted = logic.fit(open_predictions(predictions.path), label, features, exclude, how)
        fitted.baseline.write(baseline.path)
        baseline.metadata.update(fitted.baseline.metadata())
        metrics.metadata.update(fitted.scores)
        page.report(fitted).write(report.path, summary.path)
