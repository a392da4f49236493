"""The rules that single rows break: prepared before data is read, found, told and set aside."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from holdfast.table import Table
from holdfast.validation.anomalies import EXAMPLES, MASKED, SHOWN_LETTERS
from holdfast.validation.expectations import (
    Condition,
    ExistsInReference,
    Expectations,
    Matches,
    Unique,
)
from holdfast.validation.row_sql import (
    Check,
    broken_by_checks,
    broken_by_key,
    broken_by_reference,
    check_of,
    require_comparable,
)
from holdfast.verdict import Reason

# Of more broken rows than these, examples are not looked for.
SEARCHED_ROWS = 1000
# Of more columns than these, an example does not show the values: a row is never shown whole.
SHOWN_COLUMNS = 3


@dataclass(frozen=True)
class Prepared:
    """A rule that is ready to be asked: of each row, or else (None) of keys or a reference.

    `name` is what a row set aside says of it; up to `tolerated` rows may break it.
    """

    code: str
    columns: tuple[str, ...]
    expected: str
    effect: str
    name: str
    check: Check | None = None
    rule: Unique | ExistsInReference | None = None
    tolerated: int = 0


@dataclass(frozen=True)
class Broken:
    """A rule and the numbers of the rows that break it, in order, from 0."""

    rule: Prepared
    rows: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Aside:
    """The rows to set aside, in order; `reasons[codes[i]]` names the rules that the i-th breaks."""

    rows: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]
    reasons: list[str]


def prepare(
    expectations: Expectations, schema: pa.Schema, reference: pa.Schema | None
) -> list[Prepared]:
    """Return the row rules of the expectations.

    Raises:
        InputError: A condition or a pattern is none, or columns to look up are of other types.
    """
    prepared = []
    for rule in expectations.rules:
        if isinstance(rule, Condition | Matches):
            prepared.append(_of_each_row(rule, check_of(rule, schema)))
        elif isinstance(rule, Unique):
            wanted = "no two rows with the same values"
            prepared.append(_of_keys(rule, wanted))
        elif isinstance(rule, ExistsInReference) and reference is not None:
            require_comparable(rule, schema, reference)
            wanted = f"found in {', '.join(rule.reference_columns)} of the reference"
            prepared.append(_of_keys(rule, wanted))
    return prepared


def _of_each_row(rule: Condition | Matches, check: Check) -> Prepared:
    if isinstance(rule, Condition):
        name, wanted = f"condition({rule.sql})", rule.sql
    else:
        name, wanted = f"matches({rule.column}, {rule.pattern})", f"matches {rule.pattern}"
    return Prepared(check.code, check.columns, wanted, rule.policy, name, check)


def _of_keys(rule: Unique | ExistsInReference, wanted: str) -> Prepared:
    name = f"{rule.rule}({', '.join(rule.columns)})"
    return Prepared(rule.rule, tuple(rule.columns), wanted, rule.policy, name, None, rule)


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
    return [each for each in broken if len(each.rows) > each.rule.tolerated]


def reasons_of(table: Table, broken: Sequence[Broken], sensitive: frozenset[str]) -> list[Reason]:
    """Return a reason for each broken rule, with up to five of the values to blame."""
    examples = _examples(table, broken)
    return [
        _reason(table, each, MASKED if sensitive.intersection(each.rule.columns) else shown)
        for each, shown in zip(broken, examples, strict=True)
    ]


def set_aside(broken: Sequence[Broken]) -> Aside:
    """Return the rows that break a rule whose policy is to quarantine them."""
    rules = [each for each in broken if each.rule.effect == "quarantine"]
    rows = np.unique(np.concatenate([np.zeros(0, np.int64), *(each.rows for each in rules)]))
    # Many rows break few sets of rules: a text for each set, not for each row.
    codes, texts = np.zeros(len(rows), np.int64), [""]
    for each in rules:
        found = np.isin(rows, each.rows, assume_unique=True)
        pairs, codes = np.unique(2 * codes + found, return_inverse=True)
        texts = [
            "; ".join(filter(None, (texts[pair // 2], each.rule.name if pair % 2 else "")))
            for pair in pairs.tolist()
        ]
    return Aside(rows, codes, texts)


def _reason(table: Table, broken: Broken, examples: tuple[str, ...]) -> Reason:
    rule, count = broken.rule, len(broken.rows)
    subject = ", ".join(rule.columns)
    return Reason(
        code=rule.code,
        subject=subject,
        observed=f"{count:,} rows ({count / table.rows:.2%})",
        expected=rule.expected,
        message=f"{count} of {table.rows} rows break the rule {rule.code} on {subject}",
        effect=rule.effect,
        share=count / table.rows,
        examples=examples,
    )


def _examples(table: Table, broken: Sequence[Broken]) -> list[tuple[str, ...]]:
    """Return up to five different values of each rule's columns in the first broken rows."""
    if not broken:
        return []
    columns = [list(dict.fromkeys(each.rule.columns))[:SHOWN_COLUMNS] for each in broken]
    wanted = [each.rows[:SEARCHED_ROWS] for each in broken]
    last, first = max(rows[-1] for rows in wanted), 0
    found: list[dict[str, None]] = [{} for _ in broken]
    for batch in table.batches(list(dict.fromkeys(chain(*columns)))):
        end = first + batch.num_rows
        for names, rows, values in zip(columns, wanted, found, strict=True):
            here = rows[np.searchsorted(rows, first) : np.searchsorted(rows, end)] - first
            _collect(batch.select(names), here, values)
        first = end
        if first > last or all(len(values) == EXAMPLES for values in found):
            break
    return [tuple(values) for values in found]


def _collect(batch: pa.RecordBatch, rows: npt.NDArray[np.int64], values: dict[str, None]) -> None:
    """Take in different values until there are enough."""
    for row in rows.tolist():
        if len(values) == EXAMPLES:
            return
        values.setdefault(_shown(batch.slice(row, 1)))


def _shown(row: pa.RecordBatch) -> str:
    # As Arrow writes them: Python has no nanoseconds.
    plain = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in row.columns]
    values = [str(c.cast(pa.string())[0].as_py())[:SHOWN_LETTERS] for c in plain]
    if len(values) == 1:
        return values[0]
    return ", ".join(f"{name}={v}" for name, v in zip(row.schema.names, values, strict=True))
