"""The report of assess_robustness."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.evaluation import charts, plots
from holdfast.evaluation.assess_robustness.check import Check, worst_first
from holdfast.evaluation.assess_robustness.disturbances import MAX_FEATURES
from holdfast.evaluation.assess_robustness.subject import Subject
from holdfast.report import Block, Figure, Paragraph, Report, Rows
from holdfast.verdict import Verdict

if TYPE_CHECKING:
    from holdfast.evaluation.assess_robustness.logic import Settings

LEVELS = {"noise": "noise, in standard deviations", "missing": "share of values that are missing"}
MAX_DRAWN = 20


def build(
    verdict: Verdict,
    checks: Sequence[Check],
    subject: Subject,
    rows: int,
    settings: "Settings",
) -> Report:
    """Return the report: the worst checks first, and what disturbance costs."""
    blocks: list[Block] = [Paragraph(verdict.reasons[0].message), Paragraph(_facts(subject, rows))]
    more = len(subject.frame.columns) - MAX_FEATURES
    if more > 0:
        blocks.append(Paragraph(f"The last {more} features are not disturbed one by one."))
    ordered = worst_first(checks)
    blocks.append(_table("Checks that do not pass", [c for c in ordered if c.outcome != "pass"]))
    if lines := [line for code in LEVELS if (line := _line(code, checks, subject))]:
        picture = charts.lines(lines, "; ".join(LEVELS.values()), subject.metric)
        blocks.append(Figure(f"{subject.metric} of disturbed rows", picture))
    features = [c for c in ordered if c.code == "missing_feature" and c.drop is not None]
    features.sort(key=lambda c: -c.drop.value if c.drop else 0.0)
    drawn = [(c.subject, c.drop) for c in features[:MAX_DRAWN] if c.drop]
    if drawn:
        label = f"drop of {subject.metric}; the line is what is tolerated"
        picture = plots.intervals(drawn, settings.max_drop, label)
        blocks.append(Figure("What the loss of a feature costs", picture))
    blocks.append(_table("Checks that pass", [c for c in ordered if c.outcome == "pass"]))
    return Report("Robustness", verdict.decision, tuple(blocks))


def _table(heading: str, checks: Sequence[Check]) -> Rows:
    columns = ("outcome", "severity", "check", "of", "observed", "expected")
    rows = ((c.outcome, c.severity, c.code, c.subject, c.observed, c.expected) for c in checks)
    return Rows(heading, columns, tuple(rows))


def _facts(subject: Subject, rows: int) -> str:
    said = f"{subject.metric} {subject.score().value:.4g}, " if len(subject.output) else ""
    return (
        f"{said}{subject.rows:,} of {rows:,} test rows. Critical is what must hold for any model, "
        f"major what data in service bring, minor what a model may refuse. Intervals of drops are "
        f"of the same rows before and after."
    )


def _line(code: str, checks: Sequence[Check], subject: Subject) -> charts.Line | None:
    found = sorted((c.level, c.drop) for c in checks if c.code == code and c.drop is not None)
    if not found:
        return None
    start = subject.score().value
    return charts.Line(
        code,
        (0.0, *(level for level, _ in found)),
        (start, *(start - drop.value for _, drop in found)),
        (start, *(start - drop.high for _, drop in found)),
        (start, *(start - drop.low for _, drop in found)),
    )
