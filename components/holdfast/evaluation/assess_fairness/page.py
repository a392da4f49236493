"""The report of assess_fairness."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from holdfast.evaluation import charts
from holdfast.evaluation.assess_fairness import judging
from holdfast.evaluation.assess_fairness.judging import Finding
from holdfast.performance.bootstrap import Interval
from holdfast.report import Block, Figure, Paragraph, Report, Rows
from holdfast.verdict import Verdict

if TYPE_CHECKING:
    import numpy.typing as npt

    from holdfast.evaluation.assess_fairness.logic import Judged, Settings

    # Whether each row is positive, and the probability of it that the model gave.
    Reliability: TypeAlias = tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]

TITLE = "Fairness"
# The largest groups are drawn and listed; more can't be read.
MAX_DRAWN, MAX_LINES = 30, 6
MIN_BIN_ROWS = 20
RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")


def unknown(verdict: Verdict) -> Report:
    """Return the report where there was nothing to judge by."""
    return Report(TITLE, verdict.decision, (Paragraph(verdict.reasons[0].message),))


def build(
    verdict: Verdict,
    columns: "Sequence[Judged]",
    positive: Any,
    theil: Interval | None,
    reliability: "Reliability | None",
    settings: "Settings",
) -> Report:
    """Return the report: what decided, then each column with its groups."""
    findings = [finding for column in columns for finding in column.findings]
    deciding = [finding for finding in findings if finding.outcome]
    deciding.sort(key=lambda finding: judging.ORDER[finding.outcome])
    first = verdict.reasons[0]
    blocks: list[Block] = [
        Paragraph(f"{first.subject}: {first.message}"),
        Paragraph(_meaning(positive, settings)),
        _decided(deciding),
        *_notes(columns),
    ]
    for column in columns:
        blocks += _column(column, reliability, settings)
    blocks.append(_further(findings, theil))
    return Report(TITLE, verdict.decision, tuple(blocks))


def _meaning(positive: Any, settings: "Settings") -> str:
    subject = "" if positive is None else f"Rates are those of the answer {positive}. "
    return (
        f"{subject}Intervals hold {settings.confidence_level:.0%} of the draws. A metric "
        f"fails where all of its interval is beyond what is allowed, passes where all of it is "
        f"within, and is undecided in between. Groups "
        f"with fewer than {settings.min_group_rows} rows to tell "
        f"a figure from decide nothing, and are grey."
    )


def _decided(findings: Sequence[Finding]) -> Rows:
    columns = ("outcome", "of", "metric", "value", "low", "high", "allowed")
    rows = tuple((f.outcome, f.subject, f.metric, *_ends(f.judged), f.expected) for f in findings)
    return Rows("What decides", columns, rows)


def _ends(interval: Interval | None) -> tuple[Any, Any, Any]:
    """Return value and ends with the digits that the interval bears."""
    if interval is None or np.isnan(interval.value):
        return "", "", ""
    return _digits(interval.value), _digits(interval.low), _digits(interval.high)


def _digits(value: float) -> float | str:
    return "" if np.isnan(value) else float(f"{value:.3g}")


def _notes(columns: "Sequence[Judged]") -> list[Block]:
    notes = [note for column in columns for note in column.notes]
    rows = tuple((note.subject, note.message) for note in notes)
    return [Rows("Not judged", ("of", ""), rows)] if rows else []


def _column(
    column: "Judged", reliability: "Reliability | None", settings: "Settings"
) -> list[Block]:
    """Return the pictures and the figures of one column's groups."""
    order = np.argsort(-column.groups.rows, kind="stable")[:MAX_DRAWN]
    if column.groups.ordered:
        order = np.sort(order)
    blocks: list[Block] = [Figure(f"By {column.groups.name}", _rates(column, order, settings))]
    if reliability is not None:
        drawn = _calibration(column, order, reliability, settings)
        if drawn:
            picture = charts.lines(drawn, "mean probability", "share that is positive", True)
            blocks.append(Figure(f"Calibration by {column.groups.name}", picture))
    left = len(column.groups.labels) - len(order)
    more = f" (the {left} smallest are left out)" if left else ""
    blocks.append(_figures(column, order, f"Groups of {column.groups.name}{more}"))
    return blocks


def _rates(column: "Judged", order: "npt.NDArray[np.intp]", settings: "Settings") -> str:
    names = [name for name in RATES if name in column.measures] or list(column.measures)
    shown = []
    for measure in (column.measures[name] for name in names):
        intervals = tuple(measure.interval(group, settings.confidence_level) for group in order)
        small = tuple(bool(measure.base[group] < settings.min_group_rows) for group in order)
        shown.append(charts.Panel(measure.name.replace("_", " "), intervals, small))
    return charts.panels([column.groups.labels[group] for group in order], shown)


def _calibration(
    column: "Judged",
    order: "npt.NDArray[np.intp]",
    reliability: "Reliability",
    settings: "Settings",
) -> list[charts.Line]:
    """Return a line of up to ten bins with the same number of rows for each of the groups."""
    from sklearn.calibration import calibration_curve

    truth, probabilities = reliability
    result = []
    for group in order[:MAX_LINES]:
        members = column.groups.codes == group
        bins = min(10, int(members.sum()) // MIN_BIN_ROWS)
        if bins < 2 or members.sum() < settings.min_group_rows:
            continue
        y, x = calibration_curve(
            truth[members],
            probabilities[members].clip(0, 1),
            pos_label=True,
            n_bins=bins,
            strategy="quantile",
        )
        result.append(charts.Line(column.groups.labels[group], tuple(x), tuple(y)))
    return result


def _figures(column: "Judged", order: "npt.NDArray[np.intp]", heading: str) -> Rows:
    names = tuple(column.measures)
    head = ("group", "rows", *(name.replace("_", " ") for name in names))
    against = {(f.group, f.metric): f.everyone for f in column.findings if f.group}
    more = judging.AGAINST if against else ()
    reference = column.groups.labels[column.reference]
    against |= {(reference, metric): same for metric, same in zip(more, (0.0, 1.0), strict=False)}
    rows = []
    for group in order:
        label = column.groups.labels[group]
        figures = [_digits(float(column.measures[name].values[group])) for name in names]
        compared = [
            _digits(against[label, metric]) if (label, metric) in against else "" for metric in more
        ]
        said = f"{label} (reference)" if against and label == reference else label
        rows.append((said, int(column.groups.rows[group]), *figures, *compared))
    return Rows(heading, (*head, *(name.replace("_", " ") for name in more)), tuple(rows))


def _further(findings: Sequence[Finding], theil: Interval | None) -> Rows:
    """Return what decides nothing, and the metrics over all groups, small ones too."""
    rows: list[tuple[Any, ...]] = [
        (f.subject, f.metric, _digits(f.everyone), *_ends(f.judged))
        for f in findings
        if not f.group
    ]
    if theil is not None:
        rows.append(("all rows", "theil_index", _digits(theil.value), *_ends(theil)))
    columns = ("of", "metric", "all groups", "groups with enough rows", "low", "high")
    return Rows("All metrics", columns, tuple(rows))
