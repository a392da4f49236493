"""Judge the rules on a table as a whole, from its profile."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from tensorflow_metadata.proto.v0.anomalies_pb2 import AnomalyInfo
from tensorflow_metadata.proto.v0.schema_pb2 import Feature, FeatureType, Schema

from holdfast.errors import InputError
from holdfast.profiles.columns import NumberColumn, TextColumn, quantiles
from holdfast.profiles.profile import Profile
from holdfast.profiles.stability import (
    USUAL_LIMIT,
    index_by_chance,
    population_stability_index,
)
from holdfast.validation import tfdv
from holdfast.validation.anomalies import NOT_SHOWN, SHOWN_OBSERVED
from holdfast.validation.expectations import (
    Bounded,
    Drift,
    Expectations,
    Fresh,
    Quantile,
    RowCount,
    Statistic,
)
from holdfast.validation.schema import interval, number
from holdfast.validation.statistics import table_statistics
from holdfast.verdict import Reason

# What a profile says of a table that was not told what to compare.
USUAL_DRIFT = Drift(
    rule="drift", measure="population_stability_index", max=USUAL_LIMIT, policy="warn"
)


def require_fitting(expectations: Expectations, profile: Profile) -> None:
    """Refuse rules that ask of a column what its type does not have.

    Args:
        expectations: The rules.
        profile: That of the table, or of none of its rows.

    Raises:
        InputError: There is such a rule.
    """
    for rule in expectations.rules:
        if isinstance(rule, Statistic | Quantile) and rule.rule not in ("missing", "distinct"):
            numeric = isinstance(profile.columns[rule.column], NumberColumn)
            _require(numeric, rule.column, f"the {rule.rule}", "numbers", profile)
        elif isinstance(rule, Fresh):
            timed = profile.types[rule.column].startswith(("date", "timestamp"))
            _require(timed, rule.column, "freshness", "dates or times", profile)
        elif isinstance(rule, Drift) and rule.measure == "l_infinity":
            for name in rule.columns:
                textual = isinstance(profile.columns[name], TextColumn)
                _require(textual, name, "l_infinity", "text", profile)


def reasons_of(
    expectations: Expectations, profile: Profile, as_of: datetime, sensitive: frozenset[str]
) -> list[Reason]:
    """Return a reason for each bound or age that is not kept."""
    found: list[Reason] = []
    for rule in expectations.rules:
        reason = None
        if isinstance(rule, RowCount):
            reason = _outside(rule, "table", "rows", float(profile.rows))
        elif isinstance(rule, Statistic | Quantile):
            reason = _statistic(rule, profile)
        elif isinstance(rule, Fresh):
            reason = _stale(rule, profile, as_of)
        if reason:
            found.append(_masked(reason) if reason.subject in sensitive else reason)
    return found


def drift_reasons(
    rules: Sequence[Drift], profile: Profile, baseline: Profile, sensitive: frozenset[str]
) -> list[Reason]:
    """Return a reason for each column that is further from the baseline than a rule accepts.

    A column that a rule names and the baseline lacks has no baseline.
    """
    found: list[Reason] = []
    for rule in rules:
        found += [_unknown(rule, name) for name in rule.columns if name not in baseline.columns]
        shared = [n for n in rule.columns or profile.columns if n in baseline.columns]
        if rule.measure == "population_stability_index":
            moved = [_moved(rule, name, profile, baseline) for name in shared]
            found += [reason for reason in moved if reason]
        else:
            found += _moved_by_tfdv(rule, shared, profile, baseline, sensitive)
    return found


def _moved(rule: Drift, name: str, profile: Profile, baseline: Profile) -> Reason | None:
    pair = profile.columns[name], baseline.columns[name]
    index = population_stability_index(*pair)
    # A limit that somebody chose is taken at its word; ours allows for small tables.
    limit = max(rule.max, index_by_chance(*pair)) if rule is USUAL_DRIFT else rule.max
    if index <= limit:
        return None
    observed = f"population stability index {index:.3g}"
    if np.isnan(index):
        observed = f"{profile.types[name]} instead of {baseline.types[name]}"
    return _drifted(rule, name, observed)


def _moved_by_tfdv(
    rule: Drift,
    names: Sequence[str],
    profile: Profile,
    baseline: Profile,
    sensitive: frozenset[str],
) -> list[Reason]:
    """Return what TFDV says of a rule: in a schema of its own, where nothing else is asked."""
    schema = Schema()
    for name in names:
        feature = schema.feature.add(name=name, type=_feature_type(profile.columns[name]))
        _compare(feature, rule)
    statistics = table_statistics(profile), table_statistics(baseline)
    told = tfdv.validate_statistics(statistics[0], schema, previous=statistics[1])
    found = []
    for name in names:
        for each in told.anomaly_info[name].reason if name in told.anomaly_info else ():
            if AnomalyInfo.Type.Name(each.type).startswith("COMPARATOR"):
                # The description names a value.
                words = each.short_description if name in sensitive else each.description
                found.append(_drifted(rule, name, words[:SHOWN_OBSERVED]))
    return found


def _feature_type(column: NumberColumn | TextColumn) -> "FeatureType.ValueType":
    if isinstance(column, TextColumn):
        return FeatureType.BYTES
    return FeatureType.INT if column.whole else FeatureType.FLOAT


def _compare(feature: Feature, rule: Drift) -> None:
    comparator = feature.drift_comparator
    if rule.measure == "l_infinity":
        comparator.infinity_norm.threshold = rule.max
    else:
        comparator.jensen_shannon_divergence.threshold = rule.max


def _drifted(rule: Drift, name: str, observed: str) -> Reason:
    expected = f"{rule.measure.replace('_', ' ')} at most {rule.max:g}"
    message = f"{name}: {observed}, expected {expected}"
    return Reason(rule.measure, name, observed, expected, message, rule.policy)


def _unknown(rule: Drift, name: str) -> Reason:
    observed = "not in the baseline"
    return replace(_drifted(rule, name, observed), code="no_baseline", effect="no_baseline")


def _masked(reason: Reason) -> Reason:
    """Return a reason that tells no value of its column; counts and shares are none."""
    if reason.code in ("missing", "distinct"):
        return reason
    message = f"{reason.subject}: {NOT_SHOWN}, expected {reason.expected}"
    return replace(reason, observed=NOT_SHOWN, message=message)


def _require(holds: bool, column: str, what: str, kind: str, profile: Profile) -> None:
    if not holds:
        raise InputError(
            f"`expectations` asks for {what} of column {column!r}, which needs {kind}. Found: "
            f"{profile.types[column]}. Choose another column, or declare its type in ingest_table."
        )


def _statistic(rule: Statistic | Quantile, profile: Profile) -> Reason | None:
    column = profile.columns[rule.column]
    if rule.rule == "missing":
        value = column.missing / max(1, profile.rows)
    elif rule.rule == "distinct":
        value = float(column.distinct)
    else:
        value = _value(rule, column) if isinstance(column, NumberColumn) else float("nan")
    return _outside(rule, rule.column, rule.rule, value)


def _value(rule: Statistic | Quantile, column: NumberColumn) -> float:
    if not column.present:
        return float("nan")
    if isinstance(rule, Quantile):
        return float(quantiles(column, np.array([rule.share]))[0])
    return column.mean if rule.rule == "mean" else column.deviation


def _outside(rule: Bounded, subject: str, what: str, value: float) -> Reason | None:
    low = -np.inf if rule.min is None else rule.min
    high = np.inf if rule.max is None else rule.max
    # Written so that NaN, the mean of no values, is outside.
    if low <= value <= high:
        return None
    if isinstance(rule, Quantile):
        what = f"quantile {rule.share:g}"
    expected = interval(rule.min, rule.max)
    observed = f"{what} {number(int(value) if value.is_integer() else value)}"
    message = f"{observed.capitalize()}, expected {expected}."
    return Reason(
        str(getattr(rule, "rule", what)), subject, observed, expected, message, rule.policy
    )


def _stale(rule: Fresh, profile: Profile, as_of: datetime) -> Reason | None:
    column = profile.columns[rule.column]
    expected = f"at most {rule.hours:g} hours before {as_of:%Y-%m-%d %H:%M} UTC"
    if isinstance(column, NumberColumn) and column.present:
        age = as_of.timestamp() - column.high
        if age <= rule.hours * 3600:
            return None
        latest = str(np.datetime64(int(column.high), "s")).replace("T", " ")
        observed = f"latest {latest} UTC"
    else:
        observed = "no time at all"
    message = f"{rule.column}: {observed}, expected {expected}"
    return Reason("fresh", rule.column, observed, expected, message, rule.policy)
