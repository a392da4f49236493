"""Decide whether to retrain, and remember each window.

Each window is a record of the journal NAME.retraining; the last record of a window counts. A
retraining that was decided stays decided: neither a step that is tried again nor later news of its
window takes it back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from holdfast.errors import InputError
from holdfast.monitoring.decide_retraining.records import (
    Known,
    News,
    read,
    write_history,
    written,
)
from holdfast.monitoring.journal import Journal
from holdfast.monitoring.policy import (
    ROLES,
    Judgement,
    Policy,
    Window,
    judge,
    read_policy,
)
from holdfast.monitoring.windows import require_start
from holdfast.report import Paragraph, Report, Rows
from holdfast.table import open_table
from holdfast.tracking import check_name, tracking
from holdfast.verdict import read_verdict

ENDING = ".retraining"
# Windows that are remembered: forty days of hours.
KEPT = 1000
METRICS = 50
SHOWN = 30


@dataclass(frozen=True)
class Decided:
    """The decision, whether it was there before, and what it rests on.

    `windows` are all that are remembered, and `retrained` the times of all retrainings, in order.
    """

    known: Known
    again: bool
    bad: int
    counted: int
    windows: tuple[Known, ...]
    retrained: tuple[datetime, ...]
    policy: Policy

    def write(self, summary_path: str | Path, history_path: str | Path) -> dict[str, Any]:
        """Write the page and the table of windows; return the table's metadata."""
        self.report().write_markdown(summary_path)
        write_history(self.windows, history_path)
        return open_table(history_path, "history").metadata()

    def report(self) -> Report:
        """Return the page."""
        bad, policy = f"{self.bad} of {self.counted}", self.policy
        told = [h.text for h in self.known.hindrances] or ["Nothing keeps it back."]
        if self.again:
            told.insert(0, "This window was decided before, and that stands.")
        rows = [
            (w.news.window, "yes" if w.bad else "no", w.answer, _shown_rows(w), _decisions(w))
            for w in self.windows[-SHOWN:]
        ]
        columns = ("window", "bad", "decision", "rows", "verdicts")
        asked = f"{policy.bad_windows} of {policy.of_last}"
        counts = (("bad windows", bad, asked),)
        return Report(
            f"{self.known.answer.capitalize()} after {self.known.news.window}",
            "",
            (
                Paragraph(" ".join(told)),
                Rows("Counted", ("what", "found", "needed"), counts),
                Rows("Windows", columns, tuple(rows)),
            ),
        )


def gather(
    window: str,
    verdict_paths: Sequence[str],
    metrics: Mapping[str, Any],
    current_path: str,
    rows: int,
) -> News:
    """Read what is known of a window; empty paths are of what is not given.

    Raises:
        InputError: The window has no start, or a verdict or the table cannot be read.
    """
    start = require_start("window", window)
    paths = zip(ROLES, verdict_paths, strict=True)
    decisions = {role: read_verdict(path).decision for role, path in paths if path}
    numbers = {
        name: float(value)
        for name, value in sorted(metrics.items())[:METRICS]
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    found = open_table(current_path, "current").rows if current_path else rows
    return News(window[:100], start, decisions, numbers, None if found < 0 else found)


def decide(
    policy_text: str, name: str, news: News, dry_run: bool = False, now: datetime | None = None
) -> Decided:
    """Decide after a window, and remember it; see the component.

    Raises:
        InputError: The policy, a verdict or the number of rows is missing.
        MachineError: MLflow does not answer, or too many steps write at the same time.
    """
    check_name("name", name)
    policy = read_policy(policy_text)
    lacking = sorted(set(policy.verdicts) - set(news.decisions))
    if lacking:
        raise InputError(
            f"`policy` must be about verdicts that are given. Expected: {sorted(policy.verdicts)}. "
            f"Found: no {lacking}. Pass them, or take them out of the policy."
        )
    moment = now or datetime.now(UTC)

    def change(values: list[dict[str, Any]]) -> tuple[dict[str, Any] | None, Decided]:
        fired = {datetime.fromisoformat(t) for value in values[-1:] for t in value["retrained"]}
        decided = _decide(policy, [read(value) for value in values], fired, news, moment)
        same = decided.again or dry_run
        return None if same else written(decided.known, decided.retrained), decided

    with tracking(may_make=True) as client:
        journal = Journal(client, name + ENDING, KEPT)
        return journal.change(change, f"Window {news.window}")


def _decide(
    policy: Policy, records: Sequence[Known], retrained: set[datetime], news: News, now: datetime
) -> Decided:
    known = {record.news.start: record for record in records}
    before = known.get(news.start)
    this = Known(news, policy.is_bad(news.decisions), before.fired if before else None, ())
    known[news.start] = this
    windows = [known[start] for start in sorted(known)]
    fired_at = sorted({*retrained, *(w.fired for w in windows if w.fired)})
    judgement = _judged(policy, windows, fired_at, now)
    again = before is not None and _same(before.news, news)
    if before is not None and again:
        this = before
    elif this.fired is None and judgement.answer == "retrain":
        # By the newest window: a late one must not reach back behind a cooldown.
        this = Known(news, this.bad, windows[-1].news.start, ())
    elif this.fired is None:
        this = Known(news, this.bad, None, judgement.hindrances)
    known[news.start] = this
    ordered = tuple(known[start] for start in sorted(known))
    times = tuple(sorted({*fired_at, *((this.fired,) if this.fired else ())}))
    return Decided(this, again, judgement.bad, judgement.windows, ordered, times, policy)


def _judged(
    policy: Policy, windows: Sequence[Known], retrained: Sequence[datetime], now: datetime
) -> Judgement:
    last = max(retrained, default=None)
    since = [w for w in windows if last is None or w.news.start > last]
    if not since:
        # Only windows from before the last retraining came since.
        since = list(windows[-1:])
        seen = [Window(w.news.start, False, w.news.rows) for w in since]
        return judge(policy, seen, retrained, now)
    seen = [Window(w.news.start, w.bad, w.news.rows) for w in since]
    return judge(policy, seen, retrained, now)


def _same(one: News, other: News) -> bool:
    return (one.decisions, one.rows) == (other.decisions, other.rows)


def _shown_rows(known: Known) -> str:
    return "not known" if known.news.rows is None else str(known.news.rows)


def _decisions(known: Known) -> str:
    return ", ".join(f"{role}: {found}" for role, found in known.news.decisions.items())
