"""TFDV's anomalies as reasons of a verdict, each with its effect, its rows and examples."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies, AnomalyInfo
from tensorflow_metadata.proto.v0.schema_pb2 import Feature, Schema

from holdfast.validation.columns import NumberColumn, TextColumn
from holdfast.validation.expectations import ROW_ANOMALIES, Policy
from holdfast.validation.profile import Profile
from holdfast.validation.schema import bounds, constraints, string_domain
from holdfast.verdict import Reason

EXAMPLES = 5
SHOWN_LETTERS = 100
MASKED = ("(not shown: sensitive)",)


@dataclass(frozen=True)
class Context:
    """What anomalies are told with."""

    schema: Schema
    profile: Profile
    policies: Mapping[str, Policy]
    sensitive: frozenset[str]


def reasons_of(anomalies: Anomalies, context: Context) -> list[Reason]:
    """Return a reason for each finding of TFDV, the whole table's first, then by column.

    Findings whose rows are to be quarantined are left out: they are told with their rows.
    """
    infos = [anomalies.anomaly_info[name] for name in sorted(anomalies.anomaly_info)]
    found = [_no_rows()] if anomalies.data_missing else []
    for info in [anomalies.dataset_anomaly_info, *infos]:
        subject = info.path.step[0] if info.path.step else "table"
        usual = "fail" if info.severity == AnomalyInfo.ERROR else "warn"
        for finding in info.reason:
            code = AnomalyInfo.Type.Name(finding.type).lower()
            effect = context.policies.get(code, usual)
            if effect != "quarantine":
                found.append(_reason(finding, code, subject, effect, context))
    return found


def _reason(
    finding: AnomalyInfo.Reason, code: str, subject: str, effect: str, context: Context
) -> Reason:
    feature = next((f for f in context.schema.feature if f.name == subject), None)
    expected = constraints(feature, context.schema) if feature else "no such column"
    column = context.profile.columns.get(subject)
    share, examples = _blame(code, column, feature, context) if column and feature else (None, ())
    hidden = subject in context.sensitive
    # TFDV names values in its descriptions.
    observed = finding.short_description if hidden else finding.description
    return Reason(
        code=code,
        subject=subject,
        observed=observed,
        expected="the constraints on the whole table" if subject == "table" else expected,
        message=observed,
        effect=effect,
        share=share,
        examples=MASKED if hidden and examples else examples,
    )


def _blame(
    code: str, column: NumberColumn | TextColumn, feature: Feature, context: Context
) -> tuple[float | None, tuple[str, ...]]:
    """Return the share of rows to blame for an anomaly, and example values, as far as known."""
    rule = ROW_ANOMALIES.get(code)
    rows = max(1, context.profile.rows)
    if rule == "presence":
        return column.missing / rows, ()
    if rule == "domain" and isinstance(column, TextColumn):
        known = pa.array(string_domain(feature, context.schema) or [], pa.large_string())
        odd = column.counts.filter(pc.invert(pc.is_in(column.counts["value"], value_set=known)))
        values = odd["value"].slice(0, EXAMPLES).to_pylist()
        return (pc.sum(odd["count"]).as_py() or 0) / rows, tuple(v[:SHOWN_LETTERS] for v in values)
    if rule == "range" and isinstance(column, NumberColumn):
        low, high = bounds(feature)
        below = [column.low] if low is not None and column.low < low else []
        above = [column.high] if high is not None and column.high > high else []
        return None, tuple(f"{value:.6g}" for value in below + above)
    return None, ()


def _no_rows() -> Reason:
    return Reason(
        code="data_missing",
        subject="table",
        observed="no rows",
        expected="at least one row",
        message="The table is empty: it holds no rows.",
        effect="fail",
    )
