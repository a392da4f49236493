"""From a window of a source to predictions at their place: sensible as a recurring run."""

from typing import NamedTuple

from kfp import dsl

from holdfast.catalog import (
    batch_predict,
    check_verdict,
    export_table,
    fetch_artifact,
    fetch_model,
    ingest_table,
    resolve_source,
    resolve_window,
    validate_table,
)
from holdfast.presets import apply, defaults, mlflow, object_store, retry, sized


class Outputs(NamedTuple):
    """What a run ends with."""

    key: str
    model_version: int
    data_decision: str
    decision: str
    exported_rows: int
    written: bool
    invalid_rows: int
    unscored_rows: int
    metrics: dsl.Metrics
    predictions: dsl.Dataset
    validation_report: dsl.HTML
    report: dsl.HTML


@dsl.pipeline(name="batch-inference")
@defaults(sized)
def batch_inference(
    uri: str,
    model_name: str,
    predictions_uri: str,
    quarantine_uri: str,
    window_start: str = "",
    window_end: str = "",
    time_column: str = "",
    version: str = "champion",
    query: str = "",
    types: dict[str, str] = {},  # noqa: B006  # KFP reads the default from the signature
    keep: list[str] = [],  # noqa: B006
    key: list[str] = [],  # noqa: B006
    parse: list[str] = [],  # noqa: B006
    schema_uri: str = "",
    environment: str = "",
    expectations: str = "",
    predicted_at: str = "",
    max_quarantine_share: float = 0.1,
) -> Outputs:
    """Score a window of a source with a registered model, and write the predictions once.

    resolve the window, resolve and ingest its rows, fetch the model, validate the rows against a
    kept schema and the model's own profile, score them, export what was set aside, stop at a
    failure, export the predictions.

    What is made of a window goes to a folder of its own, named by the window. A run that is tried
    again for the same window, rows and model version writes the same bytes, and so nothing. Where
    rows or model have changed since, the folder's table is replaced: readers see the old one or the
    new one, never both. A run that fails leaves the predictions of an earlier one. A window without
    rows has an empty table, and a warning.

    As a recurring run: window_start=P1D, without an end, scores the last day that had ended when
    the run was due.

    Args:
        uri: The table: a path, file://, http(s)://, s3://, minio:// or postgresql://; one object, a
            prefix or a glob.
        model_name: Name in the MLflow registry.
        predictions_uri: Where predictions go: a folder, s3://BUCKET/PREFIX/ or minio://; each
            window in window=START-END/ below it, a Hive partition.
        quarantine_uri: Where rows set aside go, with their reasons; as predictions_uri, below
            invalid/ (what validation set aside) and unscored/ (what the model could not score).
        window_start: The first moment of the window, ISO 8601 (UTC without an offset), or how long
            before its end that is: P1D, PT6H. Empty with window_end: all rows, whatever their time.
        window_end: The first moment after it. Empty, with a length: the end of the last window of
            that length before the run was due.
        time_column: The column with each row's time; needed with a window.
        version: The version to score with: an alias or a number.
        query: SQL for a postgresql:// uri.
        types: Types of columns where a guess would not do, such as {"zip": "string"}: those
            that the model was trained with; see ingest_table.
        keep: The columns that go along with the predictions, besides key and target; none for all.
        key: The columns that say which row a prediction is of.
        parse: Features that are text in the source and numbers or dates to the model.
        schema_uri: A kept schema, a text proto; empty, or nothing there, for none: the model's own
            columns and types are checked all the same.
        environment: The schema's environment, such as serving, where the label is absent.
        expectations: Rules and policies of validate_table as YAML.
        predicted_at: The time to write beside predictions; empty for the end of the window, or now
            where there is none, so that two runs over all rows differ in it.
        max_quarantine_share: Share of the rows that may be set aside, 0 to 1, by validation and by
            scoring each; more fails.

    Returns:
        key: The name of the window's folder.
        model_version: The version that scored.
        data_decision: pass, warn or no_baseline, where no schema or no profile was kept.
        decision: pass, or warn where rows could not be scored.
        exported_rows: How many predictions are at their place.
        written: Whether they were written; false where they were there already.
        invalid_rows: How many rows validation set aside.
        unscored_rows: How many rows could not be scored.
        metrics: Counts, and how the answers are spread.
        predictions: The predictions as a table.
        validation_report: The validation as a page.
        report: The scoring as a page.
    """
    window = resolve_window(
        window_start=window_start,
        window_end=window_end,
        time_column=time_column,
        as_of=predicted_at,
        scheduled_time=dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER,
    )
    source = resolve_source(uri=uri, query=query)
    table = ingest_table(
        uri=uri,
        query=query,
        types=types,
        fingerprint=source.outputs["fingerprint"],
        where=window.outputs["where"],
        allow_empty=True,
    )
    fetched = fetch_model(model_name=model_name, version=version)
    schema = fetch_artifact(uri=schema_uri, optional=True)
    checked = validate_table(
        table=table.outputs["table"],
        schema=schema.outputs["artifact"],
        baseline=fetched.outputs["profile"],
        expectations=expectations,
        environment=environment,
        max_quarantine_share=max_quarantine_share,
        as_of=window.outputs["as_of"],
    )
    scored = batch_predict(
        inputs=checked.outputs["accepted"],
        model=fetched.outputs["model"],
        keep=keep,
        key=key,
        parse=parse,
        predicted_at=window.outputs["as_of"],
        max_quarantine_share=max_quarantine_share,
    )
    place = window.outputs["key"]
    invalid = export_table(
        table=checked.outputs["quarantine"], uri=f"{quarantine_uri}/invalid/{place}/"
    )
    unscored = export_table(
        table=scored.outputs["quarantine"], uri=f"{quarantine_uri}/unscored/{place}/"
    )
    # Rows set aside are kept whatever becomes of the rest.
    gate = check_verdict(data=checked.outputs["verdict"], verdict=scored.outputs["verdict"]).after(
        invalid, unscored
    )
    written = export_table(
        table=scored.outputs["predictions"], uri=f"{predictions_uri}/{place}/"
    ).after(gate)

    for step in (source, table, fetched, schema, invalid, unscored, written):
        apply(step, object_store, retry(2))
    apply(fetched, mlflow)
    # What lies behind a URI or an alias may change, and so does what is now.
    for step in (window, source, fetched, schema, invalid, unscored, written):
        step.set_caching_options(False)
    return Outputs(
        key=place,
        model_version=fetched.outputs["version"],
        data_decision=checked.outputs["Output"],
        decision=scored.outputs["Output"],
        exported_rows=written.outputs["rows"],
        written=written.outputs["written"],
        invalid_rows=invalid.outputs["rows"],
        unscored_rows=unscored.outputs["rows"],
        metrics=scored.outputs["metrics"],
        predictions=scored.outputs["predictions"],
        validation_report=checked.outputs["report"],
        report=scored.outputs["report"],
    )
