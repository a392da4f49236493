"""Score a table of any size, batch by batch: predictions, rows set aside, and a verdict."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.report import Report
from holdfast.serving.batch_predict import page
from holdfast.serving.batch_predict.columns import (
    Choice,
    Layout,
    Stamp,
    content_of,
    lay_out,
    time_of,
)
from holdfast.serving.batch_predict.scoring import Scorer
from holdfast.serving.batch_predict.subject import Subject, find_model
from holdfast.serving.batch_predict.tally import Tally
from holdfast.table import Table, TableWriter, open_table
from holdfast.verdict import Verdict

__all__ = ["Choice", "Request", "find_model", "predict"]


@dataclass(frozen=True)
class Request:
    """How to score; see the component's arguments."""

    choice: Choice = field(default_factory=Choice)
    predicted_at: str = ""
    max_quarantine_share: float = 0.1

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        if not 0 <= self.max_quarantine_share <= 1:
            raise InputError(
                f"`max_quarantine_share` must lie from 0 to 1. Found: {self.max_quarantine_share}. "
                f"The usual choice is 0.1."
            )


@dataclass(frozen=True)
class Batch:
    """What became of a table: two tables that together hold every row once."""

    predictions: Table
    quarantine: Table
    subject: Subject
    stamp: Stamp
    verdict: Verdict
    report: Report
    metrics: dict[str, float]

    def write(self, verdict: str | Path, html: str | Path, markdown: str | Path) -> dict[str, Any]:
        """Write verdict and report; return what the verdict's artifact says about itself."""
        self.verdict.write(verdict)
        self.report.write(html, markdown)
        return self.verdict.metadata()

    def metadata(self) -> dict[str, Any]:
        """Return what the predictions' artifact says about itself."""
        return self.predictions.metadata() | {
            "model_name": self.subject.name,
            "model_version": self.subject.version,
            "data_sha256": self.stamp.data_sha256,
            "predicted_at": self.stamp.predicted_at.isoformat(),
        }


def predict(
    table: Table, subject: Subject, predictions: str | Path, quarantine: str | Path,
    request: Request = Request(),
) -> Batch:  # fmt: skip
    """Score the rows of a table, and write what was answered and what could not be scored.

    Args:
        table: The rows; only one batch of them is in memory.
        subject: The model.
        predictions: Where the scored rows go.
        quarantine: Where the others go.
        request: How to score.

    Raises:
        InputError: The table does not fit the model or the request; no row has been scored then.
    """
    layout = lay_out(table, subject.model, request.choice)
    stamp = Stamp(content_of(table), time_of(request.predicted_at))
    tally = Tally(subject.model.info)
    _write(table, subject, layout, stamp, (predictions, quarantine), tally)
    verdict = tally.verdict(request.max_quarantine_share)
    report = page.report(tally, subject, stamp.data_sha256, stamp.predicted_at, verdict)
    return Batch(
        open_table(predictions), open_table(quarantine), subject, stamp, verdict, report,
        {name: value for name, value in tally.metrics().items() if math.isfinite(value)},
    )  # fmt: skip


def _write(
    table: Table,
    subject: Subject,
    layout: Layout,
    stamp: Stamp,
    places: tuple[str | Path, str | Path],
    tally: Tally,
) -> None:
    info = subject.model.info
    scorer = Scorer(subject.model, layout.parsed)
    target = info.target if info.target in layout.kept else ""
    about = (target, info.task if target else "", table.role, table.holdout)
    with (
        TableWriter(places[0], layout.scored, *about) as good,
        TableWriter(places[1], layout.aside, table.target, table.task, *about[2:]) as bad,
    ):
        for rows in _pieces(table, layout.source, scorer.batch_rows):
            found = scorer.score(rows)
            mask = pa.array(found.good)
            scored = rows if not found.reasons else rows.filter(mask)
            good.write(layout.predictions(scored, found.output, subject, stamp))
            if found.reasons:
                aside = rows.take(pa.array((~found.good).nonzero()[0]))
                bad.write(layout.quarantine(aside, found.reasons))
            tally.add(rows.num_rows, found)


def _pieces(table: Table, schema: pa.Schema, size: int) -> Iterator[pa.Table]:
    """Yield the rows in order, as many at a time as can be scored at once."""
    for batch in table.batches():
        rows = pa.Table.from_batches([batch]).cast(schema)
        for start in range(0, rows.num_rows, size):
            yield rows.slice(start, size)
