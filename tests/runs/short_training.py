"""The shortest way from a table to a registered model, for tests of what lies around it."""

from typing import NamedTuple

from kfp import dsl

from holdfast.catalog import (
    evaluate_model,
    fit_transformer,
    ingest_table,
    register_model,
    split_table,
    train_xgboost,
)


class Outputs(NamedTuple):
    """What a run ends with."""

    metrics: dsl.Metrics
    model_version: int


@dsl.pipeline(name="short-training")
def short_training(uri: str, target: str, model_name: str = "holdfast-model") -> Outputs:
    """Train a small model, and register it whatever it is worth."""
    table = ingest_table(uri=uri, target=target).outputs["table"]
    shares = split_table(table=table)
    train, test = shares.outputs["train"], shares.outputs["test"]
    transformer = fit_transformer(train=train).outputs["transformer"]
    model = train_xgboost(train=train, transformer=transformer, n_estimators=20).outputs["model"]
    judged = evaluate_model(model=model, test=test)
    registered = register_model(
        model=model,
        metrics=judged.outputs["metrics"],
        model_name=model_name,
        run_key=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
    )
    registered.set_caching_options(False)
    return Outputs(judged.outputs["metrics"], registered.outputs["model_version"])
