"""KFP interface of compare_models."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("evaluation"), install_kfp_package=False)
def compare_models(
    challenger: dsl.Input[dsl.Model],
    test: dsl.Input[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    champion: dsl.Input[dsl.Model] = None,
    metric: str = "",
    margin: float = 0.0,
    n_resamples: int = 500,
    confidence_level: float = 0.95,
    seed: int = 0,
) -> str:
    """Compare a challenger with a champion on the same rows: better, worse, or undecided.

    The interval of the difference is that of paired bootstrap draws. The page adds DeLong's test of
    roc_auc and McNemar's of accuracy.

    Args:
        challenger: The new model. Needs: {task: $metric}
        test: Rows that neither model has been trained on, with their target.
            Needs: {like: challenger, columns: [$challenger.target]}
        champion: The model in use; none, or an empty artifact, where there is none yet.
            Needs: {like: challenger}
        metric: What decides: roc_auc (the default), average_precision (two classes), accuracy,
            balanced_accuracy, precision, recall, f1 (means of classes), log_loss or brier; of
            regression r2 (the default), rmse, mae or mape.
        margin: A loss that would not matter, in the metric's unit: above 0, a challenger passes
            that is not worse by as much.
        n_resamples: Bootstrap draws, at least 20.
        confidence_level: Share of the draws that an interval holds.
        seed: Seed of the draws.

    Returns:
        metrics: NAME_champion, NAME_challenger and NAME_difference with its ends
            NAME_difference_low and NAME_difference_high; a negative log_loss_difference is a gain.
        verdict: Decision and reason as JSON; the code is better, not_worse, undecided, worse or
            no_champion.
        report: The difference with its interval, plot and tests as a page.
        summary: The same as Markdown, without the plot.
        Output: The decision: pass (better), fail (worse), warn (undecided), or no_baseline.
    """
    from holdfast.evaluation.compare_models import logic
    from holdfast.model import load_model
    from holdfast.table import open_table

    request = logic.ask(metric, margin, n_resamples, confidence_level, seed)
    new = load_model(challenger.path, "challenger")
    old = logic.load_champion(getattr(champion, "path", ""))
    result = logic.compare_models(new, old, open_table(test.path, "test"), request)
    metrics.metadata.update(result.scores)
    result.verdict.write(verdict.path)
    verdict.metadata.update(result.verdict.metadata())
    result.report.write(report.path, summary.path)
    return result.verdict.decision
