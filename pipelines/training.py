"""From a table to a registered model."""

from typing import NamedTuple

from kfp import dsl

from holdfast.catalog import (
    check_verdict,
    evaluate_model,
    fit_transformer,
    infer_schema,
    ingest_table,
    profile_table,
    register_model,
    resolve_source,
    split_table,
    train_xgboost,
    validate_table,
)
from pipelines.cluster import reach_services


class Outputs(NamedTuple):
    """What a run ends with."""

    data_decision: str
    model_decision: str
    metrics: dsl.Metrics
    model_name: str
    model_version: int
    model: dsl.Model
    data_report: dsl.HTML
    model_report: dsl.HTML


@dsl.pipeline(name="training")
def training(
    uri: str,
    target: str,
    task: str = "",
    test_share: float = 0.2,
    holdout_share: float = 0.0,
    split_method: str = "",
    split_by: str = "",
    n_estimators: int = 300,
    max_depth: int = 6,
    learning_rate: float = 0.1,
    metric: str = "",
    minimum: float = -1.0,
    model_name: str = "holdfast-model",
    alias: str = "challenger",
    seed: int = 42,
) -> Outputs:
    """Train a model on a table, judge it, and register it if it is good enough.

    resolve and ingest the source, split, profile the training share and infer a schema from it,
    validate the test share against both, fit the transformer, train XGBoost, evaluate on the test
    share, stop below the minimum, register.

    Args:
        uri: The table: CSV, Parquet or JSON lines; a path, file://, http(s)://, s3:// or minio://;
            one object, a prefix or a glob.
        target: The column to be predicted.
        task: classification or regression; empty to tell it from the target.
        test_share: Share of the rows to judge with, above 0 and below 1.
        holdout_share: Share of the rows to lock away for a last judgement, from 0.
        split_method: random, stratified, time, group or hash; empty to stratify classes.
        split_by: The column that split_method goes by.
        n_estimators: Number of trees, at least 1.
        max_depth: Depth of a tree, at least 1.
        learning_rate: Shrinkage of each tree, above 0 and at most 1.
        metric: Metric of the gate: roc_auc, accuracy, f1 or r2; empty for roc_auc or r2.
        minimum: What the metric must reach; below 0 for what chance reaches.
        model_name: Name in the MLflow registry.
        alias: Alias that moves to the new version.
        seed: Seed of the split and of XGBoost.

    Returns:
        data_decision: Verdict on the test share: pass, warn or no_baseline.
        model_decision: Verdict on the model: pass.
        metrics: Metrics on the test share.
        model_name: Name in the registry.
        model_version: The new version.
        model: The registered model.
        data_report: The validation as a page.
        model_report: The evaluation as a page.
    """
    source = resolve_source(uri=uri)
    table = ingest_table(
        uri=uri, target=target, task=task, fingerprint=source.outputs["fingerprint"]
    )
    shares = split_table(
        table=table.outputs["table"],
        test_share=test_share,
        holdout_share=holdout_share,
        method=split_method,
        by=split_by,
        seed=seed,
    )
    train, test = shares.outputs["train"], shares.outputs["test"]

    profile = profile_table(table=train).outputs["profile"]
    schema = infer_schema(profile=profile)
    validation = validate_table(table=test, schema=schema.outputs["schema"], baseline=profile)
    data_gate = check_verdict(verdict=validation.outputs["verdict"])

    transformer = fit_transformer(train=train).after(data_gate)
    trained = train_xgboost(
        train=train,
        transformer=transformer.outputs["transformer"],
        n_estimators=n_estimators,
        max_depth=max_depth,
        learning_rate=learning_rate,
        seed=seed,
    )
    judged = evaluate_model(
        model=trained.outputs["model"], test=test, metric=metric, minimum=minimum
    )
    model_gate = check_verdict(verdict=judged.outputs["verdict"])
    registered = register_model(
        model=trained.outputs["model"],
        metrics=judged.outputs["metrics"],
        model_name=model_name,
        alias=alias,
    ).after(model_gate)

    for step in (source, table, registered):
        reach_services(step)
    # What lies behind a URI may change: its fingerprint, and not its name, decides on a cache hit.
    # Nor is a registration ever one.
    source.set_caching_options(False)
    registered.set_caching_options(False)
    return Outputs(
        data_decision=validation.outputs["Output"],
        model_decision=judged.outputs["Output"],
        metrics=judged.outputs["metrics"],
        model_name=registered.outputs["model_name"],
        model_version=registered.outputs["model_version"],
        model=trained.outputs["model"],
        data_report=validation.outputs["report"],
        model_report=judged.outputs["report"],
    )
