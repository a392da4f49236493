"""The page: the decision, the scores against the reference's, and why the worst rows are unusual.

No value of a row is shown, only how rare it is; the table of outliers holds the rows.
"""

from typing import TYPE_CHECKING

from holdfast.drift.detect_outliers.expected import Expected
from holdfast.drift.detect_outliers.scan import ROW, SCORE, Scan, histogram
from holdfast.drift.detect_outliers.unusual import findings
from holdfast.drift.fit_outlier_detector.detector import OutlierDetector
from holdfast.plots import BLUE, GREY, ORANGE, figure_of, short, svg_of
from holdfast.report import Block, Figure, Paragraph, Report, Rows
from holdfast.verdict import Verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

TITLE = "Outliers"
MOST_COLUMNS = 3
MOST_SURPRISES = 50
METHODS = {
    "isolation_forest": "Alibi Detect's isolation forest (-0.5 to 0.5)",
    "mahalanobis": "the squared Mahalanobis distance from the reference's mean",
}


def without(verdict: Verdict) -> Report:
    """Return the page of a table that nothing could be compared with."""
    return Report(TITLE, verdict.decision, tuple(Paragraph(r.message) for r in verdict.reasons))


def report(
    verdict: Verdict, found: Scan, expected: Expected, detector: OutlierDetector, p_value: float
) -> Report:
    """Return the page."""
    about = detector.about
    facts = (
        f"Score: {METHODS[about.method]}, fitted on {about.learned:,} rows of the reference, plus "
        f"{detector.scorer.surprise:.6g} for each value that it never had. Threshold: "
        f"{about.threshold:.6g}, from {about.judged:,} other rows of the reference. Expected of "
        f"{found.rows:,} rows like them: {expected.mean:,.6g} outliers, from {expected.low:,} to "
        f"{expected.high:,} by chance (p-value {p_value:g} on either side)."
    )
    messages = tuple(Paragraph(reason.message) for reason in verdict.reasons)
    blocks: list[Block] = [*messages, Paragraph(facts)]
    if found.rows:
        blocks += [_histogram(found, detector), *_surprises(found), _worst(found, detector)]
    return Report(TITLE, verdict.decision, tuple(blocks))


def _histogram(found: Scan, detector: OutlierDetector) -> Figure:
    reference = histogram(detector.scores, found.edges)
    svg = _drawn(found.edges, found.counts, reference, detector.about.threshold)
    return Figure("Scores of the table and of the reference; the last bar is all beyond", svg)


def _drawn(
    edges: "npt.NDArray[np.float64]",
    current: "npt.NDArray[np.int64]",
    reference: "npt.NDArray[np.int64]",
    threshold: float,
) -> str:
    import numpy as np

    figure, (axes,) = figure_of(1)
    ends = np.append(edges, 2 * edges[-1] - edges[-2])
    axes.stairs(current / current.sum(), ends, color=BLUE, fill=True, alpha=0.5, label="table")
    axes.stairs(reference / reference.sum(), ends, color=GREY, linewidth=1.5, label="reference")
    axes.axvline(threshold, color=ORANGE, linestyle="--", linewidth=1, label="threshold")
    # Outliers are few: on a linear axis they would not be seen.
    axes.set(xlabel="score", ylabel="share of the rows", yscale="log")
    axes.legend()
    return svg_of(figure)


def _surprises(found: Scan) -> tuple[Block, ...]:
    rows = [(name, n, 100 * n / found.rows) for name, n in found.surprises.items() if n]
    if not rows:
        return ()
    rows.sort(key=lambda row: -row[1])
    heading = "Values that the reference never had, or a category that it had once"
    return (Rows(heading, ("column", "rows", "% of the rows"), tuple(rows[:MOST_SURPRISES])),)


def _worst(found: Scan, detector: OutlierDetector) -> Rows:
    rows: list[tuple[int, float, str]] = []
    if found.worst is not None:
        unusual = findings(found.worst, detector.codes, MOST_COLUMNS)
        numbers, scores = found.worst[ROW].to_pylist(), found.worst[SCORE].to_pylist()
        for number, score, columns in zip(numbers, scores, unusual, strict=True):
            text = "; ".join(f"{short(each.column)}: {each.text}" for each in columns)
            rows.append((number, score, text))
    return Rows("The highest scores", ("row, from 0", "score", "most unusual columns"), tuple(rows))
