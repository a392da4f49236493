"""KFP interface of monitor_performance."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("monitoring"), install_kfp_package=False)
def monitor_performance(
    predictions: dsl.Input[dsl.Dataset],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    windows: dsl.Output[dsl.Dataset],
    labels: dsl.Input[dsl.Dataset] = None,
    baseline: dsl.Input[dsl.Artifact] = None,
    keys: List[str] = [],  # noqa: B006  # KFP reads the default from the signature
    label: str = "",
    time: str = "",
    window: str = "",
    time_zone: str = "UTC",
    as_of: str = "",
    metric: str = "",
    tolerance: float = 0.05,
    min_rows: int = 100,
    min_labelled: float = 0.5,
    max_unknown: float = 0.01,
    n_resamples: int = 500,
    confidence_level: float = 0.95,
    seed: int = 0,
) -> str:
    """Measure a model by labels that came later, and tell whether it has become worse.

    Args:
        predictions: Scored rows. Needs: {kind: predictions, task: $metric, columns: [$time, $keys]}
        labels: Keys and labels, late and partial. Needs: {columns: [$keys, $label]}
        baseline: Of fit_performance_baseline; without one the decision is no_baseline.
        keys: Columns that predictions and labels share; needed with labels.
        label: Column of the label, of predictions without labels; the model's target if empty.
        time: Column with a row's time; predicted_at if empty.
        window: Number and m, h, d, w or month, such as 6h or 1d; one of all rows if empty.
        time_zone: Where days begin, and what times without an offset mean.
        as_of: ISO 8601; rows more than 5 minutes later lie in the future. The clock's if empty.
        metric: The judged one: roc_auc if empty, or another of evaluate_model's; rmse of numbers.
        tolerance: Relative drop, 0 to 1, beyond which a certain one fails and another warns.
        min_rows: Labelled rows of a window, at least 2, from which on it is judged.
        min_labelled: Share of labelled rows, 0 to 1, below which it warns.
        max_unknown: Share of labels of unknown keys, 0 to 1, above which it warns.
        n_resamples: Bootstrap draws, at least 20.
        confidence_level: Of the intervals; the judged one is corrected for the number of windows.
        seed: Of the draws.

    Returns:
        verdict: Decision and reasons as JSON.
        report: Metrics by window, concept drift, errors and calibration as a page.
        summary: The same as Markdown, without plots.
        metrics: Of all labelled rows, their ends as NAME_low and NAME_high; rows, labelled.
        windows: By window and metric: window_start, window_end (UTC, none for all), rows, labelled,
            metric, value, low, high, reference, worse (relative), decision. Gives: {kind: windows}
        Output: The decision: pass, warn, fail or no_baseline.
    """
    from holdfast.monitoring.monitor_performance import logic

    limits = min_labelled, max_unknown
    request = logic.ask((metric, tolerance, min_rows), limits, n_resamples, confidence_level, seed)
    paths = predictions.path, *(getattr(each, "path", "") for each in (labels, baseline))
    inputs = logic.open_inputs(paths, (keys, label, time), (window, time_zone, as_of))
    outcome = logic.monitor(inputs, request)
    metrics.metadata.update(outcome.scores)
    windows.metadata.update(outcome.write_windows(windows.path))
    verdict.metadata.update(outcome.write(verdict.path, report.path, summary.path))
    return outcome.verdict.decision
