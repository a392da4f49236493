"""KFP interface of estimate_performance."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("monitoring"), install_kfp_package=False)
def estimate_performance(
    predictions: dsl.Input[dsl.Dataset],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    windows: dsl.Output[dsl.Dataset],
    baseline: dsl.Input[dsl.Artifact] = None,
    time: str = "",
    window: str = "",
    time_zone: str = "UTC",
    as_of: str = "",
    metric: str = "",
    tolerance: float = 0.05,
    min_rows: int = 100,
    max_outside: float = 0.05,
    on_drop: str = "fail",
    n_resamples: int = 200,
    confidence_level: float = 0.95,
    seed: int = 0,
) -> str:
    """Estimate a model's performance before labels come, and tell whether to trust the estimate.

    Of classes by their calibrated probabilities (CBPE: Guillory et al. 2021; Bialek et al. 2024),
    of numbers by a model of the error (NannyML's DLE). Neither can see that the same columns have
    come to mean another target: measure by monitor_performance when labels are there.

    Args:
        predictions: As batch_predict writes them, with the columns that the baseline knows.
            Needs: {kind: predictions, task: $metric, columns: [$time]}
        baseline: Of fit_performance_baseline; without one the decision is no_baseline.
        time: Column with the time of a row; predicted_at if empty.
        window: Number and m, h, d, w or month, such as 6h or 1d; one of all rows if empty.
        time_zone: Where days begin, and what times without an offset mean.
        as_of: ISO 8601; rows more than 5 minutes later lie in the future. The clock's if empty.
        metric: roc_auc if empty, average_precision (two classes), accuracy, precision, recall, f1,
            balanced_accuracy, log_loss or brier; of numbers rmse if empty, or mae.
        tolerance: Relative drop, 0 to 1, beyond which a certain one decides and another warns.
        min_rows: Rows of a window, at least 2, from which on it is judged.
        max_outside: Share of rows outside of the reference, 0 to 1, above which no estimate is
            trusted: numbers out of its range, text and gaps that it does not know.
        on_drop: What a trusted and certain drop decides: fail or warn.
        n_resamples: Of labels for the intervals of classes, at least 20.
        confidence_level: Of the intervals; the judged one is corrected for the number of windows.
        seed: Of the draws.

    Returns:
        verdict: Decision and reasons as JSON; an estimate not trusted warns, and never passes.
        report: Estimates by window, reasons of mistrust and columns as a page.
        summary: The same as Markdown, without plots.
        metrics: Estimates of all rows, their ends as NAME_low and NAME_high, rows, outside_share,
            and trusted (0 or 1).
        windows: Those of monitor_performance, trusted, not labelled. Gives: {kind: windows}
        Output: The decision: pass, warn, fail or no_baseline.
    """
    from holdfast.monitoring.estimate_performance import logic

    request = logic.ask(
        (metric, tolerance, min_rows), (max_outside, on_drop), n_resamples, confidence_level, seed
    )
    known = getattr(baseline, "path", "")
    inputs = logic.open_inputs(predictions.path, known, time, (window, time_zone, as_of))
    outcome = logic.estimate(inputs, request)
    metrics.metadata.update(outcome.scores)
    windows.metadata.update(outcome.write_windows(windows.path))
    verdict.metadata.update(outcome.write(verdict.path, report.path, summary.path))
    return outcome.verdict.decision
