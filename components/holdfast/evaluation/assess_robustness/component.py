"""KFP interface of assess_robustness."""

from typing import Dict, List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("evaluation"), install_kfp_package=False)
def assess_robustness(
    model: dsl.Input[dsl.Model],
    test: dsl.Input[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    metric: str = "",
    max_drop: float = 0.05,
    on_drop: str = "warn",
    noise: List[float] = [0.05, 0.1, 0.2],  # noqa: B006  # KFP reads it from the signature
    missing_shares: List[float] = [0.05, 0.1, 0.2],  # noqa: B006
    monotonic: Dict[str, str] = {},  # noqa: B006
    protected: List[str] = [],  # noqa: B006
    max_flips: float = 0.05,
    positive: str = "",
    max_rows: int = 3000,
    confidence_level: float = 0.95,
    seed: int = 42,
) -> str:
    """Disturb the rows that a model reads, and tell whether it holds.

    A broken invariant fails: answers that depend on order, batch or chance, that are no
    probabilities or not finite, a crash. Drops of the metric have intervals of paired rows.

    Args:
        model: A model, as a training component writes it. Needs: {task: $metric}
        test: Rows it has not been trained on, with their target. Needs: {like: model,
            columns: [$model.target, $protected, {$monotonic: number}]}
        metric: What disturbance may lower: roc_auc (two classes), accuracy or r2; empty for the
            first of them that there is.
        max_drop: By how much it may; a drop is beyond it if its whole interval is.
        on_drop: What a drop, a refusal or too many flips beyond the tolerated do: warn or fail.
        noise: Levels of normal noise on numbers, in standard deviations of each.
        missing_shares: Shares of values made missing at random; each feature is lost whole, too.
        monotonic: increasing or decreasing by numeric feature; an answer that turns back fails.
        protected: Columns that answers must not hang on; each row is given each value of them.
        max_flips: Share of the answers that may change with a protected column.
        positive: Class whose probability is monotonic; empty for the second of two.
        max_rows: Rows to check with, drawn by the seed, at least 2.
        confidence_level: Of the intervals.
        seed: Seed of rows, noise and order.

    Returns:
        metrics: The metric, its drop by disturbance, flips by column, and counts of checks.
        verdict: Decision and reasons as JSON, the worst first.
        report: Checks and plots as a page.
        summary: The same as Markdown, without plots.
        Output: The decision: pass, warn or fail.
    """
    from holdfast.evaluation.assess_robustness import logic
    from holdfast.model import load_model
    from holdfast.table import open_table

    settings = logic.Settings(
        metric, max_drop, on_drop, noise, missing_shares, monotonic, protected, max_flips,
        positive, max_rows, confidence_level, seed,
    )  # fmt: skip
    result = logic.assess(load_model(model.path), open_table(test.path, "test"), settings)
    metrics.metadata.update(result.scores)
    result.verdict.write(verdict.path)
    verdict.metadata.update(result.verdict.metadata())
    result.report.write(report.path, summary.path)
    return result.verdict.decision
