"""Judge a model on rows it has not seen: metrics, a verdict, a report and the predictions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError
from holdfast.evaluation.evaluate_model import pages
from holdfast.evaluation.evaluate_model.checks import check_rows
from holdfast.evaluation.evaluate_model.gate import Gate, Judgement, decide, judge
from holdfast.evaluation.predictions import predict
from holdfast.evaluation.segments import Segments, columns_of, judge_segments
from holdfast.evaluation.thresholds import RULES, Rule, answer_from, choose_threshold
from holdfast.model import Model
from holdfast.performance.bootstrap import Interval, Resampling, intervals
from holdfast.performance.metrics import make_scorer
from holdfast.performance.predictions import Predictions
from holdfast.report import Paragraph, Report
from holdfast.table import Table, TableWriter, open_table
from holdfast.verdict import Reason, Verdict

if TYPE_CHECKING:
    import pyarrow as pa

ERROR_QUANTILES = (0.5, 0.9, 0.99)
# Rows of the predictions that are turned into a batch at a time.
BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Slices:
    """The segments that are wanted; those of fewer rows than the minimum are not judged."""

    columns: tuple[str, ...] = ()
    min_rows: int = 100


@dataclass(frozen=True)
class Tables:
    """The test rows, and what else is known of where they come from."""

    test: Table
    validation: Table | None = None
    train: Table | None = None


def open_tables(test: str, validation: str = "", train: str = "") -> Tables:
    """Open the tables; an empty path is of one that is not given.

    Raises:
        InputError: One of them is no table.
    """
    others = ((validation, "validation"), (train, "train"))
    opened = (open_table(path, name) if path else None for path, name in others)
    return Tables(open_table(test, "test"), *opened)


@dataclass(frozen=True)
class Request:
    """How to judge."""

    gate: Gate = field(default_factory=Gate)
    rule: Rule = field(default_factory=Rule)
    slices: Slices = field(default_factory=Slices)
    resampling: Resampling = field(default_factory=Resampling)


def ask(
    gate: tuple[str, float, str] = ("", -1.0, "warn"),
    rule: tuple[str, float] = ("f1", 1.0),
    slices: tuple[tuple[str, ...], int] = ((), 100),
    resampling: tuple[int, float, int] = (500, 0.95, 0),
) -> Request:
    """Return a request from plain values.

    Raises:
        InputError: One of them is out of its range.
    """
    return Request(Gate(*gate), Rule(*rule), Slices(*slices), Resampling(*resampling))


@dataclass(frozen=True)
class Evaluation:
    """What is known of a model after it has been judged.

    `scores` are finite numbers by metric; `curves` is the metadata of KFP's ClassificationMetrics,
    empty for regression; `predicted` is what all of it rests on, for the rows of `test` in order.
    """

    scores: dict[str, float]
    curves: dict[str, Any]
    verdict: Verdict
    report: Report
    predicted: Predictions
    test: Table

    def write(self, verdict: str | Path, html: str | Path, markdown: str | Path) -> dict[str, Any]:
        """Write verdict and report; return what the verdict's artifact says about itself."""
        self.verdict.write(verdict)
        self.report.write(html, markdown)
        return self.verdict.metadata()

    def write_predictions(self, path: str | Path) -> dict[str, Any]:
        """Write row, truth, answer and the probability of each class as a table.

        Returns what its artifact says about itself.
        """
        first = _batch(self.predicted, 0)
        role, locked = self.test.role, self.test.holdout
        task = self.predicted.task
        with TableWriter(path, first.schema, "truth", task, role, locked) as writer:
            for start in range(0, self.predicted.rows, BATCH_ROWS):
                writer.write(_batch(self.predicted, start).cast(first.schema))
        return open_table(path, "predictions").metadata()


def evaluate(model: Model, tables: Tables, request: Request) -> Evaluation:
    """Judge a model.

    Raises:
        InputError: A table does not fit the model, or the metric does not fit the task.
    """
    for text in request.slices.columns:
        columns_of(text, tables.test)
    predicted = predict(model, tables.test, "test")
    request.gate.metric_of(predicted)
    cut = _threshold(model, predicted, tables, request.rule)
    predicted = predicted if cut is None else answer_from(predicted, cut)
    scores = _scores(predicted) | ({} if cut is None else {"threshold": cut})
    found = intervals(predicted, request.resampling)
    judged = judge(predicted, found, request.gate, request.resampling.confidence_level)
    slices = request.slices
    segments = judge_segments(
        predicted, tables.test, slices.columns, judged.metric, slices.min_rows,
        request.resampling,
    )  # fmt: skip
    warnings = (*check_rows(model, tables.test, tables.train), *_weak(segments, judged))
    decision = "warn" if warnings and judged.decision == "pass" else judged.decision
    verdict = Verdict(decision, (judged.reason, *warnings))
    curves = pages.curves(predicted) if predicted.classes else {}
    report = _report(model, predicted, request, cut, scores, found, verdict, segments, judged)
    ends = _ends(found)
    return Evaluation(scores | ends, curves, verdict, report, predicted, tables.test)


def _threshold(model: Model, predicted: Predictions, tables: Tables, rule: Rule) -> float | None:
    """Return the threshold that validation rows choose; None to keep the model's own answers."""
    if tables.validation is None or not predicted.binary:
        return None
    if tables.validation.sha256 and tables.validation.sha256 == tables.test.sha256:
        raise InputError(
            f"`validation` must hold other rows than `test`: a threshold chosen on the test rows "
            f"makes their metrics too good. Found: the same table of {tables.test.rows} rows. Pass "
            f"another share of the split."
        )
    return choose_threshold(predict(model, tables.validation, "validation"), rule)


def _scores(predicted: Predictions) -> dict[str, float]:
    """Return the metrics that are defined for these rows, and the shape of a regression's errors.

    The bias is the mean of prediction less truth; the quantiles are those of its absolute value.
    """
    import numpy as np

    scorer = make_scorer(predicted)
    scores = dict(zip(scorer.names, scorer().tolist(), strict=True))
    if predicted.task == "regression":
        errors = predicted.answers - predicted.truth
        ends = np.quantile(np.abs(errors), ERROR_QUANTILES).tolist()
        scores["bias"] = float(errors.mean())
        names = [f"abs_error_p{100 * share:.0f}" for share in ERROR_QUANTILES]
        scores |= dict(zip(names, ends, strict=True))
    return {name: value for name, value in scores.items() if math.isfinite(value)}


def _ends(found: Mapping[str, Interval]) -> dict[str, float]:
    ends = {}
    for name, interval in found.items():
        ends[f"{name}_low"], ends[f"{name}_high"] = interval.low, interval.high
    return ends


def _weak(segments: Segments, judged: Judgement) -> tuple[Reason, ...]:
    """Return a warning for each segment of which no part of the interval reaches the limit."""
    if judged.decision == "fail":
        return ()
    return tuple(
        Reason(
            code="segment_below_limit",
            subject=segment.name,
            observed=f"{segment.interval.low:.6g} to {segment.interval.high:.6g}",
            expected=judged.reason.expected,
            message=f"{judged.metric} of the {segment.rows} rows with {segment.name} is "
            f"{segment.interval.value:.6g}, and does not reach the limit of the gate.",
            effect="warn",
        )
        for segment in segments.judged
        if segment.interval and decide(segment.interval, judged.limit, judged.metric) == "fail"
    )


def _report(
    model: Model,
    predicted: Predictions,
    request: Request,
    cut: float | None,
    scores: Mapping[str, float],
    found: Mapping[str, Interval],
    verdict: Verdict,
    segments: Segments,
    judged: Judgement,
) -> Report:
    if predicted.classes:
        blocks = pages.classification_blocks(predicted, 0.5 if cut is None else cut)
    else:
        blocks = pages.regression_blocks(predicted)
    how = request.resampling
    facts = (
        f"{predicted.rows:,} test rows, target {model.info.target}, {predicted.task}. Intervals: "
        f"percentiles of {how.n_resamples} bootstrap draws. "
        f"{_answering(predicted, cut, request.rule)}"
    )
    return Report(
        title="Model evaluation",
        decision=verdict.decision,
        blocks=(
            Paragraph(judged.reason.message),
            Paragraph(facts),
            *pages.finding_rows(verdict.reasons[1:]),
            pages.metric_rows(scores, found, how.confidence_level),
            *pages.segment_blocks(segments, judged.metric, scores[judged.metric]),
            *blocks,
        ),
    )


def _answering(predicted: Predictions, cut: float | None, rule: Rule) -> str:
    """Say how an answer was made of the probabilities."""
    if cut is not None:
        return f"Threshold: {cut:.6g}, by {rule.name} on the validation rows: {RULES[rule.name]}."
    return "The answer is the likeliest class." if predicted.classes else ""


def _batch(predicted: Predictions, start: int) -> "pa.RecordBatch":
    import numpy as np
    import pyarrow as pa

    part = slice(start, start + BATCH_ROWS)
    truth = predicted.truth[part]
    columns = {
        "row": pa.array(np.arange(start, start + len(truth))),
        "truth": pa.array(truth),
        "answer": pa.array(predicted.answers[part]),
    }
    for index, name in enumerate(predicted.classes):
        columns[f"probability_{name}"] = pa.array(predicted.probabilities[part, index])
    return pa.RecordBatch.from_pydict(columns)
