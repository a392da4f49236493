"""The page: what was decided, the metrics with their intervals, segments and plots."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from holdfast.evaluation import plots
from holdfast.evaluation.segments import Segments
from holdfast.performance.bootstrap import Interval
from holdfast.performance.metrics import (
    CALIBRATION_BINS,
    calibration_bins,
    confusion,
    judged_probability,
)
from holdfast.performance.predictions import Predictions
from holdfast.report import Block, Figure, Paragraph, Rows
from holdfast.verdict import Reason

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# The KFP UI draws every point; more than these can't be told apart.
MAX_CURVE_POINTS = 200
# A larger matrix is no picture, and one of hundreds of classes is megabytes.
MAX_DRAWN_CLASSES = 15
MAX_MATRIX_CLASSES = 50
MAX_PAIRS = 50
MAX_DRAWN_SEGMENTS = 30
OTHERS = "all others"


def metric_rows(
    scores: Mapping[str, float], found: Mapping[str, Interval], confidence_level: float
) -> Rows:
    """Return the metrics with their intervals."""
    share = f"{100 * confidence_level:g} %"
    rows = []
    for name, value in scores.items():
        ends = (found[name].low, found[name].high) if name in found else ("", "")
        rows.append((name, value, *ends))
    columns = ("metric", "value", f"{share} from", f"{share} to")
    return Rows("Metrics", columns, tuple(rows))


def finding_rows(reasons: Sequence[Reason]) -> tuple[Block, ...]:
    """Return what else was found, if anything."""
    rows = tuple((r.effect, r.code, r.subject, r.message) for r in reasons)
    return (Rows("Findings", ("effect", "code", "subject", "finding"), rows),) if rows else ()


def segment_blocks(found: Segments, metric: str, overall: float) -> tuple[Block, ...]:
    """Return the segments, the worst first; `overall` is the metric of all rows."""
    if not found.judged and not found.small:
        return ()
    judged = [(s.name, s.rows, s.interval) for s in found.judged if s.interval]
    rows = tuple((name, n, i.value, i.low, i.high) for name, n, i in judged)
    blocks: list[Block] = [
        Rows(f"{metric} by segment", ("segment", "rows", metric, "from", "to"), rows)
    ]
    if judged:
        drawn = [(name, i) for name, _, i in judged[:MAX_DRAWN_SEGMENTS]]
        svg = plots.intervals(drawn, overall, f"{metric}; the line is that of all rows")
        blocks.append(Figure(f"{metric} by segment, worst first", svg))
    if found.small:
        small = tuple((s.name, s.rows) for s in found.small)
        blocks.append(Rows("Segments too small to be judged", ("segment", "rows"), small))
    if found.left_out:
        text = f"{found.left_out} more segments are left out: each column's largest are judged."
        blocks.append(Paragraph(text))
    return tuple(blocks)


def classification_blocks(predicted: Predictions, cut: float) -> tuple[Block, ...]:
    """Return curves, calibration, classes and the confusion matrix."""
    counts = confusion(predicted).matrix()
    blocks: list[Block] = []
    if predicted.binary:
        blocks += _binary_blocks(predicted, cut)
    blocks.append(_calibration(predicted))
    if len(predicted.classes) <= MAX_DRAWN_CLASSES:
        names = [str(name) for name in predicted.classes]
        blocks.append(Figure("Confusion matrix by true class", plots.matrix(counts, names)))
    return (*blocks, _class_rows(predicted, counts), _matrix_rows(predicted, counts))


def regression_blocks(predicted: Predictions) -> tuple[Block, ...]:
    """Return the plots of a regression."""
    errors = (predicted.answers - predicted.truth).astype(float)
    return (
        Figure("Predicted against true values", plots.scatter(predicted)),
        Figure("Errors", plots.residuals(errors, predicted.answers.astype(float))),
    )


def curves(predicted: Predictions) -> dict[str, Any]:
    """Return the metadata that the KFP UI draws: confusion matrix and, for two classes, ROC."""
    names, counts = folded(predicted, confusion(predicted).matrix())
    drawn: dict[str, Any] = {
        "confusionMatrix": {
            "annotationSpecs": [{"displayName": name} for name in names],
            "rows": [{"row": [int(count) for count in row]} for row in counts],
        }
    }
    if predicted.binary:
        drawn["confidenceMetrics"] = [
            {"confidenceThreshold": t, "falsePositiveRate": x, "recall": y}
            for x, y, t in roc_points(predicted)
        ]
    return drawn


def folded(
    predicted: Predictions, counts: "npt.NDArray[np.float64]"
) -> "tuple[list[str], npt.NDArray[np.float64]]":
    """Return names and matrix of up to 50 classes: beyond, the smaller ones become one."""
    import numpy as np

    names = [str(name) for name in predicted.classes]
    if len(names) <= MAX_MATRIX_CLASSES:
        return names, counts
    kept = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[: MAX_MATRIX_CLASSES - 1])
    place = np.full(len(names), len(kept))
    place[kept] = np.arange(len(kept))
    small = np.zeros((len(kept) + 1, len(kept) + 1))
    np.add.at(small, (place[:, None], place[None, :]), counts)
    return [*(names[index] for index in kept.tolist()), OTHERS], small


def roc_points(predicted: Predictions) -> list[tuple[float, float, float]]:
    """Return (false positive rate, recall, threshold) of the second class, evenly thinned."""
    import numpy as np
    from sklearn.metrics import roc_curve

    members = predicted.truth_codes == 1
    if not members.any() or members.all():
        return []
    fpr, tpr, thresholds = roc_curve(members, predicted.probabilities[:, 1])
    # The first threshold is infinite, which JSON can't say; no probability is above 1.
    thresholds = np.minimum(thresholds, 1.0)
    keep = _thinned(len(fpr))
    points = zip(fpr[keep], tpr[keep], thresholds[keep], strict=True)
    return [(float(x), float(y), float(t)) for x, y, t in points]


def _binary_blocks(predicted: Predictions, cut: float) -> list[Block]:
    from sklearn.metrics import precision_recall_curve

    roc = roc_points(predicted)
    if not roc:
        return []
    scores, members = predicted.probabilities[:, 1], predicted.truth_codes == 1
    precision, recall, _ = precision_recall_curve(members, scores, drop_intermediate=True)
    keep = _thinned(len(recall))
    points = list(zip(recall[keep].tolist(), precision[keep].tolist(), strict=True))
    drawn = plots.curves([point[:2] for point in roc], points, float(members.mean()))
    names = [str(name) for name in predicted.classes]
    histogram = plots.score_histogram(scores, members, names, cut)
    return [
        Figure(f"ROC curve of class {names[1]}, and precision against recall", drawn),
        Figure(f"Probability of class {names[1]} by true class", histogram),
    ]


def _calibration(predicted: Predictions) -> Figure:
    """Draw the bins that hold rows."""
    import numpy as np

    scores, true = judged_probability(predicted)
    bins = calibration_bins(scores)
    sizes = np.bincount(bins, minlength=CALIBRATION_BINS).astype(float)
    held = sizes > 0
    sums = [np.bincount(bins, values, CALIBRATION_BINS)[held] for values in (scores, true)]
    svg = plots.calibration(sums[0] / sizes[held], sums[1] / sizes[held], sizes)
    of = f"class {predicted.classes[1]}" if predicted.binary else "the answer"
    return Figure(f"Calibration: the probability of {of} against what came true", svg)


def _class_rows(predicted: Predictions, counts: "npt.NDArray[np.float64]") -> Rows:
    from sklearn.metrics import precision_recall_fscore_support

    size = range(len(predicted.classes))
    scored = precision_recall_fscore_support(
        predicted.truth_codes, predicted.answer_codes, labels=list(size), zero_division=0
    )
    answered = counts.sum(axis=0)
    rows = [
        (str(name), float(p), float(r), float(f), int(n), int(a))
        for name, p, r, f, n, a in zip(predicted.classes, *scored, answered, strict=True)
    ]
    if len(rows) > MAX_MATRIX_CLASSES:
        rows.sort(key=lambda row: row[3])
    columns = ("class", "precision", "recall", "f1", "rows", "predicted")
    return Rows("Classes", columns, tuple(rows))


def _matrix_rows(predicted: Predictions, counts: "npt.NDArray[np.float64]") -> Rows:
    """Return the matrix; of many classes, the pairs that are mistaken most often."""
    import numpy as np

    names = [str(name) for name in predicted.classes]
    if len(names) <= MAX_MATRIX_CLASSES:
        table = tuple(
            (name, *(int(n) for n in row)) for name, row in zip(names, counts, strict=True)
        )
        return Rows("Confusion matrix", ("true \\ predicted", *names), table)
    wrong = counts * (1 - np.eye(len(names)))
    first = np.argsort(-wrong, axis=None, kind="stable")[:MAX_PAIRS]
    pairs = [divmod(place, len(names)) for place in first.tolist()]
    rows = tuple((names[t], names[a], int(wrong[t, a])) for t, a in pairs if wrong[t, a])
    return Rows("Most frequent mistakes", ("true class", "predicted class", "rows"), rows)


def _thinned(length: int) -> "npt.NDArray[np.intp]":
    import numpy as np

    return np.unique(np.linspace(0, length - 1, MAX_CURVE_POINTS).round().astype(int))
