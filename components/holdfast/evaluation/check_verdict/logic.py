"""Stop a run at a bad verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from holdfast.errors import GateError, InputError
from holdfast.report import Report, Rows
from holdfast.verdict import SEVERITY, Decision, Reason, Verdict, read_verdict

# The inputs of check_verdict, in order.
ROLES = ("verdict", "data", "evaluation", "comparison", "fairness", "robustness")
SHOWN_REASONS = 10


@dataclass(frozen=True)
class Outcome:
    """The worst decision, each verdict in a line with the reason of a stop first, and the page."""

    decision: Decision
    stopped: bool
    lines: tuple[str, ...]
    report: Report

    def write(self, path: str | Path) -> None:
        """Write the page as Markdown."""
        self.report.write_markdown(path)

    def go_on(self) -> Decision:
        """Say what was decided, and return the worst decision if the run may go on.

        Raises:
            GateError: One of the decisions stops the run; the first line of the message says which
                and why.
        """
        text = "\n".join(self.lines)
        if self.stopped:
            raise GateError(text)
        print(text)
        return self.decision


def read_verdicts(*paths: str) -> dict[str, Verdict]:
    """Read the verdicts at the paths of all roles; an empty path is of one that is not given.

    Raises:
        InputError: None is given, or one is no verdict.
    """
    found = {role: read_verdict(path) for role, path in zip(ROLES, paths, strict=True) if path}
    if not found:
        raise InputError(
            f"check_verdict must be given a verdict at least. Expected: one or more of "
            f"{list(ROLES)}. Found: none. Pass the `verdict` output of a gate, such as "
            f"evaluate_model."
        )
    return found


def check(verdicts: Mapping[str, Verdict], stop_on: Sequence[str]) -> Outcome:
    """Weigh verdicts by role.

    Raises:
        InputError: `stop_on` names something that is not a decision.
    """
    unknown = [decision for decision in stop_on if decision not in get_args(Decision)]
    if unknown:
        raise InputError(
            f"`stop_on` must list decisions out of {list(get_args(Decision))}. Found: {unknown}. "
            f'The usual choice is ["fail"].'
        )
    # What stops the run comes first, then what is worst; otherwise in the order of the roles.
    ordered = sorted(
        verdicts.items(),
        key=lambda item: (item[1].decision not in stop_on, SEVERITY.index(item[1].decision)),
    )
    lines = tuple(_line(role, verdict) for role, verdict in ordered)
    worst = min((verdict.decision for verdict in verdicts.values()), key=SEVERITY.index)
    stopped = ordered[0][1].decision in stop_on
    return Outcome(worst, stopped, lines, _report(ordered, lines[0], stop_on, stopped))


def _line(role: str, verdict: Verdict) -> str:
    """Return a verdict in one line."""
    of = "" if role == "verdict" else f" on {role}"
    parts = [f"[{r.subject}] {r.message}" for r in _by_weight(verdict)[:SHOWN_REASONS]]
    more = len(verdict.reasons) - SHOWN_REASONS
    rest = f"And {more} more; see the report of the gate." if more > 0 else ""
    text = f"The verdict{of} is {verdict.decision}. {' '.join(parts)} {rest}"
    return " ".join(text.split())


def _by_weight(verdict: Verdict) -> list[Reason]:
    """Return the reasons, those first that made the decision what it is."""
    return sorted(verdict.reasons, key=lambda reason: reason.effect != verdict.decision)


def _report(
    ordered: Sequence[tuple[str, Verdict]], first: str, stop_on: Sequence[str], stopped: bool
) -> Report:
    verdicts = tuple(
        (role, v.decision, "yes" if v.decision in stop_on else "no", len(v.reasons))
        for role, v in ordered
    )
    reasons = tuple(
        (role, r.effect, r.code, r.subject, r.observed, r.expected, r.message)
        for role, v in ordered
        for r in _by_weight(v)
    )
    columns = ("verdict", "effect", "code", "subject", "observed", "expected", "finding")
    return Report(
        title=f"{'Stopped' if stopped else 'Passed'}: {first}",
        decision="",
        blocks=(
            Rows("Verdicts", ("verdict", "decision", "stops the run", "reasons"), verdicts),
            Rows("Reasons", columns, reasons),
        ),
    )
