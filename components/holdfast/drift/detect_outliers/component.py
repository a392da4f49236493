"""KFP interface of detect_outliers."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("drift"), install_kfp_package=False)
def detect_outliers(
    current: dsl.Input[dsl.Dataset],
    outliers: dsl.Output[dsl.Dataset],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
    detector: dsl.Input[dsl.Artifact] = None,
    warn_ratio: float = 1.5,
    fail_ratio: float = 3.0,
    p_value: float = 0.01,
) -> str:
    """Flag the rows that are unlike a reference, and tell whether they are more than expected.

    Rows are read in batches and scored by the detector alone; the reference is not read. A warning
    or failure needs both: more outliers than chance allows, and a share above the limit.

    Args:
        current: The rows to look at, with the columns that the detector reads; more are a warning.
        detector: What fit_outlier_detector wrote; without it the decision is no_baseline.
        warn_ratio: Share of outliers, as a multiple of the detector's contamination, above which
            the decision is warn; at least 1.
        fail_ratio: The same for fail; at least warn_ratio.
        p_value: Chance at which a table like the reference may be called out, above 0 to 0.5.

    Returns:
        outliers: The outliers in order, with their row number from 0 in outlier_row and their
            score in outlier_score; no rows where there are none.
            Gives: {like: current, adds: [outlier_row, outlier_score]}
        verdict: Decision and reasons as JSON.
        report: The scores against the reference's, and what is unusual in the 20 highest, by
            column; no value is shown.
        summary: The same as Markdown, without the plot.
        metrics: rows, outliers, outlier_share, expected_share, highest_expected_share, threshold,
            highest_score, and surprises (values that the reference never had, or once).
        Output: The decision: pass, warn, fail (also without rows), or no_baseline.
    """
    from holdfast.drift.detect_outliers import logic
    from holdfast.table import open_table

    request = logic.Request(warn_ratio, fail_ratio, p_value)
    fitted = logic.open_detector(getattr(detector, "path", ""))
    result = logic.detect(open_table(current.path, "current"), fitted, outliers.path, request)
    outliers.metadata.update(result.metadata())
    metrics.metadata.update(result.scores)
    verdict.metadata.update(result.write(verdict.path, report.path, summary.path))
    return result.verdict.decision
