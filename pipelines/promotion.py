"""From a registered version to the champion."""

from typing import NamedTuple

from kfp import dsl

from holdfast.catalog import (
    check_parity,
    check_verdict,
    compare_models,
    fetch_model,
    ingest_table,
    promote_model,
    report_version,
    resolve_source,
)
from holdfast.presets import apply, defaults, mlflow, object_store, retry, sized


class Outputs(NamedTuple):
    """What a run ends with."""

    version: int
    previous: int
    decision: str
    comparison_report: dsl.HTML
    version_report: dsl.HTML


@dsl.pipeline(name="promotion")
@defaults(sized)
def promotion(
    model_name: str,
    uri: str,
    target: str,
    version: str = "challenger",
    task: str = "",
    query: str = "",
    types: dict[str, str] = {},  # noqa: B006  # KFP reads the default from the signature
    metric: str = "",
    margin: float = 0.0,
    stop_on: list[str] = ["fail", "warn"],  # noqa: B006
    reason: str = "",
    seed: int = 42,
) -> Outputs:
    """Compare a version with the champion on rows that neither has seen, and promote the better.

    fetch both, compare them, check that the challenger answers over HTTP what it answers in
    process, promote it by compare-and-swap with the champion that it was compared with, say why it
    is live now. Where one of these fails, the run fails with the reason, and the alias stays where
    it is. The first champion is compared with nothing.

    Only the alias moves: what serves the model already keeps the version that it has. See
    deployment for a promotion that serves it too.

    Args:
        model_name: Name in the MLflow registry.
        uri: Rows that neither model was trained on, with their target: CSV, Parquet or JSON lines;
            a path, file://, http(s)://, s3://, minio:// or postgresql://; one object, a prefix or a
            glob.
        target: The column that is predicted.
        version: The version to promote: an alias or a number.
        task: classification or regression; empty to tell it from the target.
        query: SQL for a postgresql:// uri.
        types: Types of columns where a guess would not do, such as {"zip": "string"}; see
            ingest_table.
        metric: What decides: roc_auc, average_precision, log_loss, r2, rmse and others, see
            compare_models; empty for roc_auc or r2.
        margin: A loss that would not matter, in the metric's unit: above 0, a challenger passes
            that is not worse by as much.
        stop_on: The decisions of the comparison that stop the promotion: fail (worse), warn (the
            rows can't tell, or one of the models was trained on them), no_baseline (no champion).
        reason: Why it is promoted, for people; empty for what the comparison found.
        seed: Seed of all that is drawn.

    Returns:
        version: The champion now.
        previous: The champion in whose place it came, 0 for none.
        decision: Of the comparison: pass, warn, or no_baseline without a champion.
        comparison_report: The comparison as a page.
        version_report: Why this version is live, as a page.
    """
    source = resolve_source(uri=uri, query=query)
    rows = ingest_table(
        uri=uri,
        query=query,
        types=types,
        target=target,
        task=task,
        fingerprint=source.outputs["fingerprint"],
    )
    challenger = fetch_model(model_name=model_name, version=version)
    champion = fetch_model(model_name=model_name, optional=True)
    compared = compare_models(
        challenger=challenger.outputs["model"],
        champion=champion.outputs["model"],
        test=rows.outputs["table"],
        metric=metric,
        margin=margin,
        seed=seed,
    )
    allowed = check_verdict(comparison=compared.outputs["verdict"], stop_on=stop_on)
    parity = check_parity(
        model=challenger.outputs["model"], table=rows.outputs["table"], seed=seed
    ).after(allowed)
    alike = check_verdict(verdict=parity.outputs["verdict"])
    promoted = promote_model(
        model_name=model_name,
        verdict=compared.outputs["verdict"],
        parity=parity.outputs["verdict"],
        version=challenger.outputs["version"],
        expected_champion=champion.outputs["version"],
        reason=reason,
    ).after(alike)
    why = report_version(model_name=model_name, version=promoted.outputs["version"])

    for step in (source, rows, challenger, champion, promoted, why):
        apply(step, object_store, retry(2))
    for step in (challenger, champion, promoted, why):
        apply(step, mlflow)
    # What lies behind a URI or an alias may change.
    for step in (source, challenger, champion, promoted, why):
        step.set_caching_options(False)
    return Outputs(
        version=promoted.outputs["version"],
        previous=promoted.outputs["previous"],
        decision=compared.outputs["Output"],
        comparison_report=compared.outputs["report"],
        version_report=why.outputs["report"],
    )
