"""From a table to a registered model."""

from typing import NamedTuple

from kfp import dsl

from holdfast.catalog import (
    assess_fairness,
    assess_robustness,
    batch_predict,
    check_verdict,
    evaluate_model,
    explain_model,
    fit_drift_detector,
    fit_performance_baseline,
    fit_transformer,
    infer_schema,
    ingest_table,
    profile_table,
    register_model,
    resolve_source,
    split_table,
    train_xgboost,
    validate_table,
    write_model_card,
)
from holdfast.images import image
from holdfast.presets import apply, defaults, mlflow, object_store, retry, sized


class Outputs(NamedTuple):
    """What a run ends with."""

    data_decision: str
    model_decision: str
    fairness_decision: str
    robustness_decision: str
    metrics: dsl.Metrics
    model_name: str
    model_version: int
    model: dsl.Model
    test: dsl.Dataset
    data_report: dsl.HTML
    model_report: dsl.HTML
    model_card: dsl.HTML


@dsl.pipeline(name="training")
@defaults(sized)
def training(
    uri: str,
    target: str,
    task: str = "",
    query: str = "",
    types: dict[str, str] = {},  # noqa: B006  # KFP reads the default from the signature
    test_size: float = 0.2,
    holdout_size: float = 0.0,
    split_method: str = "",
    split_by: str = "",
    features: str = "",
    n_estimators: int = 300,
    max_depth: int = 6,
    learning_rate: float = 0.1,
    parameters: str = "",
    metric: str = "",
    minimum: float = -1.0,
    on_undecided: str = "warn",
    sensitive: list[str] = [],  # noqa: B006
    segments: list[str] = [],  # noqa: B006
    intended_use: str = "",
    model_name: str = "holdfast-model",
    alias: str = "challenger",
    git_commit: str = "",
    seed: int = 42,
) -> Outputs:
    """Train a model on a table, judge it, and register it if it is good enough.

    resolve and ingest the source, split, profile the training share and infer a schema from it,
    validate the test share against both, fit the transformer, train XGBoost, evaluate on the test
    share with intervals, assess fairness and robustness, explain, stop if one of them fails, write
    the model card, keep what monitoring compares with, register.

    Args:
        uri: The table: CSV, Parquet or JSON lines; a path, file://, http(s)://, s3://, minio:// or
            postgresql://; one object, a prefix or a glob.
        target: The column to be predicted.
        task: classification or regression; empty to tell it from the target.
        query: SQL for a postgresql:// uri.
        types: Types of columns where a guess would not do, such as {"zip": "string"}; see
            ingest_table.
        test_size: Share of the rows to judge with, above 0 and below 1.
        holdout_size: Share of the rows to lock away for a last judgement, from 0.
        split_method: random, stratified, time, group or hash; empty to stratify classes.
        split_by: The column that split_method goes by.
        features: What fit_transformer makes of the columns, as YAML; empty to infer it.
        n_estimators: Number of trees, at least 1.
        max_depth: Depth of a tree, at least 1.
        learning_rate: Shrinkage of each tree, above 0 and at most 1.
        parameters: Further parameters of XGBoost as YAML; see train_xgboost.
        metric: Metric of the gate, such as roc_auc, log_loss, r2 or rmse; empty for roc_auc or r2.
        minimum: What the metric must reach; below 0 for what chance reaches.
        on_undecided: warn or fail, where the minimum lies within the metric's interval.
        sensitive: Columns, or pairs such as "sex,race", whose groups must be treated alike; none
            leaves fairness undecided.
        segments: Columns, or pairs, by which the metrics are given too.
        intended_use: What the model is for, for its card.
        model_name: Name in the MLflow registry.
        alias: Alias that moves to the new version.
        git_commit: Commit of the code that made the pipeline, for lineage.
        seed: Seed of the split, of XGBoost and of all that is drawn.

    Returns:
        data_decision: Verdict on the test share: pass, warn or no_baseline.
        model_decision: Verdict on the model: pass, or warn where the interval is undecided.
        fairness_decision: pass, warn, or no_baseline without sensitive columns.
        robustness_decision: pass or warn.
        metrics: Metrics on the test share, with their intervals.
        model_name: Name in the registry.
        model_version: The new version.
        model: The registered model.
        test: The rows that it was judged by.
        data_report: The validation as a page.
        model_report: The evaluation as a page.
        model_card: The model card as a page.
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
    shares = split_table(
        table=table.outputs["table"],
        test_size=test_size,
        holdout_size=holdout_size,
        method=split_method,
        by=split_by,
        seed=seed,
    )
    train, test = shares.outputs["train"], shares.outputs["test"]

    profile = profile_table(table=train).outputs["profile"]
    schema = infer_schema(profile=profile)
    validation = validate_table(table=test, schema=schema.outputs["schema"], baseline=profile)
    data_gate = check_verdict(data=validation.outputs["verdict"])

    transformer = fit_transformer(train=train, features=features).after(data_gate)
    trained = train_xgboost(
        train=train,
        transformer=transformer.outputs["transformer"],
        n_estimators=n_estimators,
        max_depth=max_depth,
        learning_rate=learning_rate,
        parameters=parameters,
        seed=seed,
    )
    model = trained.outputs["model"]

    judged = evaluate_model(
        model=model,
        test=test,
        train=train,
        metric=metric,
        minimum=minimum,
        on_undecided=on_undecided,
        segments=segments,
        seed=seed,
    )
    fair = assess_fairness(model=model, test=test, sensitive=sensitive, seed=seed)
    robust = assess_robustness(model=model, test=test, seed=seed)
    explained = explain_model(model=model, test=test, seed=seed)
    model_gate = check_verdict(
        evaluation=judged.outputs["verdict"],
        fairness=fair.outputs["verdict"],
        robustness=robust.outputs["verdict"],
    )
    card = write_model_card(
        model=model,
        train=train,
        test=test,
        metrics=judged.outputs["metrics"],
        verdict=judged.outputs["verdict"],
        fairness=fair.outputs["metrics"],
        fairness_verdict=fair.outputs["verdict"],
        robustness=robust.outputs["metrics"],
        robustness_verdict=robust.outputs["verdict"],
        explanation=explained.outputs["metrics"],
        explanation_verdict=explained.outputs["verdict"],
        data_verdict=validation.outputs["verdict"],
        name=model_name,
        intended_use=intended_use,
        image=image("training"),
        git_commit=git_commit,
    )
    # Monitoring compares with rows that the model has not learned from, and reads no table again.
    # A small table's model goes without.
    reference = batch_predict(inputs=test, model=model).after(model_gate).outputs["predictions"]
    detector = fit_drift_detector(reference=reference, seed=seed, optional=True)
    baseline = fit_performance_baseline(predictions=reference, seed=seed, optional=True)
    registered = register_model(
        model=model,
        metrics=judged.outputs["metrics"],
        model_name=model_name,
        alias=alias,
        train=train,
        test=test,
        verdict=judged.outputs["verdict"],
        card=card.outputs["card"],
        report=judged.outputs["report"],
        profile=profile,
        drift_detector=detector.outputs["detector"],
        performance_baseline=baseline.outputs["baseline"],
        # A step that is tried again makes no second version.
        run_key=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        git_commit=git_commit,
        image=image("training"),
    ).after(model_gate)

    for step in (source, table):
        apply(step, object_store, retry(2))
    apply(registered, object_store, mlflow, retry(2))
    # What lies behind a URI may change: its fingerprint, and not its name, decides on a cache hit.
    # Nor is a registration ever one.
    source.set_caching_options(False)
    registered.set_caching_options(False)
    return Outputs(
        data_decision=validation.outputs["Output"],
        model_decision=judged.outputs["Output"],
        fairness_decision=fair.outputs["Output"],
        robustness_decision=robust.outputs["Output"],
        metrics=judged.outputs["metrics"],
        model_name=registered.outputs["model_name"],
        model_version=registered.outputs["model_version"],
        model=model,
        test=test,
        data_report=validation.outputs["report"],
        model_report=judged.outputs["report"],
        model_card=card.outputs["report"],
    )
