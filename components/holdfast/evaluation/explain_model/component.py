"""KFP interface of explain_model."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("evaluation"), install_kfp_package=False)
def explain_model(
    model: dsl.Input[dsl.Model],
    test: dsl.Input[dsl.Dataset],
    explanations: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    previous: dsl.Input[dsl.Model] = None,
    rows: int = 5000,
    top: int = 6,
    min_stability: float = 0.5,
    leak_at: float = 0.999,
    seed: int = 42,
) -> str:
    """Explain what a model's answers rest on: SHAP values, importance, partial dependence.

    SHAP values (Lundberg et al. 2020): exact for XGBoost, scikit-learn's trees and linear models,
    by sampled permutations for others; the report says which. They are of the table's own columns.
    Permutation importance (Breiman 2001) and partial dependence (Friedman 2001) are scikit-learn's,
    through the whole Pipeline.

    Args:
        model: A model, as a training component writes it.
        test: Rows it has not been trained on, with their target.
            Needs: {like: model, columns: [$model.target]}
        previous: The model before, to tell how importance moved; an empty file for none yet.
            Needs: {like: model}
        rows: Rows to explain, drawn at random; of costly models fewer, as the report says.
        top: Columns whose partial dependence is drawn.
        min_stability: Spearman's rank correlation of the columns' importance with the model
            before, -1 to 1; below it the decision is warn.
        leak_at: ROC AUC, or correlation, with which one column alone tells the target, from which
            on the decision is fail; above 1 for never.
        seed: Seed of the rows and of all that is shuffled.

    Returns:
        explanations: A row for each explained row: its number in test (from 0), what is explained,
            base value, answer, the three columns that move it most, and each column's contribution.
            Gives: {kind: explanations}
        metrics: Share of importance by column, rows explained, and how far base and contributions
            are from the answers.
        verdict: Decision and reasons as JSON.
        report: Importance, contributions and dependence as a page.
        summary: The same as Markdown, without plots.
        Output: The decision: pass, warn, fail, or no_baseline without a model before.
    """
    from holdfast.evaluation.explain_model import judging, logic
    from holdfast.model import load_model
    from holdfast.table import open_table

    before = logic.open_previous(getattr(previous, "path", ""))
    request = logic.Request(rows, top, seed, judging.Limits(leak_at, min_stability))
    found = logic.explain(load_model(model.path), open_table(test.path, "test"), before, request)
    explanations.metadata.update(found.write_rows(explanations.path).metadata())
    metrics.metadata.update(found.metrics)
    found.verdict.write(verdict.path)
    verdict.metadata.update(found.verdict.metadata())
    found.report.write(report.path, summary.path)
    return found.verdict.decision
