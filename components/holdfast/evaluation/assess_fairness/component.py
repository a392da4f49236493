"""KFP interface of assess_fairness."""

from typing import Dict, List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("evaluation"), install_kfp_package=False)
def assess_fairness(
    model: dsl.Input[dsl.Model],
    test: dsl.Input[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    sensitive: List[str] = [],  # noqa: B006  # KFP reads the default from the signature
    positive: str = "",
    gates: List[str] = [],  # noqa: B006
    max_difference: float = 0.1,
    min_ratio: float = 0.8,
    max_ratio: float = 1.25,
    min_group_rows: int = 30,
    bins: Dict[str, List[float]] = {},  # noqa: B006
    reference: Dict[str, str] = {},  # noqa: B006
    confidence_level: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 42,
) -> str:
    """Tell whether a model treats groups alike, with fairlearn's metrics and intervals.

    A gate fails where its whole interval is beyond what is allowed, passes where all of it is
    within, and is undecided (a warning) in between. Groups that are too small are never failed.

    Args:
        model: A model, as a training component writes it. Needs: {task: $gates}
        test: Rows it has not been trained on, with their target and the sensitive columns.
            Needs: {like: model, columns: [$model.target, $sensitive, {$bins: number}]}
        sensitive: Columns of `test`, pairs as "sex,race"; numbers by quartile. None: no_baseline.
        positive: The answer whose rates are compared; empty for the second of two classes.
        gates: The metrics that decide. Empty for demographic_parity_difference, disparate_impact,
            equal_opportunity_difference and equalized_odds_difference; of a regression,
            mean_difference and mae_difference.
        max_difference: Of rates; of a regression in standard deviations of the target.
        min_ratio: Lowest ratio of rates.
        max_ratio: Highest ratio of a group's selection rate to the reference's.
        min_group_rows: Rows that a group's rate must rest on to be judged, at least 2.
        bins: Rising upper ends of bins by numeric column, as {"age": [25, 45, 65]}.
        reference: The group that others are compared with, by column; the largest if left out.
        confidence_level: Share of the draws that an interval holds.
        n_resamples: Draws that intervals are made from, at least 100.
        seed: Seed of the draws.

    Returns:
        metrics: By column and metric: over all groups, and over those with enough rows its ends.
        verdict: Decision and reasons as JSON, the worst first.
        report: Rates by group with intervals, calibration and all metrics as a page.
        summary: The same as Markdown, without plots.
        Output: The decision: pass, warn, fail or no_baseline.
    """
    from holdfast.evaluation.assess_fairness import logic
    from holdfast.model import load_model
    from holdfast.table import open_table

    settings = logic.Settings(
        sensitive, positive, gates, max_difference, min_ratio, max_ratio,
        min_group_rows, bins, reference, confidence_level, n_resamples, seed,
    )  # fmt: skip
    result = logic.assess(load_model(model.path), open_table(test.path, "test"), settings)
    metrics.metadata.update(result.scores)
    result.verdict.write(verdict.path)
    verdict.metadata.update(result.verdict.metadata())
    result.report.write(report.path, summary.path)
    return result.verdict.decision
