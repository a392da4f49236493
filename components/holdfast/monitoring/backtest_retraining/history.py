"""Read a history of windows from a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from holdfast.errors import InputError
from holdfast.monitoring.policy import Policy, Window
from holdfast.monitoring.windows import start_of
from holdfast.table import Table
from holdfast.verdict import Decision

MOST_WINDOWS = 100_000


@dataclass(frozen=True)
class History:
    """Windows, oldest first, and whether the model had truly lost in each, where that is known."""

    windows: tuple[Window, ...]
    lost: tuple[bool, ...] | None


def read_history(table: Table, policy: Policy, window: str, truth: str) -> History:
    """Read the windows of a table.

    Args:
        table: A row for each window: its start, a decision by role for each verdict of the policy,
            `rows` if the policy asks for new rows, and the truth if it is known.
        policy: The policy that is to be tried.
        window: The column of the start: a timestamp, or ISO 8601 text.
        truth: The column that says whether the model had lost, true or false, 1 or 0; empty for
            none.

    Raises:
        InputError: A column is missing or holds something else, or a window comes twice.
    """
    needed = [window, *policy.verdicts, *([truth] if truth else [])]
    lacking = [name for name in needed if name not in table.schema.names]
    if lacking or not 0 < table.rows <= MOST_WINDOWS:
        raise InputError(
            f"`history` must have 1 to {MOST_WINDOWS} windows and the columns {needed}. Found: "
            f"{table.rows} rows, and no {lacking or 'column missing'} among "
            f"{table.schema.names[:20]}. Pass the `history` of decide_retraining, or name other "
            f"columns."
        )
    optional = [name for name in ("rows",) if name in table.schema.names]
    columns = table.read([*needed, *optional]).to_pydict()
    starts = [_start(window, value) for value in columns[window]]
    _refuse_doubles(starts)
    order = sorted(range(len(starts)), key=lambda place: starts[place])
    bad = _bad(policy, columns)
    rows = [_rows(value) for value in columns.get("rows", [None] * len(starts))]
    windows = tuple(Window(starts[place], bad[place], rows[place]) for place in order)
    if not truth:
        return History(windows, None)
    lost = [_truth(truth, value) for value in columns[truth]]
    return History(windows, tuple(lost[place] for place in order))


def _bad(policy: Policy, columns: Mapping[str, Sequence[Any]]) -> list[bool]:
    """Tell of each window whether it is bad; a verdict that is missing is not."""
    known = (*get_args(Decision), None)
    for role in policy.verdicts:
        wrong = [value for value in columns[role] if value not in known]
        if wrong:
            raise InputError(
                f"`history` must hold decisions ({', '.join(get_args(Decision))}) in the column "
                f"{role}. Found: {str(wrong[0])[:50]!r}. Write the verdict's decision there."
            )
    places = range(len(next(iter(columns.values()))))
    return [policy.is_bad({r: columns[r][at] or "" for r in policy.verdicts}) for at in places]


def _start(column: str, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    start = start_of(str(value))
    if start is None:
        raise InputError(
            f"`history` must hold the start of each window in {column}, as a timestamp or ISO 8601 "
            f"text. Found: {str(value)[:50]!r}. Correct it, or name another column."
        )
    return start


def _refuse_doubles(starts: Sequence[datetime]) -> None:
    if len(set(starts)) < len(starts):
        double = next(start for start in sorted(starts) if starts.count(start) > 1)
        raise InputError(
            f"`history` must have each window once. Found: {starts.count(double)} rows for "
            f"{double.isoformat()}. Keep the last one of each."
        )


def _rows(value: Any) -> int | None:
    return None if value is None else int(value)


def _truth(column: str, value: Any) -> bool:
    if value not in (True, False, 0, 1):
        raise InputError(
            f"`history` must hold true or false, 1 or 0, in {column}. Found: {str(value)[:50]!r}. "
            f"Write for each window whether the model had truly lost."
        )
    return bool(value)
