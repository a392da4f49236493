"""What is known of each window, and what follows for the verdict, the page and programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.monitoring import drops
from holdfast.monitoring.baseline import PerformanceBaseline
from holdfast.monitoring.drops import Drop, Rule
from holdfast.monitoring.scored import Scored, versions_of
from holdfast.monitoring.time_windows import ALL, FUTURE, STAMP, TIMELESS, Windows, stamp
from holdfast.performance.bootstrap import Interval
from holdfast.report import Report
from holdfast.table import TableWriter, open_table
from holdfast.verdict import Decision, Reason, Verdict

SCHEMA = pa.schema(
    [
        ("window_start", STAMP),
        ("window_end", STAMP),
        ("rows", pa.int64()),
        ("labelled", pa.int64()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("reference", pa.float64()),
        ("worse", pa.float64()),
        ("decision", pa.string()),
        ("trusted", pa.bool_()),
    ]
)
NOT_JUDGED = "not_judged"
MAX_NAMED = 20
# Of rows that are not as they should be: from this share on it is worth a look.
MUCH = 0.01


@dataclass(frozen=True)
class Window:
    """A window: its rows, its metrics and what came of the judged one.

    `labelled` is None where labels are not asked for, `trusted` where nothing is estimated; `drop`
    is None where the window is not judged.
    """

    start: int
    end: Any
    rows: int
    found: dict[str, Interval]
    drop: Drop | None = None
    labelled: int | None = None
    trusted: bool | None = None

    @property
    def name(self) -> str:
        """The window's start, or `all rows`."""
        return "all rows" if self.end is None else stamp(self.start)

    @property
    def decision(self) -> str:
        """What the window alone would decide."""
        if self.drop is None:
            return NOT_JUDGED
        return "warn" if self.trusted is False else self.drop.decision

    def records(self, reference: dict[str, Interval]) -> list[dict[str, Any]]:
        """Return a row for each metric; one without a metric where there is none."""
        start = None if self.end is None else self.start
        same = {
            "window_start": start, "window_end": self.end, "rows": self.rows,
            "labelled": self.labelled, "trusted": self.trusted,
        }  # fmt: skip
        rows = []
        for name, found in self.found.items():
            known = reference.get(name)
            drop = self.drop if self.drop and self.drop.metric == name else None
            rows.append(
                same | {
                    "metric": name, "value": found.value, "low": found.low, "high": found.high,
                    "reference": known.value if known else None,
                    "worse": drop.worse if drop else None,
                    "decision": self.decision if drop else NOT_JUDGED,
                }
            )  # fmt: skip
        return rows or [{**same, "metric": None, "decision": NOT_JUDGED}]


@dataclass(frozen=True)
class Outcome:
    """What a monitoring step found: `scores` are finite numbers, `windows` the earliest first."""

    verdict: Verdict
    scores: dict[str, float]
    windows: tuple[Window, ...]
    report: Report
    reference: dict[str, Interval]

    def write(self, verdict: str | Path, html: str | Path, markdown: str | Path) -> dict[str, Any]:
        """Write verdict and report; return what the verdict's artifact says about itself."""
        self.verdict.write(verdict)
        self.report.write(html, markdown)
        return self.verdict.metadata()

    def write_windows(self, path: str | Path) -> dict[str, Any]:
        """Write a row for each window and metric; return what the artifact says about itself."""
        records = [row for window in self.windows for row in window.records(self.reference)]
        with TableWriter(path, SCHEMA) as writer:
            for batch in pa.Table.from_pylist(records, SCHEMA).to_batches():
                writer.write(batch)
        return open_table(path, "windows").metadata()


def require_fit(scored: Scored, baseline: PerformanceBaseline) -> None:
    """Refuse predictions of another task or target than the baseline's.

    Raises:
        InputError: They do not fit.
    """
    known, found = baseline.origin, scored.columns
    pairs = [(known.task, found.task), (known.target, found.target),
             (known.classes, tuple(found.classes))]  # fmt: skip
    if any(first != second for first, second in pairs):
        raise InputError(
            f"`baseline` must be of the predictions' model: {found.task} of {found.target!r} with "
            f"the classes {list(found.classes)}. Found: {known.task} of {known.target!r} with "
            f"{list(known.classes)}. Pass the baseline that was registered with the model."
        )


def version_reasons(scored: Scored, baseline: PerformanceBaseline | None) -> list[Reason]:
    """Return a warning where the predictions are not all of the baseline's version."""
    found = versions_of(scored)
    origin = baseline.origin if baseline else None
    # Of a reference that was scored before its model was registered, the version is not known.
    registered = origin is not None and origin.model_version not in ("", "0")
    known = (origin.model_name, origin.model_version) if origin and registered else None
    strange = len(found) > 1 or (known is not None and any(pair != known for pair in found))
    if not strange:
        return []
    names = [" ".join(pair) for pair in found]
    return [
        Reason(
            code="other_model_version",
            subject="predictions",
            observed=", ".join(names),
            expected=" ".join(known) if known else "one version",
            message=f"The predictions are of {', '.join(names)}"
            + (f"; the baseline is that of {' '.join(known)}." if known else "."),
            effect="warn",
        )
    ]


def no_baseline() -> Reason:
    """Return the reason of the verdict no_baseline."""
    return Reason(
        code="no_baseline",
        subject="baseline",
        observed="none",
        expected="a performance baseline",
        message="There is no baseline to compare with. Fit one on the test share by "
        "fit_performance_baseline, and register it with the model.",
        effect="no_baseline",
    )


def share_reason(
    code: str, subject: str, part: int, whole: int, what: str, limit: float = 0.0,
    examples: tuple[str, ...] = (),
) -> list[Reason]:  # fmt: skip
    """Return what is to be said of some rows: a warning beyond the limit, nothing of none."""
    if not part:
        return []
    share = part / max(1, whole)
    return [
        Reason(
            code=code,
            subject=subject,
            observed=f"{part} of {whole}",
            expected=f"at most {100 * limit:g} %" if limit else "none",
            message=f"{part:,} of {whole:,} {what}.",
            effect="warn" if share > limit else "",
            share=share,
            examples=examples,
        )
    ]


def time_reasons(counts: dict[int, int], rows: int) -> list[Reason]:
    """Return what is to be said of rows that are in no window."""
    return [
        *share_reason("future_times", "time", counts.get(FUTURE, 0), rows,
                      "rows lie in the future and are left out: a clock is wrong, or a time zone"),
        *share_reason("missing_times", "time", counts.get(TIMELESS, 0), rows,
                      "rows have no time and are left out"),
    ]  # fmt: skip


def gap_reasons(windows: Windows, starts: Sequence[int]) -> list[Reason]:
    """Return a warning for windows without rows between others."""
    gaps = windows.gaps(list(starts))
    if not gaps:
        return []
    return [
        Reason(
            code="empty_windows",
            subject="time",
            observed=f"{len(gaps)} of {len(gaps) + len(set(starts))} windows",
            expected="rows in each window",
            message=f"{len(gaps)} windows between the first and the last hold no rows.",
            effect="warn",
            examples=tuple(stamp(place) for place in gaps[:5]),
        )
    ]


def no_rows(subject: str = "predictions") -> Reason:
    """Return the reason of a table in which there is nothing to judge."""
    return Reason(
        code="no_rows",
        subject=subject,
        observed="0 rows",
        expected="at least one",
        message="There are no rows to judge. Nothing is known of the performance.",
        effect="warn",
    )


def judged_reasons(windows: Sequence[Window], rule: Rule, estimated: bool = False) -> list[Reason]:
    """Return what the windows' drops say: each that is no pass, or that all of them hold."""
    judged = [window for window in windows if window.drop is not None]
    if not judged:
        return []
    bad = [w for w in judged if w.drop and w.drop.decision != "pass"]
    shown = (bad or judged[-1:])[-MAX_NAMED:]
    return [drops.reason_of(w.drop, rule, w.name, estimated) for w in shown if w.drop]


def unjudged_reason(windows: Sequence[Window], rule: Rule, measured: bool) -> list[Reason]:
    """Return what is to be said of windows that are too small, a warning if all of them are."""
    small = [w for w in windows if w.drop is None]
    if not small:
        return []
    every = len(small) == len(windows)
    what = "labelled rows" if measured else "rows"
    return [
        Reason(
            code="windows_not_judged",
            subject=rule.metric,
            observed=f"{len(small)} of {len(windows)} windows",
            expected=f"{rule.min_rows} {what}, and more than one class",
            message=f"{len(small)} of {len(windows)} windows are not judged: they hold fewer than "
            f"{rule.min_rows} {what}, or {rule.metric} is not defined for them.",
            effect="warn" if every else "",
        )
    ]


def decide(reasons: Sequence[Reason], baseline: PerformanceBaseline | None) -> Decision:
    """Return the decision that some reasons come to."""
    return drops.worst([r.effect for r in reasons]) if baseline else "no_baseline"


def interval_scores(found: dict[str, Interval]) -> dict[str, float]:
    """Return metrics by name, and the ends of their intervals."""
    scores: dict[str, float] = {}
    for name, known in found.items():
        scores |= {name: known.value, f"{name}_low": known.low, f"{name}_high": known.high}
    return scores


def window_end(windows: Windows, start: int) -> Any:
    """Return when a window ends, None for the one of all rows."""
    return windows.end(start) if windows.length and start != ALL else None
