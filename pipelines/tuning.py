"""From a table to a model with tuned parameters, judged on rows that neither search nor fit saw."""

from typing import NamedTuple

from kfp import dsl

from holdfast.catalog import (
    check_verdict,
    evaluate_model,
    fit_transformer,
    ingest_table,
    resolve_source,
    split_table,
    train_xgboost,
    tune_hyperparameters,
)
from holdfast.presets import apply, defaults, object_store, retry, sized, study


class Outputs(NamedTuple):
    """What a run ends with."""

    decision: str
    parameters: str
    metrics: dsl.Metrics
    tuning_metrics: dsl.Metrics
    model: dsl.Model
    tuning_report: dsl.HTML
    training_report: dsl.HTML
    model_report: dsl.HTML


def keep_study(task: dsl.PipelineTask) -> None:
    """Let a step reach the study; it is never a cache hit, since the study goes on."""
    apply(task, study, retry(2)).set_caching_options(False)


@dsl.pipeline(name="share-search")
@defaults(sized)
def share_search(
    train: dsl.Input[dsl.Dataset],
    transformer: dsl.Input[dsl.Model],
    workers: list[int],
    space: str,
    metric: str,
    n_trials: int,
    timeout_seconds: float,
    folds: int,
    storage: str,
    seed: int,
):
    """Let any number of workers search in one study."""
    with dsl.ParallelFor(workers, name="workers") as worker:
        keep_study(
            tune_hyperparameters(
                train=train,
                transformer=transformer,
                space=space,
                metric=metric,
                n_trials=n_trials,
                timeout_seconds=timeout_seconds,
                folds=folds,
                storage=storage,
                worker=worker,
                seed=seed,
            )
        )


@dsl.pipeline(name="tuning")
@defaults(sized)
def tuning(
    uri: str,
    target: str,
    task: str = "",
    query: str = "",
    types: dict[str, str] = {},  # noqa: B006  # KFP reads the default from the signature
    test_size: float = 0.2,
    features: str = "",
    space: str = "",
    metric: str = "",
    n_trials: int = 30,
    timeout_seconds: float = 0.0,
    folds: int = 5,
    workers: list[int] = [],  # noqa: B006
    storage: str = "",
    gate_metric: str = "",
    minimum: float = -1.0,
    seed: int = 42,
) -> Outputs:
    """Search for XGBoost's parameters, train with the best, and judge the model on unseen rows.

    resolve and ingest the source, split, fit the transformer, search by cross-validation on the
    training share, train, evaluate on the test share, stop below the minimum.

    Args:
        uri: The table: CSV, Parquet or JSON lines; a path, file://, http(s)://, s3://, minio:// or
            postgresql://; one object, a prefix or a glob.
        target: The column to be predicted.
        task: classification or regression; empty to tell it from the target.
        query: SQL for a postgresql:// uri.
        types: Types of columns where a guess would not do, such as {"zip": "string"}; see
            ingest_table.
        test_size: Share of the rows to judge with, above 0 and below 1.
        features: Steps of columns as YAML, as fit_transformer reads it; empty: all are inferred.
        space: What to search as YAML; empty for the default of tune_hyperparameters.
        metric: Metric of the search: roc_auc or r2 where it is empty.
        n_trials: Trials of the study, by all workers together.
        timeout_seconds: No further trial begins in a step after so long; 0 for no limit.
        folds: Folds of each trial, at least 2.
        workers: Numbers from 1, one for each pod that helps to search, such as [1, 2, 3]; they need
            a storage. Empty: one step searches alone, and gives the same every time.
        storage: Where the study is kept: postgresql://USER@HOST/DATABASE without a password, or on
            one machine a path. Empty: what the Secret `holdfast-study` says, if there is one.
        gate_metric: Metric of the gate: roc_auc, accuracy, f1 or r2; empty for roc_auc or r2.
        minimum: What it must reach; below 0 for what chance reaches.
        seed: Seed of split, folds, search and XGBoost.

    Returns:
        decision: Verdict on the model: pass.
        parameters: The best parameters as JSON.
        metrics: Metrics on the test share.
        tuning_metrics: The best score over the folds, and the number of trials.
        model: The model.
        tuning_report: The search as a page.
        training_report: The training as a page.
        model_report: The evaluation as a page.
    """
    source = resolve_source(uri=uri, query=query)
    table = ingest_table(
        uri=uri,
        query=query,
        types=types,
        target=target,
        task=task,
        fingerprint=source.outputs["fingerprint"],
    )
    shares = split_table(table=table.outputs["table"], test_size=test_size, seed=seed)
    train, test = shares.outputs["train"], shares.outputs["test"]
    transformer = fit_transformer(train=train, features=features).outputs["transformer"]

    helped = share_search(
        train=train,
        transformer=transformer,
        workers=workers,
        space=space,
        metric=metric,
        n_trials=n_trials,
        timeout_seconds=timeout_seconds,
        folds=folds,
        storage=storage,
        seed=seed,
    )
    # It runs what is missing of the trials: all where nobody helped, else none, and sums up.
    tuned = tune_hyperparameters(
        train=train,
        transformer=transformer,
        space=space,
        metric=metric,
        n_trials=n_trials,
        timeout_seconds=timeout_seconds,
        folds=folds,
        storage=storage,
        seed=seed,
    ).after(helped)
    keep_study(tuned)
    trained = train_xgboost(
        train=train, transformer=transformer, parameters=tuned.outputs["Output"], seed=seed
    )
    judged = evaluate_model(
        model=trained.outputs["model"], test=test, metric=gate_metric, minimum=minimum
    )
    check_verdict(verdict=judged.outputs["verdict"])

    for step in (source, table):
        apply(step, object_store, retry(2))
    source.set_caching_options(False)
    return Outputs(
        decision=judged.outputs["Output"],
        parameters=tuned.outputs["Output"],
        metrics=judged.outputs["metrics"],
        tuning_metrics=tuned.outputs["metrics"],
        model=trained.outputs["model"],
        tuning_report=tuned.outputs["report"],
        training_report=trained.outputs["report"],
        model_report=judged.outputs["report"],
    )
