"""Judge the rules on a table as a whole, from its profile."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from holdfast.errors import InputError
from holdfast.validation.columns import NumberColumn, TextColumn
from holdfast.validation.drift import USUAL_LIMIT, population_stability_index
from holdfast.validation.expectations import (
    Bounded,
    Drift,
    Expectations,
    Fresh,
    Quantile,
    RowCount,
    Statistic,
)
from holdfast.validation.profile import Profile
from holdfast.validation.schema import interval
from holdfast.validation.statistics import quantiles
from holdfast.verdict import Reason

# What a profile says of a table that was not told what to compare.
USUAL_DRIFT = Drift(
    rule="drift", measure="population_stability_index", max=USUAL_LIMIT, policy="warn"
)


def reasons_of(expectations: Expectations, profile: Profile, as_of: datetime) -> list[Reason]:
    """Return a reason for each bound or age that is not kept.

    Raises:
        InputError: A rule asks of a column what its type does not have.
    """
    found: list[Reason | None] = []
    for rule in expectations.rules:
        if isinstance(rule, RowCount):
            found.append(_outside(rule, "table", "rows", float(profile.rows)))
        elif isinstance(rule, Statistic | Quantile):
            found.append(_statistic(rule, profile))
        elif isinstance(rule, Fresh):
            found.append(_stale(rule, profile, as_of))
    return [reason for reason in found if reason]


def drift_reasons(rules: Sequence[Drift], profile: Profile, baseline: Profile) -> list[Reason]:
    """Return a reason for each column whose population stability index is above a rule's limit."""
    found = []
    for rule in rules:
        for name in rule.columns or profile.columns:
            if rule.measure != "population_stability_index" or name not in baseline.columns:
                continue
            index = population_stability_index(profile.columns[name], baseline.columns[name])
            if index > rule.max:
                observed, limit = f"moved by {index:.3g}", f"at most {rule.max:g}"
                message = f"Population stability index {index:.3g}, expected {limit}."
                found.append(Reason(rule.measure, name, observed, limit, message, rule.policy))
    return found


def _statistic(rule: Statistic | Quantile, profile: Profile) -> Reason | None:
    column = profile.columns[rule.column]
    if rule.rule == "missing":
        value = column.missing / max(1, profile.rows)
    elif rule.rule == "distinct":
        value = float(column.distinct)
    elif isinstance(column, TextColumn):
        raise InputError(
            f"`expectations` asks for the {rule.rule} of column {rule.column!r}, which needs "
            f"numbers. Found: {profile.types[rule.column]}. Choose a numeric column."
        )
    else:
        value = _value(rule, column)
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
    observed = f"{what} {value:.6g}"
    message = f"{observed.capitalize()}, expected {expected}."
    code = "row_count" if isinstance(rule, RowCount) else str(getattr(rule, "rule", what))
    return Reason(code, subject, observed, expected, message, rule.policy)


def _stale(rule: Fresh, profile: Profile, as_of: datetime) -> Reason | None:
    column, kind = profile.columns[rule.column], profile.types[rule.column]
    if not kind.startswith(("date", "timestamp")) or isinstance(column, TextColumn):
        raise InputError(
            f"`expectations` asks whether column {rule.column!r} is fresh, which needs dates or "
            f"times. Found: {kind}. Choose a time column, or declare its type in ingest_table."
        )
    expected = f"at most {rule.hours:g} hours before {as_of:%Y-%m-%d %H:%M} UTC"
    if column.present:
        latest = datetime.fromtimestamp(column.high, UTC)
        if (as_of - latest).total_seconds() <= rule.hours * 3600:
            return None
        observed = f"latest {latest:%Y-%m-%d %H:%M} UTC"
    else:
        observed = "no time at all"
    message = f"{observed.capitalize()}, expected {expected}."
    return Reason("fresh", rule.column, observed, expected, message, rule.policy)
