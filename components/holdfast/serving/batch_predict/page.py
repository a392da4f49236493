"""A batch of predictions as a page."""

from datetime import datetime

from holdfast.report import Block, Paragraph, Report, Rows
from holdfast.serving.batch_predict.subject import Subject
from holdfast.serving.batch_predict.tally import Tally, count_of_rows
from holdfast.verdict import Verdict


def report(
    tally: Tally, subject: Subject, data_sha256: str, predicted_at: datetime, verdict: Verdict
) -> Report:
    """Return what was scored, what was set aside and why, and how the answers are spread."""
    info = subject.model.info
    facts = (
        ("model", subject.title),
        ("target", info.target),
        ("task", info.task),
        ("sha256 of the training table", info.trained_on),
        ("sha256 of this table", data_sha256),
        ("predicted at", predicted_at.isoformat()),
    )
    findings = tuple(
        (r.code.replace("_", " "), r.subject, r.observed, r.expected, r.message)
        for r in verdict.reasons
    )
    return Report(
        title="Batch predictions",
        decision=verdict.decision,
        blocks=(
            Paragraph(
                f"Scored: {tally.scored:,} of {count_of_rows(tally.rows)}. "
                f"Set aside: {tally.aside:,}."
            ),
            Rows("Findings", ("code", "columns", "observed", "expected", "finding"), findings),
            _answers(tally),
            Rows("Made of", ("", "value"), facts),
        ),
    )


def _answers(tally: Tally) -> Block:
    found = tally.metrics()
    if not tally.scored:
        return Paragraph("There are no answers.")
    if not tally.info.classes:
        values = tuple(
            (name, found[f"prediction_{name}"]) for name in ("mean", "lowest", "highest")
        )
        return Rows("Answers", ("", "prediction"), values)
    rows = tuple(
        (
            str(label),
            tally.answers[label],
            found[f"share_{label}"],
            found[f"mean_probability_{label}"],
        )
        for label in tally.info.classes
    )
    return Rows("Answers", ("class", "rows", "share of rows", "mean probability"), rows)
