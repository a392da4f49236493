"""From a window of predictions to what is done about it: sensible as a recurring run."""

from typing import NamedTuple

from kfp import dsl

from holdfast.catalog import (
    decide_retraining,
    detect_drift,
    estimate_performance,
    fetch_artifact,
    fetch_model,
    ingest_table,
    monitor_performance,
    profile_table,
    resolve_source,
    resolve_window,
    send_alert,
    validate_table,
)
from holdfast.presets import alerts, apply, defaults, mlflow, object_store, retry, sized


class Outputs(NamedTuple):
    """What a run ends with."""

    window: str
    data_decision: str
    drift_decision: str
    estimate_decision: str
    performance_decision: str
    alert: str
    retraining: str
    drift_metrics: dsl.Metrics
    drift_report: dsl.HTML
    estimate_report: dsl.HTML
    performance_report: dsl.HTML


@dsl.pipeline(name="monitoring")
@defaults(sized)
def monitoring(
    uri: str,
    model_name: str,
    alert_rules: str,
    retraining_policy: str,
    version: str = "champion",
    window_start: str = "P1D",
    window_end: str = "",
    time_column: str = "",
    labels_uri: str = "",
    keys: list[str] = [],  # noqa: B006  # KFP reads the default from the signature
    schema_uri: str = "",
    expectations: str = "",
    metric: str = "",
    tolerance: float = 0.05,
) -> Outputs:
    """Watch a model for a window of its predictions, alert, and decide whether to retrain.

    resolve the window, ingest its predictions, validate and profile them, detect drift against what
    was registered with the model, estimate its performance, measure it as far as labels have come,
    remember the window and decide by the policy, alert.

    As a recurring run each run has the last window that had ended when it was due: with
    window_start=P1D the day before. Runs that catch up have the windows that they would have had,
    and a window that comes again counts once. Without a registered baseline a decision is
    no_baseline; a window without rows fails as drift of the volume.

    Args:
        uri: Predictions as batch_predict writes them, a prefix, a glob or an object of a store;
            {window} in it stands for the window's folder, as batch_inference names it.
        model_name: Name in the MLflow registry.
        alert_rules: When to tell whom what, as YAML; see send_alert. Addresses and passwords come
            from the Secret holdfast-alerts.
        retraining_policy: When to retrain, as YAML; see decide_retraining.
        version: The version that made the predictions: an alias or a number.
        window_start: The first moment of the window, ISO 8601, or how long it is: P1D, PT6H. Empty
            with window_end: all rows.
        window_end: The first moment after it; empty for the end of the last window of that length.
        time_column: The column with each row's time; needed with a window where uri has no
            {window}.
        labels_uri: Keys and labels, late and partial as they are; empty, or nothing there, where
            predictions hold the label or none has come.
        keys: Columns that predictions and labels share.
        schema_uri: A kept schema, a text proto; empty, or nothing there, for none.
        expectations: Rules and policies of validate_table as YAML.
        metric: The metric that is judged; empty for roc_auc or rmse.
        tolerance: Relative drop of it beyond which a certain one fails, 0 to 1.

    Returns:
        window: START/END by ISO 8601; empty without a window.
        data_decision: Verdict on the rows: pass, warn, fail or no_baseline.
        drift_decision: Verdict on their distribution.
        estimate_decision: Verdict on the performance that their probabilities let expect.
        performance_decision: Verdict on the performance by labels.
        alert: What became of the alerts: quiet, sent or suppressed.
        retraining: retrain or wait.
        drift_metrics: Drifted columns and the largest effects.
        drift_report: What moved, as a page.
        estimate_report: The estimate as a page.
        performance_report: The measured performance as a page.
    """
    window = resolve_window(
        window_start=window_start,
        window_end=window_end,
        time_column=time_column,
        scheduled_time=dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER,
        uri=uri,
    )
    source = resolve_source(uri=window.outputs["uri"])
    ingested = ingest_table(
        uri=window.outputs["uri"],
        where=window.outputs["where"],
        fingerprint=source.outputs["fingerprint"],
        allow_empty=True,
    )
    predictions = ingested.outputs["table"]
    fetched = fetch_model(model_name=model_name, version=version)
    schema = fetch_artifact(uri=schema_uri, optional=True)
    labels = fetch_artifact(uri=labels_uri, optional=True)

    profile = profile_table(table=predictions).outputs["profile"]
    checked = validate_table(
        table=predictions,
        profile=profile,
        schema=schema.outputs["artifact"],
        baseline=fetched.outputs["profile"],
        expectations=expectations,
        as_of=window.outputs["as_of"],
    )
    drift = detect_drift(
        current=predictions, profile=profile, detector=fetched.outputs["drift_detector"]
    )
    estimate = estimate_performance(
        predictions=predictions,
        baseline=fetched.outputs["performance_baseline"],
        metric=metric,
        tolerance=tolerance,
        as_of=window.outputs["as_of"],
    )
    measured = monitor_performance(
        predictions=predictions,
        labels=labels.outputs["artifact"],
        baseline=fetched.outputs["performance_baseline"],
        keys=keys,
        metric=metric,
        tolerance=tolerance,
        as_of=window.outputs["as_of"],
    )
    verdicts = {
        "data": checked.outputs["verdict"],
        "drift": drift.outputs["verdict"],
        "estimate": estimate.outputs["verdict"],
        "performance": measured.outputs["verdict"],
    }
    decided = decide_retraining(
        policy=retraining_policy,
        name=model_name,
        window=window.outputs["interval"],
        metrics=measured.outputs["metrics"],
        current=predictions,
        **verdicts,
    )
    # A window is remembered even where an alert does not arrive.
    alert = send_alert(
        rules=alert_rules,
        name=model_name,
        window=window.outputs["interval"],
        metrics=measured.outputs["metrics"],
        drift_metrics=drift.outputs["metrics"],
        **verdicts,
    ).after(decided)

    apply(alert, alerts)
    for step in (source, ingested, fetched, schema, labels, decided, alert):
        apply(step, object_store, retry(2))
    for step in (fetched, decided, alert):
        apply(step, mlflow)
    # What lies behind a URI or an alias may change, and so does what is now and what is remembered.
    for step in (window, source, fetched, schema, labels, decided, alert):
        step.set_caching_options(False)
    return Outputs(
        window=window.outputs["interval"],
        data_decision=checked.outputs["Output"],
        drift_decision=drift.outputs["Output"],
        estimate_decision=estimate.outputs["Output"],
        performance_decision=measured.outputs["Output"],
        alert=alert.outputs["Output"],
        retraining=decided.outputs["Output"],
        drift_metrics=drift.outputs["metrics"],
        drift_report=drift.outputs["report"],
        estimate_report=estimate.outputs["report"],
        performance_report=measured.outputs["report"],
    )
