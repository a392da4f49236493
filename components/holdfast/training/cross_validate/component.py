"""KFP interface of cross_validate."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def cross_validate(
    train: dsl.Input[dsl.Dataset],
    transformer: dsl.Input[dsl.Model],
    predictions: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    estimator: str = "xgboost",
    parameters: str = "",
    folds: int = 5,
    method: str = "",
    by: str = "",
    sample_weight: str = "",
    seed: int = 42,
):
    """Cross-validate an estimator: predictions for rows it has not seen, and how the folds differ.

    The transformer's steps are fitted anew in each fold, so that no row is judged by what it
    taught. The metrics are those of scikit-learn, without weights: roc_auc, average_precision,
    log_loss, accuracy, balanced_accuracy and f1 (means over the classes); or r2, rmse and mae.

    Args:
        train: The training share; no copy of a holdout either. Needs: {target: true,
            role: not holdout, task: $estimator, columns: [$by, {$sample_weight: number}]}
        transformer: A fitted transformer, as fit_transformer writes it. Needs: {like: train}
        estimator: xgboost, or a name that train_sklearn knows.
        parameters: Parameters of the estimator as YAML.
        folds: Number of folds, at least 2.
        method: stratified, random, group or time; empty for stratified with classes, else random.
            time asks each fold about later rows than those that taught.
        by: The column of the groups or times.
        sample_weight: Column that says how much a row counts in training; empty for all alike.
        seed: Seed of the folds and of the estimator.

    Returns:
        predictions: A table with the rows of train in order: fold, truth, prediction and, for
            classes, probability_LABEL; missing where a row was never asked (the first by time).
            Gives: {kind: folds, columns: [fold, truth, prediction, probability_*]}
        metrics: Of each metric the mean of the folds by its name, and NAME_std, NAME_min, NAME_max.
        report: Metrics over the folds and by fold as a page.
        summary: The same as Markdown.
    """
    from holdfast import threads
    from holdfast.model import load_model
    from holdfast.table import open_table
    from holdfast.training.cross_validate import logic
    from holdfast.training.folds import Plan

    threads.wait_passively()
    table = open_table(train.path, "train")
    fitted = load_model(transformer.path, "transformer")
    plan = Plan(folds, method, by, seed)
    result = logic.cross_validate(table, fitted, estimator, parameters, plan, sample_weight)
    predictions.metadata.update(result.write_predictions(predictions.path).metadata())
    metrics.metadata.update(result.metrics())
    result.report.write(report.path, summary.path)
