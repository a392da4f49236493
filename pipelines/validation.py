"""From a source to rows that can be trusted: sensible as a recurring run."""

from typing import NamedTuple

from kfp import dsl

from holdfast.catalog import (
    check_verdict,
    export_table,
    fetch_artifact,
    infer_schema,
    ingest_table,
    profile_table,
    resolve_source,
    validate_table,
)
from holdfast.presets import apply, defaults, object_store, retry, sized


class Outputs(NamedTuple):
    """What a run ends with."""

    decision: str
    accepted_rows: int
    quarantined_rows: int
    profile: dsl.Artifact
    proposed_schema: dsl.Artifact
    profile_report: dsl.HTML
    validation_report: dsl.HTML


@dsl.pipeline(name="validation")
@defaults(sized)
def validation(
    uri: str,
    accepted_uri: str,
    quarantine_uri: str,
    schema_uri: str = "",
    baseline_uri: str = "",
    expectations: str = "",
    query: str = "",
    max_quarantine_share: float = 0.1,
) -> Outputs:
    """Validate a table against a kept schema and baseline; export good rows, quarantine the rest.

    resolve and ingest the source, profile it, fetch schema and baseline, validate, export the rows
    set aside, stop at a failure, export the accepted rows. An unchanged source is ingested and
    profiled once. Without a schema the decision is no_baseline, and the proposed schema is there to
    be looked at, edited and kept.

    Args:
        uri: The table: a path, file://, http(s)://, s3://, minio:// or postgresql://; one object, a
            prefix or a glob.
        accepted_uri: Where accepted rows go: a path, s3:// or minio://, to a .parquet or .csv
            object or a prefix that ends with a slash.
        quarantine_uri: Where the rows set aside go, with their reasons; as accepted_uri.
        schema_uri: The kept schema, a text proto; empty, or nothing there, for none yet.
        baseline_uri: The kept profile of an earlier table; empty, or nothing there, for none yet.
        expectations: Rules and policies of validate_table as YAML.
        query: SQL for a postgresql:// uri.
        max_quarantine_share: Share of the rows that may be set aside, 0 to 1; more fails.

    Returns:
        decision: pass, warn (also when rows were set aside) or no_baseline.
        accepted_rows: How many rows went to accepted_uri.
        quarantined_rows: How many rows went to quarantine_uri.
        profile: The profile of the table, to be kept as a baseline.
        proposed_schema: The schema inferred from this table.
        profile_report: The profile as a page.
        validation_report: The validation as a page.
    """
    source = resolve_source(uri=uri, query=query)
    table = ingest_table(uri=uri, query=query, fingerprint=source.outputs["fingerprint"])
    profile = profile_table(table=table.outputs["table"])
    proposed = infer_schema(profile=profile.outputs["profile"])
    schema = fetch_artifact(uri=schema_uri, optional=True)
    baseline = fetch_artifact(uri=baseline_uri, optional=True)

    checked = validate_table(
        table=table.outputs["table"],
        profile=profile.outputs["profile"],
        schema=schema.outputs["artifact"],
        baseline=baseline.outputs["artifact"],
        expectations=expectations,
        max_quarantine_share=max_quarantine_share,
    )
    aside = export_table(table=checked.outputs["quarantine"], uri=quarantine_uri)
    # Rows set aside are kept whatever becomes of the rest.
    gate = check_verdict(data=checked.outputs["verdict"]).after(aside)
    good = export_table(table=checked.outputs["accepted"], uri=accepted_uri).after(gate)

    for step in (source, table, schema, baseline, aside, good):
        apply(step, object_store, retry(2))
    # What lies behind a URI may change: its fingerprint, and not its name, decides on a cache hit.
    for step in (source, schema, baseline, aside, good):
        step.set_caching_options(False)
    return Outputs(
        decision=checked.outputs["Output"],
        accepted_rows=good.outputs["rows"],
        quarantined_rows=aside.outputs["rows"],
        profile=profile.outputs["profile"],
        proposed_schema=proposed.outputs["schema"],
        profile_report=profile.outputs["report"],
        validation_report=checked.outputs["report"],
    )
