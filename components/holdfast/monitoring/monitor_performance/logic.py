"""Measure a model's performance by labels that came later, against its reference."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError
from holdfast.monitoring import concept, drops
from holdfast.monitoring import performance_plots as plots
from holdfast.monitoring.baseline import PerformanceBaseline, read_baseline
from holdfast.monitoring.concept import Change
from holdfast.monitoring.drops import Rule
from holdfast.monitoring.join_rows import LABEL, Labels, time_column
from holdfast.monitoring.joining import Joined, join
from holdfast.monitoring.monitor_performance import findings
from holdfast.monitoring.outcome import (
    Outcome,
    Window,
    decide,
    gap_reasons,
    interval_scores,
    judged_reasons,
    no_baseline,
    no_rows,
    require_fit,
    unjudged_reason,
    version_reasons,
    window_end,
)
from holdfast.monitoring.performance_page import finding_rows, metric_rows, window_blocks
from holdfast.monitoring.scored import Scored, open_predictions, predictions_of
from holdfast.monitoring.time_windows import Windows, make_windows
from holdfast.optional import is_there
from holdfast.performance.bootstrap import Interval, Resampling, intervals
from holdfast.performance.metrics import GATES
from holdfast.performance.predictions import Predictions
from holdfast.report import Block, Figure, Paragraph, Report, Rows
from holdfast.table import open_table
from holdfast.verdict import Verdict

if TYPE_CHECKING:
    import pyarrow as pa

# What both tasks are judged by: r2 falls with the spread of a window's target, without a fault.
USUAL = {"classification": "roc_auc", "regression": "rmse"}


@dataclass(frozen=True)
class Request:
    """How to measure: the least share of labelled rows and the most labels of unknown keys."""

    rule: Rule
    resampling: Resampling
    min_labelled: float = 0.5
    max_unknown: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what is no share.

        Raises:
            InputError: A limit does not lie between 0 and 1.
        """
        for name in ("min_labelled", "max_unknown"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InputError(
                    f"`{name}` must be a share from 0 to 1. Found: {value}. Use for example 0.5."
                )


@dataclass(frozen=True)
class Inputs:
    """The tables, the baseline if there is one, and how rows are cut by time."""

    scored: Scored
    labels: Labels
    baseline: PerformanceBaseline | None
    windows: Windows


def ask(
    rule: tuple[str, float, int],
    limits: tuple[float, float],
    n_resamples: int,
    confidence_level: float,
    seed: int,
) -> Request:
    """Return a request from plain values.

    Raises:
        InputError: One of them is out of its range.
    """
    return Request(
        Rule(*rule, confidence_level), Resampling(n_resamples, confidence_level, seed), *limits
    )


def open_inputs(
    paths: Sequence[str],
    columns: tuple[Sequence[str], str, str],
    cut: tuple[str, str, str],
) -> Inputs:
    """Open the inputs; labels and a baseline need not be there.

    Args:
        paths: Of predictions, labels and baseline.
        columns: Keys, the label, and the time.
        cut: Window, time zone and as_of.

    Raises:
        InputError: One of them is not what it must be.
    """
    predictions, labels, baseline = paths
    scored = open_predictions(predictions)
    known = read_baseline(baseline) if is_there(baseline) else None
    if known:
        require_fit(scored, known)
    keys, label, time = columns
    table = open_table(labels, "labels") if is_there(labels) else None
    told = Labels(label or scored.columns.target, tuple(keys), table)
    column = time_column(scored, time, cut[0])
    return Inputs(scored, told, known, make_windows(column, *cut))


def monitor(inputs: Inputs, request: Request) -> Outcome:
    """Measure and judge.

    Raises:
        InputError: A table does not fit, or the metric does not fit the task.
    """
    request = replace(request, rule=_rule(inputs, request.rule))
    with tempfile.TemporaryDirectory() as folder:
        joined = join(inputs.scored, inputs.labels, inputs.windows, Path(folder))
        try:
            return _judge(joined, inputs, request)
        finally:
            joined.session.close()


def _rule(inputs: Inputs, rule: Rule) -> Rule:
    task = inputs.scored.columns.task
    metric = rule.metric or USUAL[task]
    several = len(inputs.scored.columns.classes) > 2
    possible = [m for m in GATES[task] if not (several and m == "average_precision")]
    known = inputs.baseline.metrics if inputs.baseline else None
    if metric not in possible or (known is not None and metric not in known):
        raise InputError(
            f"`metric` must be one that {task} has here, and the baseline too. Expected: one of "
            f"{[m for m in possible if known is None or m in known]}. Found: {metric!r}. Leave it "
            f"out to use {USUAL[task]}."
        )
    return replace(rule, metric=metric)


def _judge(joined: Joined, inputs: Inputs, request: Request) -> Outcome:
    counts, baseline, rule = joined.counts, inputs.baseline, request.rule
    whole, unknown = _predictions(joined, inputs)
    found = intervals(whole, request.resampling) if whole.rows else {}
    windows = _windows(joined, inputs, request, found)
    changes = concept.changes(whole, baseline) if baseline and whole.rows else []
    minimum, maximum = request.min_labelled, request.max_unknown
    reasons = [
        *([] if baseline else [no_baseline()]),
        *([] if counts.joined else [no_rows()]),
        *judged_reasons(windows, rule),
        *(change.reason for change in changes if change.found),
        *version_reasons(inputs.scored, baseline),
        *findings.count_reasons(joined, inputs.labels, minimum, maximum),
        *findings.unknown_classes(len(unknown), counts.labelled, unknown[:5]),
        *(findings.score_reasons(joined, inputs.scored) if counts.joined else []),
        *gap_reasons(inputs.windows, [w.start for w in windows]),
        *(unjudged_reason(windows, rule, measured=True) if baseline else []),
    ]
    verdict = Verdict(decide(reasons, baseline), tuple(reasons))
    scores = interval_scores(found) | {
        "rows": float(counts.joined),
        "labelled": float(counts.labelled),
        "labelled_share": counts.labelled / max(1, counts.joined),
    }
    scores |= {change.code: change.effect for change in changes}
    reference = baseline.metrics if baseline else {}
    report = _report(verdict, windows, found, whole, changes, inputs, request)
    return Outcome(verdict, scores, tuple(windows), report, reference)


def _windows(
    joined: Joined, inputs: Inputs, request: Request, found: dict[str, Interval]
) -> list[Window]:
    """Return the windows, the judged ones with their drop."""
    rule, metrics = request.rule, [request.rule.metric]
    listed = []
    for start, rows, labelled in joined.windows():
        if inputs.windows.length:
            part, _ = _predictions(joined, inputs, start)
            known = intervals(part, request.resampling, metrics) if part.rows else {}
            known = {name: known[name] for name in metrics if name in known}
            listed.append(_window(start, rows, part.rows, known, inputs))
        else:
            listed.append(_window(start, rows, labelled, found, inputs))
    return judged(listed, rule, inputs.baseline)


def _window(
    start: int, rows: int, labelled: int, found: dict[str, Interval], inputs: Inputs
) -> Window:
    return Window(start, window_end(inputs.windows, start), rows, found, labelled=labelled)


def judged(
    windows: Sequence[Window], rule: Rule, baseline: PerformanceBaseline | None
) -> list[Window]:
    """Return the windows with the drop of those that hold enough rows."""
    if baseline is None:
        return list(windows)

    def enough(window: Window) -> bool:
        rows = window.rows if window.labelled is None else window.labelled
        return rows >= rule.min_rows and rule.metric in window.found

    number = sum(map(enough, windows))
    known = baseline.metrics[rule.metric]
    return [
        replace(w, drop=drops.measure(w.found[rule.metric], known, rule, number))
        if enough(w) else w
        for w in windows
    ]  # fmt: skip


def _predictions(
    joined: Joined, inputs: Inputs, window: int | None = None
) -> tuple[Predictions, tuple[str, ...]]:
    """Return the labelled rows of a window, or of all, and labels that are no class."""
    rows: pa.Table = joined.rows(window)
    found = predictions_of(rows, LABEL, inputs.scored.columns)
    if not found.classes:
        return found, ()
    strange = found.truth_codes < 0
    if not strange.any():
        return found, ()
    return found.take(~strange), tuple(str(label) for label in found.truth[strange].tolist())


def _report(
    verdict: Verdict,
    windows: Sequence[Window],
    found: dict[str, Interval],
    whole: Predictions,
    changes: Sequence[Change],
    inputs: Inputs,
    request: Request,
) -> Report:
    baseline, rule = inputs.baseline, request.rule
    known = baseline.metrics if baseline else {}
    rows = sum(window.rows for window in windows)
    facts = (
        f"{rows:,} predictions, {whole.rows:,} of them with a label, {inputs.scored.columns.task} "
        f"of {inputs.scored.columns.target}. Judged by {rule.metric}: a drop of more than "
        f"{100 * rule.tolerance:g} % of the reference's that is not by chance fails."
    )
    blocks: list[Block] = [
        Paragraph(facts),
        finding_rows(verdict.reasons),
        *window_blocks(windows, rule, baseline, "Measured"),
        metric_rows(found, known, "Metrics of all labelled rows", rule.confidence_level),
        _change_rows(changes),
        *(_pictures(whole, baseline) if whole.rows else []),
    ]
    return Report("Performance", verdict.decision, tuple(blocks))


def _change_rows(changes: Sequence[Change]) -> Rows:
    rows = tuple(
        (c.code, c.effect, c.limit, c.p_value, "changed" if c.found else "as before")
        for c in changes
    )
    return Rows("Concept drift", ("test", "effect", "limit", "p-value", "finding"), rows)


def _pictures(whole: Predictions, baseline: PerformanceBaseline | None) -> list[Block]:
    errors = concept.errors_of(whole)
    label = "1 less the probability of the true class" if whole.classes else "prediction less truth"
    known: Any = baseline.errors if baseline else None
    blocks: list[Block] = [Figure("Errors", plots.spread(errors, known, label))]
    if whole.classes:
        now = concept.reliability_of(whole)
        then = baseline.reliability if baseline else None
        blocks.append(Figure("Calibration", plots.reliability(now, then)))
    return blocks
