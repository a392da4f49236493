"""Stop a run at a bad verdict."""

from collections.abc import Sequence
from typing import get_args

from holdfast.errors import GateError, InputError
from holdfast.verdict import Decision, Verdict

SHOWN_REASONS = 10


def check(verdict: Verdict, stop_on: Sequence[str]) -> str:
    """Return the verdict in one line, if the run may go on.

    Raises:
        GateError: The decision is one of `stop_on`; the message gives the reasons.
        InputError: `stop_on` names something that is not a decision.
    """
    unknown = [decision for decision in stop_on if decision not in get_args(Decision)]
    if unknown:
        raise InputError(
            f"`stop_on` must list decisions out of {list(get_args(Decision))}. Found: {unknown}. "
            f'The usual choice is ["fail"].'
        )
    reasons = " ".join(f"[{r.subject}] {r.message}" for r in verdict.reasons[:SHOWN_REASONS])
    more = len(verdict.reasons) - SHOWN_REASONS
    reasons += f" And {more} more; see the report of the gate." if more > 0 else ""
    if verdict.decision in stop_on:
        raise GateError(f"The verdict is {verdict.decision}. {reasons}")
    return f"The verdict is {verdict.decision}. {reasons}".strip()
