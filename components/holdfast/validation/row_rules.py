"""The rules that single rows break: prepared before data is read, found, told and set aside."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tensorflow_metadata.proto.v0.schema_pb2 import Feature, Schema

from holdfast.table import Table
from holdfast.validation.anomalies import EXAMPLES, MASKED, SHOWN_LETTERS
from holdfast.validation.expectations import (
    ROW_ANOMALIES,
    Condition,
    ExistsInReference,
    Expectations,
    Matches,
    RowRule,
    Unique,
)
from holdfast.validation.row_sql import (
    Check,
    broken_by_checks,
    broken_by_key,
    broken_by_reference,
    check_of,
    quoted,
    text,
)
from holdfast.validation.schema import bounds, interval, string_domain
from holdfast.verdict import Reason

# Of more broken rows than these, examples are not looked for.
SEARCHED_ROWS = 1000


@dataclass(frozen=True)
class Prepared:
    """A rule that is ready to be asked: of each row, or else (None) of keys or a reference."""

    code: str
    columns: tuple[str, ...]
    expected: str
    effect: str
    check: Check | None = None
    rule: RowRule | None = None


@dataclass(frozen=True)
class Broken:
    """A rule and the numbers of the rows that break it, in order, from 0."""

    rule: Prepared
    rows: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Aside:
    """The rows to set aside, in order, and for each the rules that it breaks."""

    rows: npt.NDArray[np.int64]
    reasons: list[str]


def prepare(expectations: Expectations, schema: Schema, table: Table) -> list[Prepared]:
    """Return the row rules of the expectations, and of the schema where its anomalies quarantine.

    Raises:
        InputError: A condition is not SQL on the columns of the table.
    """
    prepared = []
    for rule in expectations.rules:
        if isinstance(rule, Condition | Matches):
            check = check_of(rule, table.schema)
            wanted = rule.sql if isinstance(rule, Condition) else f"matches {rule.pattern}"
            prepared.append(Prepared(check.code, check.columns, wanted, rule.policy, check, rule))
        elif isinstance(rule, Unique):
            wanted = "no two rows with the same values"
            prepared.append(
                Prepared("unique", tuple(rule.columns), wanted, rule.policy, None, rule)
            )
        elif isinstance(rule, ExistsInReference):
            wanted = f"found in {', '.join(rule.reference_columns)} of the reference"
            prepared.append(
                Prepared(rule.rule, tuple(rule.columns), wanted, rule.policy, None, rule)
            )
    codes = {ROW_ANOMALIES[c] for c, p in expectations.policies.items() if p == "quarantine"}
    for feature in schema.feature:
        if feature.name in table.schema.names:
            prepared += [p for p in _of_schema(feature, schema) if p.code in codes]
    return prepared


def find(table: Table, prepared: Sequence[Prepared], reference: Table | None) -> list[Broken]:
    """Return the rules that rows break, with these rows."""
    asked = [rule for rule in prepared if rule.check]
    rows = broken_by_checks(table, [rule.check for rule in asked if rule.check])
    broken = [Broken(rule, found) for rule, found in zip(asked, rows, strict=True)]
    for other in prepared:
        if isinstance(other.rule, Unique):
            broken.append(Broken(other, broken_by_key(table, other.rule)))
        elif isinstance(other.rule, ExistsInReference) and reference:
            broken.append(Broken(other, broken_by_reference(table, other.rule, reference)))
    return [each for each in broken if len(each.rows)]


def reasons_of(table: Table, broken: Sequence[Broken], sensitive: frozenset[str]) -> list[Reason]:
    """Return a reason for each broken rule, with up to five of the values to blame."""
    return [_reason(table, each, sensitive) for each in broken]


def set_aside(broken: Sequence[Broken]) -> Aside:
    """Return the rows that break a rule whose policy is to quarantine them."""
    rules = [each for each in broken if each.rule.effect == "quarantine"]
    rows = np.unique(np.concatenate([np.zeros(0, np.int64), *(each.rows for each in rules)]))
    reasons: list[list[str]] = [[] for _ in rows]
    for each in rules:
        name = f"{each.rule.code}({', '.join(each.rule.columns)})"
        for place in np.searchsorted(rows, each.rows):
            reasons[place].append(name)
    return Aside(rows, ["; ".join(names) for names in reasons])


def _of_schema(feature: Feature, schema: Schema) -> list[Prepared]:
    """Return what a schema asks of each value of a column."""
    column, found = quoted(feature.name), []
    known = string_domain(feature, schema)
    if known is not None:
        values = ", ".join(text(value) for value in known) or "NULL"
        found.append(("domain", f"{column} NOT IN ({values})", f"one of {len(known)} known values"))
    low, high = bounds(feature)
    if low is not None or high is not None:
        sides = [f"{column} < {low!r}"] * (low is not None)
        sides += [f"{column} > {high!r}"] * (high is not None)
        found.append(("range", " OR ".join(sides), interval(low, high)))
    if feature.presence.min_fraction or feature.presence.min_count:
        found.append(("presence", f"{column} IS NULL", "a value in each row"))
    names = (feature.name,)
    return [
        Prepared(code, names, wanted, "quarantine", Check(code, names, broken))
        for code, broken, wanted in found
    ]


def _reason(table: Table, broken: Broken, sensitive: frozenset[str]) -> Reason:
    rule, count = broken.rule, len(broken.rows)
    subject = ", ".join(rule.columns)
    hidden = sensitive.intersection(rule.columns)
    examples = MASKED if hidden else _examples(table, broken)
    return Reason(
        code=rule.code,
        subject=subject,
        observed=f"{count:,} rows ({count / table.rows:.2%})",
        expected=rule.expected,
        message=f"{count:,} of {table.rows:,} rows break the rule {rule.code}: {rule.expected}.",
        effect=rule.effect,
        share=count / table.rows,
        examples=examples,
    )


def _examples(table: Table, broken: Broken) -> tuple[str, ...]:
    """Return up to five different values of the rule's columns in the first broken rows."""
    wanted = broken.rows[:SEARCHED_ROWS]
    found: dict[str, None] = {}
    first = 0
    for batch in table.batches(broken.rule.columns):
        here = wanted[(wanted >= first) & (wanted < first + batch.num_rows)] - first
        for row in batch.take(here).to_pylist():
            found.setdefault(_shown(row))
            if len(found) == EXAMPLES:
                return tuple(found)
        first += batch.num_rows
        if first > wanted[-1]:
            break
    return tuple(found)


def _shown(row: dict[str, object]) -> str:
    if len(row) == 1:
        (value,) = row.values()
        return str(value)[:SHOWN_LETTERS]
    return ", ".join(f"{name}={str(value)[:SHOWN_LETTERS]}" for name, value in row.items())
