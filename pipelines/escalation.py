"""What is done at once when a model in use does harm: roll back, pause, prepare, tell."""

from typing import NamedTuple

from kfp import dsl

from holdfast.catalog import (
    assess_fairness,
    batch_predict,
    detect_drift,
    export_table,
    fetch_model,
    ingest_table,
    monitor_performance,
    pause_promotion,
    resolve_source,
    resolve_window,
    roll_back_model,
    send_alert,
)
from holdfast.presets import alerts, apply, defaults, mlflow, object_store, retry, sized


class Outputs(NamedTuple):
    """What a run ends with."""

    window: str
    model_version: int
    performance_decision: str
    drift_decision: str
    fairness_decision: str
    alert: str
    performance_report: dsl.HTML
    drift_report: dsl.HTML
    fairness_report: dsl.HTML


@dsl.pipeline(name="escalation")
@defaults(sized)
def escalation(
    uri: str,
    model_name: str,
    alert_rules: str,
    retraining_uri: str,
    sensitive: list[str] = [],  # noqa: B006  # KFP reads the default from the signature
    types: dict[str, str] = {},  # noqa: B006
    window_start: str = "P1D",
    window_end: str = "",
    time_column: str = "",
    metric: str = "",
    tolerance: float = 0.05,
    seed: int = 42,
) -> Outputs:
    """Judge the champion on labelled rows of a window, and act on what is found.

    score the window's rows with the champion; alert; where its performance dropped, give the alias
    back to the champion before; where it treats groups unlike, pause promotions until somebody ends
    the pause; where the rows drifted, keep them for a retraining.

    Args:
        uri: Rows with their label, under the target's name: a path, file://, http(s)://, s3:// or
            minio://; one object, a prefix or a glob; {window} in it stands for a window's folder.
        model_name: Name in the MLflow registry.
        alert_rules: When to tell whom what, as YAML; see send_alert.
        retraining_uri: Where rows that drifted are kept, in a folder for each window: a folder,
            s3://BUCKET/PREFIX/ or minio://.
        sensitive: Columns, or pairs such as "sex,race", whose groups must be treated alike.
        types: Types of columns where a guess would not do, such as {"zip": "string"}: those
            that the model was trained with; see ingest_table.
        window_start: The first moment of the window, ISO 8601, or how long it is: P1D, PT6H. Empty
            with window_end: all rows.
        window_end: The first moment after it; empty for the end of the last window of that length.
        time_column: The column with each row's time; needed with a window where uri has no
            {window}.
        metric: The metric that is judged; empty for roc_auc or rmse.
        tolerance: Relative drop of it beyond which a certain one fails, 0 to 1.
        seed: Seed of what is drawn for intervals.

    Returns:
        window: START/END by ISO 8601; empty without a window.
        model_version: The champion that was judged.
        performance_decision: pass, warn, fail (rolled back) or no_baseline.
        drift_decision: pass, warn, fail (rows kept) or no_baseline.
        fairness_decision: pass, warn, fail (paused), or no_baseline without sensitive columns.
        alert: What became of the alerts: quiet, sent or suppressed.
        performance_report: The measured performance as a page.
        drift_report: What moved, as a page.
        fairness_report: The groups as a page.
    """
    window = resolve_window(
        window_start=window_start,
        window_end=window_end,
        time_column=time_column,
        scheduled_time=dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER,
        uri=uri,
    )
    source = resolve_source(uri=window.outputs["uri"])
    rows = ingest_table(
        uri=window.outputs["uri"],
        types=types,
        where=window.outputs["where"],
        fingerprint=source.outputs["fingerprint"],
    )
    champion = fetch_model(model_name=model_name)
    scored = batch_predict(
        inputs=rows.outputs["table"],
        model=champion.outputs["model"],
        predicted_at=window.outputs["as_of"],
    )
    measured = monitor_performance(
        predictions=scored.outputs["predictions"],
        baseline=champion.outputs["performance_baseline"],
        metric=metric,
        tolerance=tolerance,
        as_of=window.outputs["as_of"],
        seed=seed,
    )
    drift = detect_drift(
        current=scored.outputs["predictions"], detector=champion.outputs["drift_detector"]
    )
    fair = assess_fairness(
        model=champion.outputs["model"],
        test=rows.outputs["table"],
        sensitive=sensitive,
        seed=seed,
    )

    with dsl.If(measured.outputs["Output"] == "fail", name="performance-lost"):
        back = roll_back_model(
            model_name=model_name,
            reason=f"Its performance dropped in {window.outputs['interval']}.",
            expected_champion=champion.outputs["version"],
            # The champion before is judged by the same rows when the run is tried again.
            key=window.outputs["interval"],
        )
    with dsl.If(fair.outputs["Output"] == "fail", name="groups-unlike"):
        paused = pause_promotion(
            model_name=model_name,
            reason=f"Groups were treated unlike in {window.outputs['interval']}.",
        )
    with dsl.If(drift.outputs["Output"] == "fail", name="rows-drifted"):
        kept = export_table(
            table=rows.outputs["table"], uri=f"{retraining_uri}/{window.outputs['key']}/"
        )
    alert = send_alert(
        rules=alert_rules,
        name=model_name,
        window=window.outputs["interval"],
        performance=measured.outputs["verdict"],
        drift=drift.outputs["verdict"],
        fairness=fair.outputs["verdict"],
        metrics=measured.outputs["metrics"],
        drift_metrics=drift.outputs["metrics"],
    )

    apply(alert, alerts)
    for step in (source, rows, champion, alert, back, paused, kept):
        apply(step, object_store, retry(2))
    for step in (champion, alert, back, paused):
        apply(step, mlflow)
    # What lies behind a URI or an alias may change, and so does what is now and what is remembered.
    for step in (window, source, champion, alert, back, paused, kept):
        step.set_caching_options(False)
    return Outputs(
        window=window.outputs["interval"],
        model_version=champion.outputs["version"],
        performance_decision=measured.outputs["Output"],
        drift_decision=drift.outputs["Output"],
        fairness_decision=fair.outputs["Output"],
        alert=alert.outputs["Output"],
        performance_report=measured.outputs["report"],
        drift_report=drift.outputs["report"],
        fairness_report=fair.outputs["report"],
    )
