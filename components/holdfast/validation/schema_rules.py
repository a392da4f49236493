"""What a schema asks of each value of a column, as questions to rows.

TFDV judges a column by its statistics; these find the rows to blame where a policy is to set them
aside, and judge what the statistics are too coarse for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from holdfast.profiles.columns import NumberColumn, TextColumn
from holdfast.validation.anomalies import Context
from holdfast.validation.conditions import place
from holdfast.validation.expectations import ROW_ANOMALIES
from holdfast.validation.row_rules import Broken, Prepared
from holdfast.validation.row_sql import Check, text
from holdfast.validation.schema import bounds, interval, string_domain
from holdfast.validation.statistics import RANK_VALUES
from holdfast.verdict import Reason

# Beyond, not every whole number is a float.
EXACT = 2**53


def prepare(told: Sequence[Reason], context: Context, schema: pa.Schema) -> list[Prepared]:
    """Return the rules whose rows are to be found.

    Args:
        told: What TFDV found.
        context: What it is told with.
        schema: Columns and types of the table.
    """
    known = {(ROW_ANOMALIES.get(reason.code), reason.subject) for reason in told}
    wanted = {
        (ROW_ANOMALIES[reason.code], reason.subject): "quarantine"
        for reason in told
        if reason.effect == "quarantine"
    }
    for rule, code, name in _too_coarse(context):
        if (rule, name) not in known:
            wanted[rule, name] = context.policies.get(code, "fail")
    rules = [
        _prepared(rule, effect, context, schema, name) for (rule, name), effect in wanted.items()
    ]
    return [rule for rule in rules if rule]


def remaining(told: Sequence[Reason], broken: Sequence[Broken]) -> list[Reason]:
    """Return what TFDV found but for what is told with its rows.

    An anomaly whose rows were to be set aside, and are not found, is a failure.
    """
    found = {(each.rule.code, each.rule.columns) for each in broken}
    left = []
    for reason in told:
        if reason.effect != "quarantine":
            left.append(reason)
        elif (ROW_ANOMALIES[reason.code], (reason.subject,)) not in found:
            left.append(replace(reason, effect="fail"))
    return left


def _too_coarse(context: Context) -> Iterator[tuple[str, str, str]]:
    """Yield rule, anomaly and column where TFDV's statistics do not hold enough to judge."""
    for name, feature in context.features.items():
        column = context.profile.columns.get(name)
        has_domain = string_domain(feature, context.domains) is not None
        if isinstance(column, NumberColumn) and feature.HasField("int_domain"):
            # Statistics hold floats.
            if column.present and max(-column.low, column.high) >= EXACT:
                yield "range", "int_type_big_int", name
        elif isinstance(column, TextColumn) and column.distinct > RANK_VALUES and has_domain:
            # Statistics hold the most frequent strings.
            yield "domain", "enum_type_unexpected_string_values", name


def _prepared(
    rule: str, effect: str, context: Context, schema: pa.Schema, name: str
) -> Prepared | None:
    feature, column = context.features[name], context.profile.columns[name]
    kind, sql = schema.field(name).type, place(schema, name)
    tolerated = 0
    if rule == "presence":
        broken, wanted = _is_missing(sql, kind), "a value in each row"
    elif rule == "domain" and _is_text(kind):
        known = string_domain(feature, context.domains) or []
        broken, wanted = _is_unknown(sql, known), f"one of {len(known)} known values"
        if effect != "quarantine":
            share = feature.distribution_constraints.min_domain_mass
            tolerated = int((1 - share) * column.present + 1e-6)
    elif rule == "range" and isinstance(column, NumberColumn):
        broken, wanted = _is_outside(sql, kind, *bounds(feature)), interval(*bounds(feature))
    else:
        return None
    check = Check(rule, (name,), broken)
    return Prepared(rule, (name,), wanted, effect, f"{rule}({name})", check, None, tolerated)


def _is_missing(sql: str, kind: pa.DataType) -> str:
    # As in TFDV, NaN is no value.
    return f"({sql} IS NULL" + (f" OR isnan({sql}))" if pa.types.is_floating(kind) else ")")


def _is_unknown(sql: str, known: Sequence[str]) -> str:
    values = ", ".join(text(value) for value in known)
    return f"CAST({sql} AS VARCHAR) NOT IN ({values})" if known else f"{sql} IS NOT NULL"


def _is_outside(sql: str, kind: pa.DataType, low: float | None, high: float | None) -> str:
    """Return the question whether a number, as the profile counts it, is out of bounds."""
    number = sql
    if pa.types.is_boolean(kind):
        number = f"CAST({sql} AS TINYINT)"
    elif pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        number = f"floor(epoch({sql}))"
    elif pa.types.is_floating(kind):
        # To DuckDB NaN is the greatest number.
        number = f"nullif({sql}, 'nan')"
    sides = [f"{number} < {_literal(low)}"] if low is not None else []
    sides += [f"{number} > {_literal(high)}"] if high is not None else []
    return f"({' OR '.join(sides) or 'false'})"


def _literal(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"CAST('{bound!r}' AS DOUBLE)"


def _is_text(kind: pa.DataType) -> bool:
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(values) or pa.types.is_large_string(values)
