"""KFP interface of detect_drift."""

from typing import Dict

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("drift"), install_kfp_package=False)
def detect_drift(
    current: dsl.Input[dsl.Dataset],
    verdict: dsl.Output[dsl.Artifact],
    columns: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    detector: dsl.Input[dsl.Artifact] = None,
    profile: dsl.Input[dsl.Artifact] = None,
    sample: int = 10000,
    p_value: float = 0.0,
    limits: Dict[str, float] = {},  # noqa: B006  # KFP reads the default from the signature
    expected_rows: int = 0,
    drifted_share: float = 0.0,
) -> str:
    """Tell whether a table has moved away from the reference that a detector was fitted on.

    A column has drifted where its test is significant and its effect reaches a limit: a million
    rows of nothing do not fire. From half of a limit on, the decision is warn.

    Args:
        current: The rows to judge, such as a day's requests or predictions.
        detector: What fit_drift_detector wrote; without it the decision is no_baseline.
        profile: What profile_table wrote of the same rows, to save computing it again.
        sample: Rows, drawn at random, that are tested; 0 for all. Effect sizes are of all rows.
        p_value: How often a check of an unchanged table may be alarmed; 0 for the detector's own.
        limits: By measure, or COLUMN.MEASURE: psi 0.1 (Siddiqi 2006), jensen_shannon 0.1 (as
            NannyML), wasserstein 0.1 standard deviations (as Evidently), total_variation 0.05 of
            categories; missing 0.05 (change of the share), unseen 0.01 (share of new categories),
            beyond 0.01 (share out of range), volume 0.5 (relative change), classifier 0.1.
        expected_rows: Rows that such a table usually has; 0 where it is not known.
        drifted_share: Share of the features up to which their drift is warn, not fail.

    Returns:
        verdict: Decision and reasons as JSON; the metadata tell alarm (the tables differ) from
            drift (it matters).
        columns: A row for each column: statistic, p-values, effect sizes, decision.
            Gives: {kind: columns}
        metrics: Drifted columns and their share, the largest effects, rows, p-value, alarm, drift.
        report: What moved, worst first, over the reference's distributions.
        summary: The same as Markdown, without plots.
        Output: The decision: pass, warn, fail or no_baseline.
    """
    from holdfast.drift.detect_drift import logic
    from holdfast.table import open_table

    options = logic.ask(sample, p_value, limits, expected_rows, drifted_share)
    known = logic.profile_of(getattr(profile, "path", ""))
    kept = logic.read_detector(getattr(detector, "path", ""))
    found = logic.detect(open_table(current.path, "current"), kept, options, known)
    columns.metadata.update(found.write_columns(columns.path))
    metrics.metadata.update(found.scores)
    verdict.metadata.update(found.write(verdict.path, report.path, summary.path))
    return found.verdict.decision
