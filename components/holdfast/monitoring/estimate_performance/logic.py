"""Estimate a model's performance before labels come, and say whether to trust the estimate."""

from dataclasses import dataclass, replace

from holdfast.errors import InputError
from holdfast.monitoring import covariates, drops, expected, loss_estimation
from holdfast.monitoring.baseline import PerformanceBaseline, read_baseline
from holdfast.monitoring.drops import Rule
from holdfast.monitoring.estimate_performance.evidence import Evidence, gather, merged
from holdfast.monitoring.estimate_performance.trust import Limits, doubts, misses, offsets, widened
from holdfast.monitoring.join_rows import time_column
from holdfast.monitoring.outcome import (
    MAX_NAMED,
    Outcome,
    Window,
    gap_reasons,
    interval_scores,
    judged_reasons,
    no_baseline,
    no_rows,
    require_fit,
    time_reasons,
    unjudged_reason,
    version_reasons,
    window_end,
)
from holdfast.monitoring.performance_page import finding_rows, metric_rows, window_blocks
from holdfast.monitoring.scored import Scored, open_predictions
from holdfast.monitoring.time_windows import NOT_WINDOWS, Windows, make_windows
from holdfast.optional import is_there
from holdfast.performance.bootstrap import Interval, Resampling
from holdfast.report import Block, Paragraph, Report, Rows
from holdfast.verdict import Reason, Verdict

USUAL = {"classification": "roc_auc", "regression": "rmse"}
MAX_COLUMNS = 30


@dataclass(frozen=True)
class Request:
    """How to estimate and judge; `on_drop` is what a trusted estimate of a certain drop decides."""

    rule: Rule
    resampling: Resampling
    limits: Limits
    on_drop: str = "fail"

    def __post_init__(self) -> None:
        """Refuse what is no decision.

        Raises:
            InputError: `on_drop` is neither warn nor fail.
        """
        if self.on_drop not in ("warn", "fail"):
            raise InputError(
                f"`on_drop` must be warn or fail. Found: {self.on_drop!r}. The usual one is fail."
            )


@dataclass(frozen=True)
class Inputs:
    """The predictions, the baseline if there is one, and how rows are cut by time."""

    scored: Scored
    baseline: PerformanceBaseline | None
    windows: Windows


@dataclass(frozen=True)
class Estimated:
    """The windows, all rows together, and what is in doubt."""

    windows: list[Window]
    whole: Evidence
    found: dict[str, Interval]
    doubts: list[Reason]
    trusted: bool


def ask(
    rule: tuple[str, float, int],
    limits: tuple[float, str],
    n_resamples: int,
    confidence_level: float,
    seed: int,
) -> Request:
    """Return a request from plain values.

    Raises:
        InputError: One of them is out of its range.
    """
    resampling = Resampling(n_resamples, confidence_level, seed)
    return Request(Rule(*rule, confidence_level), resampling, Limits(limits[0]), limits[1])


def open_inputs(predictions: str, baseline: str, time: str, cut: tuple[str, str, str]) -> Inputs:
    """Open the inputs; an empty path is of a baseline that is not given.

    Args:
        predictions: Path of the predictions.
        baseline: Path of the baseline.
        time: The column with the time of a row.
        cut: Window, time zone and as_of.

    Raises:
        InputError: One of them is not what it must be.
    """
    scored = open_predictions(predictions)
    known = read_baseline(baseline) if is_there(baseline) else None
    if known:
        require_fit(scored, known)
    return Inputs(scored, known, make_windows(time_column(scored, time, cut[0]), *cut))


def estimate(inputs: Inputs, request: Request) -> Outcome:
    """Estimate and judge.

    Raises:
        InputError: The predictions do not fit the baseline, or the metric can't be estimated.
    """
    baseline = inputs.baseline
    if baseline is None:
        verdict = Verdict("no_baseline", (no_baseline(),))
        blocks = (finding_rows(verdict.reasons),)
        report = Report("Estimated performance", verdict.decision, blocks)
        return Outcome(verdict, {"rows": float(inputs.scored.table.rows)}, (), report, {})
    request = replace(request, rule=_rule(baseline, request.rule))
    every = gather(inputs.scored, baseline, inputs.windows)
    rows = sum(evidence.rows for evidence in every.values())
    lost = {start: every.pop(start).rows for start in NOT_WINDOWS if start in every}
    done = _estimated(every, inputs, baseline, request)
    reasons = [
        *([] if done.whole.rows else [no_rows()]),
        *_drop_reasons(done, request),
        *done.doubts,
        *version_reasons(inputs.scored, baseline),
        *time_reasons(lost, rows),
        *_constant(done.whole),
        *gap_reasons(inputs.windows, list(every)),
        *unjudged_reason(done.windows, request.rule, measured=False),
    ]
    verdict = Verdict(drops.worst([r.effect for r in reasons]), tuple(reasons))
    scores = interval_scores(done.found) | {
        "rows": float(done.whole.rows),
        "outside_share": done.whole.left / max(1, done.whole.rows),
        "trusted": float(done.trusted),
    }
    report = _report(verdict, done, baseline, request)
    return Outcome(verdict, scores, tuple(done.windows), report, baseline.metrics)


def _rule(baseline: PerformanceBaseline, rule: Rule) -> Rule:
    task = baseline.origin.task
    metric = rule.metric or USUAL[task]
    possible = [name for name in baseline.estimated if name in baseline.metrics]
    if metric not in possible:
        raise InputError(
            f"`metric` must be one that can be estimated without labels. Expected: one of "
            f"{possible}. Found: {metric!r}. Leave it out to use {USUAL[task]}."
        )
    return replace(rule, metric=metric)


def _estimated(
    every: dict[int, Evidence], inputs: Inputs, baseline: PerformanceBaseline, request: Request
) -> Estimated:
    rule = request.rule
    missed = misses(baseline, rule)
    whole = merged(list(every.values()), baseline)
    total = _intervals(whole, baseline, request)
    listed, found = [], list(missed)
    many = sum(evidence.rows >= rule.min_rows for evidence in every.values())
    for start in sorted(every):
        evidence = every[start]
        cut = bool(inputs.windows.length)
        known = _intervals(evidence, baseline, request) if cut else total
        window = Window(start, window_end(inputs.windows, start), evidence.rows, known)
        doubted = doubts(evidence, baseline, rule, request.limits, window.name)
        found += doubted
        drop = None
        if evidence.rows >= rule.min_rows and rule.metric in known:
            drop = drops.measure(known[rule.metric], baseline.metrics[rule.metric], rule, many)
        listed.append(replace(window, drop=drop, trusted=not (doubted or missed)))
    trusted = not found and bool(whole.rows)
    return Estimated(listed, whole, total, found[-MAX_NAMED:], trusted)


def _intervals(
    evidence: Evidence, baseline: PerformanceBaseline, request: Request
) -> dict[str, Interval]:
    if not evidence.rows:
        return {}
    off = next((d.likely for d in offsets(evidence, baseline)), 0.0)
    if baseline.losses:
        confidence_level = request.resampling.confidence_level
        found = loss_estimation.estimate(evidence.sums, baseline.losses.spread, confidence_level)
        return widened(found, off)
    if baseline.calibrator is None:
        return {}
    answers, probabilities = evidence.scores()
    classes = baseline.origin.classes
    found = expected.estimate(
        answers, probabilities, classes, baseline.calibrator, request.resampling
    )
    return widened(found, off)


def _drop_reasons(done: Estimated, request: Request) -> list[Reason]:
    """Return what the drops say; what is not trusted can warn at most."""
    trusted = [w for w in done.windows if w.trusted]
    doubtful = [w for w in done.windows if not w.trusted]
    reasons = judged_reasons(trusted, request.rule, estimated=True)
    reasons = [replace(r, effect=request.on_drop) if r.effect == "fail" else r for r in reasons]
    unsure = judged_reasons(doubtful, request.rule, estimated=True)
    return [*reasons, *(replace(r, effect="warn") for r in unsure)]


def _constant(whole: Evidence) -> list[Reason]:
    """Return a warning where all probabilities are alike, so that nothing can be ranked."""
    if not whole.rows or not whole.probabilities:
        return []
    probabilities = whole.scores()[1]
    if whole.rows < 2 or (probabilities != probabilities[0]).any():
        return []
    return [
        Reason(
            code="constant_prediction",
            subject="predictions",
            observed=f"one answer in all of {whole.rows} rows",
            expected="more than one",
            message=f"All {whole.rows:,} predictions are the same.",
            effect="warn",
        )
    ]


def _report(
    verdict: Verdict, done: Estimated, baseline: PerformanceBaseline,
    request: Request,
) -> Report:  # fmt: skip
    rule, origin = request.rule, baseline.origin
    method = "confidence-based estimation (CBPE)" if origin.classes else "direct loss estimation"
    doubtful = sum(not window.trusted for window in done.windows)
    word = (
        f"{doubtful} of {len(done.windows)} windows are not to be trusted, for the reasons below"
        if doubtful
        else "The rows are like those of the reference as far as can be seen"
    )
    facts = (
        f"{done.whole.rows:,} predictions without labels, {origin.task} of {origin.target}, by "
        f"{method} from a reference of {origin.rows:,} rows. {word}. What no estimate of this kind "
        f"can see is a target that has come to depend otherwise on the same columns: measure with "
        f"labels as soon as they come."
    )
    blocks: list[Block] = [
        Paragraph(facts),
        finding_rows(verdict.reasons),
        *window_blocks(done.windows, rule, baseline, "Estimated"),
        metric_rows(
            done.found, baseline.metrics, "Estimated metrics of all rows", rule.confidence_level
        ),
        _covariate_rows(done.whole, baseline),
    ]
    return Report("Estimated performance", verdict.decision, tuple(blocks))


def _covariate_rows(whole: Evidence, baseline: PerformanceBaseline) -> Rows:
    """Return the columns, the one with most rows outside of the reference first."""
    rows = []
    for place, column in enumerate(baseline.covariates):
        counts = whole.cells[place]
        rows.append(
            (
                column.name,
                float(whole.outside[place]) / max(1, whole.rows),
                covariates.total_variation(column, counts),
                covariates.dependence(column, counts).likely / (baseline.unit or 1.0),
                "" if column.complete else "not checked: hardly any value comes again",
            )
        )
    rows.sort(key=lambda row: (-row[1], -row[2], row[0]))
    columns = ("column", "share outside", "change of shares", "estimate off by", "note")
    return Rows("Columns against the reference", columns, tuple(rows[:MAX_COLUMNS]))
