"""What is said of a table before its values are looked at: its columns, their types, its rows."""

from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.drift import chance
from holdfast.drift.columns import (
    BOOKKEEPING,
    Judged,
    Selection,
    choose,
    family,
    plain_type,
    require_once,
)
from holdfast.drift.detect_drift.findings import level_of
from holdfast.drift.detect_drift.limits import Limits
from holdfast.drift.detector import Detector
from holdfast.errors import InputError
from holdfast.table import Table
from holdfast.verdict import Reason

# Fewer rows can't tell chance from change.
LEAST_ROWS = 30


@dataclass(frozen=True)
class Structure:
    """The columns that can be compared, what is wrong with others, and what is worth a note."""

    comparable: tuple[Judged, ...]
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]


def compare_structure(current: Table, detector: Detector) -> Structure:
    """Compare columns and types with those of the reference.

    Raises:
        InputError: The table has a column twice.
    """
    require_once(current.schema, "current")
    names = set(current.schema.names)
    reasons, comparable, notes = [], [], []
    for column in detector.judged:
        if column.name in names:
            found = plain_type(current.schema.field(column.name))
            if _same_kind(column, found, detector):
                comparable.append(column)
            else:
                reasons.append(_type_changed(column, found))
        elif column.role == "target":
            notes.append(f"The target {column.name!r} is not in the table: it is not judged.")
        else:
            reasons.append(_missing(column))
    new, answers = _new_columns(current, detector)
    if answers:
        notes.append(f"The reference holds no {', '.join(answers)}: predictions are not judged.")
    reasons += [_new(name) for name in new]
    return Structure(tuple(comparable), tuple(reasons), tuple(notes))


def row_reasons(rows: int, expected: int, limits: Limits) -> Iterator[Reason]:
    """Yield what the number of rows says; `expected` is 0 where nothing is known."""
    if not rows:
        yield Reason(
            "no_rows", "current", "0 rows", "rows to compare",
            "The table has no rows: nothing can be said of its drift.", "fail",
        )  # fmt: skip
        return
    if rows < LEAST_ROWS:
        yield Reason(
            "few_rows", "current", f"{rows} rows", f"at least {LEAST_ROWS} rows",
            f"{rows} rows are too few to tell change from chance: no distribution was judged.",
            "warn",
        )  # fmt: skip
    change, limit = abs(rows / expected - 1) if expected else 0.0, limits.of("volume")
    level = level_of(change / limit)
    if level != "pass" and chance.volume_changed(rows, expected):
        yield Reason(
            "volume", "current", f"{rows} rows", f"{expected} rows, within {limit:.0%}",
            f"The table has {rows:,} rows, where {expected:,} were expected.", level,
        )  # fmt: skip


def _same_kind(column: Judged, found: str, detector: Detector) -> bool:
    """Tell whether values can be compared; a column without any value is of every type."""
    if found == "null" or not detector.profile.columns[column.name].present:
        return True
    return family(found) == family(column.type)


def _new_columns(current: Table, detector: Detector) -> tuple[list[str], list[str]]:
    """Return columns that the reference had not, and answers of a model among them."""
    known = {column.name for column in detector.judged} | set(detector.left_out)
    new = [name for name in current.schema.names if name not in known | {detector.target}]
    try:
        judged, _ = choose(current.schema, current.target, Selection(), "current")
    except InputError:
        # No column of it can be judged.
        return new, []
    said = {c.name for c in judged if c.role == "prediction"}
    answers = [name for name in new if name in said]
    skipped = {*said, *BOOKKEEPING} if said else set()
    return [name for name in new if name not in skipped and name != current.target], answers


def _missing(column: Judged) -> Reason:
    return Reason(
        "column_missing", column.name, "no such column", f"a column of {family(column.type)}",
        f"{column.role.capitalize()} {column.name!r} of the reference is missing.", "fail",
    )  # fmt: skip


def _new(name: str) -> Reason:
    return Reason(
        "column_new", name, "a column", "no such column",
        f"Column {name!r} is new: the reference has not got it, and it is not judged.", "warn",
    )  # fmt: skip


def _type_changed(column: Judged, found: str) -> Reason:
    return Reason(
        "type_changed", column.name, found, column.type,
        f"{column.role.capitalize()} {column.name!r} is of type {found}, in the reference of "
        f"{column.type}: its values can't be compared.", "fail",
    )  # fmt: skip
