"""Compare a table with a schema and give a verdict."""

from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0.anomalies_pb2 import AnomalyInfo
from tensorflow_metadata.proto.v0.schema_pb2 import Feature, FeatureType, Schema

from holdfast.errors import InputError
from holdfast.report import Paragraph, Report, Rows
from holdfast.table import Table
from holdfast.validation import tfdv
from holdfast.validation.statistics import table_statistics
from holdfast.verdict import Reason, Verdict


@dataclass(frozen=True)
class Validation:
    """A verdict on a table and the page that shows it."""

    verdict: Verdict
    report: Report


def read_schema(path: str | Path) -> Schema:
    """Read a text proto schema.

    Raises:
        InputError: The file is not a schema.
    """
    try:
        schema: Schema = text_format.Parse(Path(path).read_text(encoding="utf-8"), Schema())
    except (text_format.ParseError, UnicodeDecodeError, OSError) as error:
        raise InputError(
            f"`schema` must be a TensorFlow Metadata schema as text proto. Found: {error}. Make "
            f"one with infer_schema, or correct the line."
        ) from error
    return schema


def validate(table: Table, schema: Schema) -> Validation:
    """Validate a table: each anomaly that TFDV finds is a reason; errors fail, the rest warns."""
    if not schema.feature:
        verdict = Verdict("no_baseline", (_no_baseline(),))
    else:
        verdict = _verdict(table, schema)
    return Validation(verdict, _report(table, schema, verdict))


def _verdict(table: Table, schema: Schema) -> Verdict:
    anomalies = tfdv.validate_statistics(table_statistics(table), schema)
    expected = {feature.name: _constraints(feature, schema) for feature in schema.feature}
    expected["table"] = "the constraints on the whole table"
    infos = [anomalies.anomaly_info[name] for name in sorted(anomalies.anomaly_info)]
    infos = [anomalies.dataset_anomaly_info, *infos]
    reasons = [_no_rows()] if anomalies.data_missing else []
    for info in infos:
        subject = info.path.step[0] if info.path.step else "table"
        wanted = expected.get(subject, "no such column")
        reasons += [_reason(finding, subject, wanted) for finding in info.reason]
    failed = anomalies.data_missing or any(i.severity == AnomalyInfo.ERROR for i in infos)
    return Verdict("fail" if failed else "warn" if reasons else "pass", tuple(reasons))


def _reason(finding: AnomalyInfo.Reason, subject: str, expected: str) -> Reason:
    return Reason(
        code=AnomalyInfo.Type.Name(finding.type).lower(),
        subject=subject,
        observed=finding.short_description,
        expected=expected,
        message=finding.description,
    )


def _no_rows() -> Reason:
    return Reason(
        code="data_missing",
        subject="table",
        observed="no rows",
        expected="at least one row",
        message="The table is empty: it holds no rows.",
    )


def _no_baseline() -> Reason:
    return Reason(
        code="empty_schema",
        subject="schema",
        observed="no columns",
        expected="at least one column",
        message="The schema is empty: there is nothing to compare the table with.",
    )


def _constraints(feature: Feature, schema: Schema) -> str:
    """Say in one line what the schema asks of a column."""
    parts = [FeatureType.Name(feature.type)]
    if feature.presence.min_fraction:
        parts.append(f"present in at least {feature.presence.min_fraction:.4g} of rows")
    for domain in schema.string_domain:
        if feature.HasField("domain") and domain.name == feature.domain:
            share = feature.distribution_constraints.min_domain_mass
            parts.append(f"at least {share:.4g} of values out of {len(domain.value)} known ones")
    if feature.HasField("int_domain") or feature.HasField("float_domain"):
        domain = feature.int_domain if feature.HasField("int_domain") else feature.float_domain
        parts.append(f"from {domain.min} to {domain.max}")
    return ", ".join(parts)


def _report(table: Table, schema: Schema, verdict: Verdict) -> Report:
    findings = [(r.subject, r.code, r.message, r.expected) for r in verdict.reasons]
    columns = [(f.name, _constraints(f, schema)) for f in schema.feature]
    return Report(
        title="Table validation",
        decision=verdict.decision,
        blocks=(
            Paragraph(
                f"{table.rows:,} rows and {len(table.schema.names)} columns against a schema of "
                f"{len(schema.feature)} columns: {len(findings)} findings."
            ),
            Rows("Findings", ("column", "rule", "observed", "expected"), tuple(findings)),
            Rows("Schema", ("column", "expected"), tuple(columns)),
        ),
    )
