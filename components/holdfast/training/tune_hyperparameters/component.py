"""KFP interface of tune_hyperparameters."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def tune_hyperparameters(
    train: dsl.Input[dsl.Dataset],
    transformer: dsl.Input[dsl.Model],
    best: dsl.Output[dsl.Artifact],
    study: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    estimator: str = "xgboost",
    space: str = "",
    metric: str = "",
    n_trials: int = 30,
    timeout_seconds: float = 0.0,
    folds: int = 5,
    method: str = "",
    by: str = "",
    pruner: str = "median",
    storage: str = "",
    worker: int = 0,
    seed: int = 42,
) -> str:
    """Search for good parameters with Optuna (TPE), by cross-validation on the training share.

    A kept study goes on after a kill, and workers share it; one alone always finds the same.

    Args:
        train: The training share; no copy of a holdout either. Needs: {target: true,
            role: not holdout, task: [$metric, $estimator], columns: [$by]}
        transformer: Its steps are fitted anew in each fold. Needs: {like: train}
        estimator: xgboost, or a name that train_sklearn knows.
        space: YAML by parameter: {low, high, log, step}, {choices} or a fixed value; empty for
            xgboost's default, which starts from the defaults of train_xgboost.
        metric: One of those that cross_validate gives; empty for roc_auc, or r2 of a regression.
        n_trials: Trials of the study, by all workers together.
        timeout_seconds: No further trial begins in this step after so long; 0 for no limit.
        folds: Number of folds, at least 2.
        method: stratified, random, group or time; empty for stratified or (no classes) random.
        by: The column of the groups or times.
        pruner: median, hyperband or none; a trial may be given up after each fold.
        storage: A path (SQLite), or postgresql://USER@HOST/DATABASE without a password. Empty: what
            the variable HOLDFAST_STUDY_STORAGE says; without it the study is not kept.
        worker: 0 alone, else 1, 2, ... for those that share a study.
        seed: Seed of the folds, the sampler and the estimator.

    Returns:
        best: The best parameters, JSON.
        study: Best value, importance and every finished trial as JSON.
        metrics: best_METRIC (the mean of the folds), trials, pruned_trials.
        report: History, importance and the best trials as a page.
        summary: The same as Markdown, without plots.
        Output: The best parameters as text, for `parameters` of train_xgboost or train_sklearn.
    """
    from holdfast import threads
    from holdfast.model import load_model
    from holdfast.table import open_table
    from holdfast.training.folds import Plan
    from holdfast.training.tune_hyperparameters import logic

    threads.wait_passively()
    search = logic.Search(estimator, space, metric, pruner, storage, worker, seed)
    plan, budget = Plan(folds, method, by, seed), logic.Budget(n_trials, timeout_seconds)
    table, fitted = open_table(train.path, "train"), load_model(transformer.path, "transformer")
    found = logic.tune(table, fitted, plan, search, budget)
    found.write(best.path, study.path)
    metrics.metadata.update(found.metrics())
    found.report.write(report.path, summary.path)
    return found.best()
