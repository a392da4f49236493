"""The plain script's steps as a pipeline of components: python -m tests.bench.work.same_steps FILE.

Writes it compiled. Its steps do more than the script's: reports, intervals, quarantine, lineage.
"""

import sys

from kfp import compiler, dsl

from holdfast.catalog import (
    evaluate_model,
    fit_transformer,
    infer_schema,
    ingest_table,
    profile_table,
    register_model,
    split_table,
    train_xgboost,
    validate_table,
)


@dsl.pipeline(name="same-steps")
def same_steps(uri: str, target: str) -> dsl.Metrics:
    """Read, split, validate, fit, train, judge, register."""
    table = ingest_table(uri=uri, target=target).outputs["table"]
    shares = split_table(table=table)
    train, test = shares.outputs["train"], shares.outputs["test"]
    profile = profile_table(table=train).outputs["profile"]
    schema = infer_schema(profile=profile).outputs["schema"]
    validate_table(table=test, schema=schema)
    transformer = fit_transformer(train=train).outputs["transformer"]
    model = train_xgboost(train=train, transformer=transformer).outputs["model"]
    judged = evaluate_model(model=model, test=test)
    register_model(
        model=model,
        metrics=judged.outputs["metrics"],
        model_name="adult",
        run_key=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
    )
    return judged.outputs["metrics"]


if __name__ == "__main__":
    compiler.Compiler().compile(same_steps, sys.argv[1])
