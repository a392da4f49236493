"""TFDV's anomalies as reasons of a verdict, each with its effect, its rows and examples."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies, AnomalyInfo
from tensorflow_metadata.proto.v0.schema_pb2 import Feature, Schema

from holdfast.profiles.columns import NumberColumn, TextColumn
from holdfast.profiles.profile import Profile
from holdfast.validation.expectations import ROW_ANOMALIES, Policy
from holdfast.validation.schema import (
    Domains,
    bounds,
    constraints,
    named_domains,
    number,
    string_domain,
)
from holdfast.verdict import Reason

EXAMPLES = 5
SHOWN_LETTERS = 100
# TFDV's descriptions can name every value of a column.
SHOWN_OBSERVED = 300
NOT_SHOWN = "(not shown: sensitive)"
MASKED = (NOT_SHOWN,)


@dataclass(frozen=True)
class Context:
    """What anomalies are told with."""

    profile: Profile
    policies: Mapping[str, Policy]
    sensitive: frozenset[str]
    features: Mapping[str, Feature]
    domains: Domains


def context_of(
    schema: Schema, profile: Profile, policies: Mapping[str, Policy], sensitive: frozenset[str]
) -> Context:
    """Return what the anomalies against a schema are told with."""
    features = {feature.name: feature for feature in schema.feature}
    return Context(profile, policies, sensitive, features, named_domains(schema))


def reasons_of(anomalies: Anomalies, context: Context) -> list[Reason]:
    """Return a reason for each finding of TFDV, the whole table's first, then by column."""
    infos = [anomalies.anomaly_info[name] for name in sorted(anomalies.anomaly_info)]
    found = [_no_rows()] if anomalies.data_missing else []
    for info in [anomalies.dataset_anomaly_info, *infos]:
        subject = info.path.step[0] if info.path.step else "table"
        usual = "fail" if info.severity == AnomalyInfo.ERROR else "warn"
        for finding in info.reason:
            code = AnomalyInfo.Type.Name(finding.type).lower()
            effect = context.policies.get(code, usual)
            found.append(_reason(finding, code, subject, effect, context))
    return found


def _reason(
    finding: AnomalyInfo.Reason, code: str, subject: str, effect: str, context: Context
) -> Reason:
    feature, column = context.features.get(subject), context.profile.columns.get(subject)
    expected = constraints(feature, context.domains) if feature else "no such column"
    share, examples = _blame(code, column, feature, context) if column and feature else (None, ())
    hidden = subject in context.sensitive
    # TFDV names values in its descriptions: those of a domain are examples, and few.
    short = hidden or ROW_ANOMALIES.get(code) == "domain"
    observed = finding.short_description if short else finding.description[:SHOWN_OBSERVED]
    return Reason(
        code=code,
        subject=subject,
        observed=observed if share is None or not short else f"{observed} ({share:.2%} of rows)",
        expected="the constraints on the whole table" if subject == "table" else expected,
        message=f"{subject}: {observed}",
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
        known = pa.array(string_domain(feature, context.domains) or [], pa.large_string())
        odd = column.counts.filter(pc.invert(pc.is_in(column.counts["value"], value_set=known)))
        values = odd["value"].slice(0, EXAMPLES).to_pylist()
        return (pc.sum(odd["count"]).as_py() or 0) / rows, tuple(v[:SHOWN_LETTERS] for v in values)
    if rule == "range" and isinstance(column, NumberColumn):
        low, high = bounds(feature)
        below = [column.low] if low is not None and column.low < low else []
        above = [column.high] if high is not None and column.high > high else []
        return None, tuple(number(int(v) if v.is_integer() else v) for v in below + above)
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
