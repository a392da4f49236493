"""Metrics as functions of the weights of the rows.

A bootstrap draw weighs each row by how often it was drawn. What does not depend on the weights is
worked out once (losses, cells of the confusion matrix, the order of the scores); a draw is then a
few passes over arrays of one number a row. Without weights the values are scikit-learn's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from holdfast.performance.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Weights: TypeAlias = npt.NDArray[Any] | None

# What a gate may rest on, the usual one first.
GATES = {
    "classification": (
        "roc_auc",
        "average_precision",
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "f1",
        "log_loss",
        "brier",
    ),
    "regression": ("r2", "rmse", "mae", "mape"),
}
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error", "rmse", "mae", "mape"})
CALIBRATION_BINS = 10
# Rows of which all probabilities are worked on at a time.
_BLOCK = 65_536


class Part(Protocol):
    """Some metrics that are worked out together."""

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics' names."""

    def __call__(self, weights: "Weights") -> "Sequence[float]":
        """Return the metrics of the weighted rows, not a number where one is not defined."""


@dataclass(frozen=True)
class Scorer:
    """Metrics of the same rows under any weights."""

    parts: tuple[Part, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics' names, in the order of the values."""
        return tuple(name for part in self.parts for name in part.names)

    def __call__(self, weights: "Weights" = None) -> "Floats":
        """Return the metrics of the rows, each counted as often as its weight says."""
        import numpy as np

        return np.array([value for part in self.parts for value in part(weights)], float)


def make_scorer(predicted: Predictions, wanted: Sequence[str] = ()) -> Scorer:
    """Return the scorer of some predictions.

    Args:
        predicted: Truth and answers.
        wanted: The metrics that are wanted; others are left out where that saves time. All if
            empty.
    """
    parts = _CLASSIFICATION if predicted.task == "classification" else _REGRESSION
    return Scorer(
        tuple(
            build(predicted)
            for names, build in parts
            if not wanted or not set(wanted).isdisjoint(names)
        )
    )


def undefined(predicted: Predictions) -> frozenset[str]:
    """Return the metrics that cannot gate: they have a value, but none under other weights."""
    several = len(predicted.classes) > 2
    return frozenset({"average_precision"}) if several else frozenset()


@dataclass(frozen=True)
class Losses:
    """Means over the rows."""

    names: tuple[str, ...]
    losses: "tuple[npt.NDArray[Any], ...]"

    def __call__(self, weights: "Weights") -> "Sequence[float]":
        """Return the mean losses."""
        if weights is None:
            return [float(loss.mean()) for loss in self.losses]
        counts = weights.astype(float)
        total = counts.sum()
        return [_dot(loss, counts) / total for loss in self._precise]

    @cached_property
    def _precise(self) -> "list[Floats]":
        """The losses as a weighted mean needs them; a plain one keeps the model's precision."""
        return [loss.astype(float, copy=False) for loss in self.losses]


@dataclass(frozen=True)
class Confusion:
    """What follows from the confusion matrix; means are over classes, each counting the same."""

    cells: "npt.NDArray[np.intp]"
    classes: int
    names: tuple[str, ...] = ("accuracy", "balanced_accuracy", "precision", "recall", "f1")

    def matrix(self, weights: "Weights" = None) -> "Floats":
        """Return the weight of the rows by true class (rows) and answer (columns)."""
        import numpy as np

        counts = None if weights is None else weights.astype(float)
        size = self.classes
        cells = np.bincount(self.cells, weights=counts, minlength=size * size)
        return cells.reshape(size, size).astype(float)

    def __call__(self, weights: "Weights") -> "Sequence[float]":
        """Return the metrics; a class that is never answered has a precision of 0."""
        matrix = self.matrix(weights)
        right, truth, answers = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0)
        recall = _divide(right, truth)
        # A class without rows has no recall; scikit-learn leaves it out of balanced accuracy only.
        return (
            right.sum() / truth.sum(),
            recall[truth > 0].mean(),
            _divide(right, answers).mean(),
            recall.mean(),
            _divide(2 * right, truth + answers).mean(),
        )


@dataclass(frozen=True)
class Ranking:
    """Areas under the ROC curve and the precision-recall curve (average precision).

    `positives` and `negatives` are the rows of either class from the lowest score up; for each
    positive, `below` and `upto` count the negatives of a lower score, and of one no higher, and
    `start` the positives of a lower score. A pair of equal scores is half right.
    """

    positives: "npt.NDArray[np.intp]"
    negatives: "npt.NDArray[np.intp]"
    below: "npt.NDArray[np.intp]"
    upto: "npt.NDArray[np.intp]"
    start: "npt.NDArray[np.intp]"
    names: tuple[str, ...] = ("roc_auc", "average_precision")

    def __call__(self, weights: "Weights") -> "Sequence[float]":
        """Return the areas; not a number where one of the two classes has no weight."""
        import numpy as np

        if weights is None:
            weights = np.ones(len(self.positives) + len(self.negatives))
        right = weights.take(self.positives).astype(float)
        before = _running(right)
        wrong = _running(weights.take(self.negatives))
        positive, negative = float(before[-1]), float(wrong[-1])
        if not (positive > 0 and negative > 0):
            return np.nan, np.nan
        beaten = wrong.take(self.below)
        pairs = _dot(right, beaten) + _dot(right, wrong.take(self.upto))
        # What is answered `yes` from a positive's score up: true ones, and all.
        hits = positive - before.take(self.start)
        answered = hits + negative - beaten
        precision = np.divide(hits, answered, out=hits, where=answered > 0)
        return pairs / (2 * positive * negative), _dot(right, precision) / positive


@dataclass(frozen=True)
class OneAgainstRest:
    """The mean areas of each class against the rest, of more than two classes.

    Under weights the ROC area is the first-order one: the value and the weighted mean of each row's
    influence on it (Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans, ch. 6),
    which for one class is DeLong's; sorting by each class in each draw would take hours. There is
    no such shortcut for average precision.
    """

    roc_auc: float
    average_precision: float
    influence: "Floats"
    names: tuple[str, ...] = ("roc_auc", "average_precision")

    def __call__(self, weights: "Weights") -> "Sequence[float]":
        """Return the areas."""
        import numpy as np

        if weights is None:
            return self.roc_auc, self.average_precision
        counts = weights.astype(float)
        return self.roc_auc + _dot(self.influence, counts) / float(counts.sum()), np.nan


@dataclass(frozen=True)
class Calibration:
    """The expected calibration error (Naeini et al. 2015; Guo et al. 2017), bins of equal width.

    Of two classes the probability of the second is judged, of more the one of the answer.
    """

    bins: "npt.NDArray[np.intp]"
    excess: "Floats"
    names: tuple[str, ...] = ("calibration_error",)

    def __call__(self, weights: "Weights") -> "Sequence[float]":
        """Return the mean distance of probability and share, weighted by the rows of each bin."""
        import numpy as np

        counts = 1.0 if weights is None else weights.astype(float)
        total = len(self.bins) if weights is None else weights.sum(dtype=float)
        gaps = np.bincount(self.bins, weights=self.excess * counts)
        return (float(np.abs(gaps).sum() / total),)


@dataclass(frozen=True)
class Fit:
    """The share of the target's variance that is explained, and the root of the mean square."""

    truth: "Floats"
    squared: "Floats"
    names: tuple[str, ...] = ("r2", "rmse")

    def __call__(self, weights: "Weights") -> "Sequence[float]":
        """Return both; R squared is not a number where the target is the same in all rows."""
        import numpy as np

        counts = np.ones(len(self.truth)) if weights is None else weights.astype(float)
        rows = float(counts.sum())
        missed, total = _dot(self.squared, counts), _dot(self.truth, counts)
        around = float(np.einsum("i,i,i->", self.truth, self.truth, counts))
        # The truth has been centred, so that nothing is lost in this difference.
        spread = around - total**2 / rows
        constant = spread <= 1e-12 * around
        return (np.nan if constant else 1 - missed / spread), float(np.sqrt(missed / rows))


def placements(scores: "npt.NDArray[Any]", members: "npt.NDArray[np.bool_]") -> "Floats":
    """Return for each row the share of the other class that it is ranked rightly against.

    The mean over either class is the area under the ROC curve. From midranks, as Sun & Xu 2014
    (Fast Implementation of DeLong's Algorithm, IEEE Signal Processing Letters 21:11) have it.
    """
    import numpy as np
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    result = np.empty(len(ranks))
    positives = int(members.sum())
    negatives = len(ranks) - positives
    result[members] = (ranks[members] - rankdata(scores[members])) / negatives
    result[~members] = 1 - (ranks[~members] - rankdata(scores[~members])) / positives
    return result


def calibration_bins(scores: "npt.NDArray[Any]") -> "npt.NDArray[np.intp]":
    """Return the bin of each probability, as scikit-learn's calibration_curve cuts them."""
    import numpy as np

    return np.searchsorted(np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1], scores)


def judged_probability(
    predicted: Predictions,
) -> "tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]":
    """Return the probabilities whose calibration is judged, and whether they came true."""
    if predicted.binary:
        return predicted.probabilities[:, 1], predicted.truth_codes == 1
    sure = predicted.probabilities.max(axis=1)
    return sure, predicted.truth_codes == predicted.probabilities.argmax(axis=1)


def confusion(predicted: Predictions) -> Confusion:
    """Return the confusion matrix and what follows from it."""
    size = len(predicted.classes)
    return Confusion(predicted.truth_codes * size + predicted.answer_codes, size)


def _losses(predicted: Predictions) -> Part:
    import numpy as np

    probabilities, truth = predicted.probabilities, predicted.truth_codes
    own = probabilities[np.arange(len(truth)), truth]
    # As scikit-learn clips them: a certain answer that is wrong costs much, not infinitely much.
    tiny = np.finfo(own.dtype).eps
    scale = own.dtype.type(0.5 if predicted.binary else 1)
    squares = np.concatenate(
        [
            _squares(probabilities[first : first + _BLOCK], truth[first : first + _BLOCK]) * scale
            for first in range(0, len(truth), _BLOCK)
        ]
    )
    return Losses(("log_loss", "brier"), (-np.log(own.clip(tiny, 1 - tiny)), squares))


def _squares(probabilities: "npt.NDArray[Any]", truth: "npt.NDArray[np.intp]") -> "Floats":
    """Return the squared distance of each row's probabilities from the truth."""
    import numpy as np

    gaps = probabilities.copy()
    gaps[np.arange(len(truth)), truth] -= 1
    return (gaps**2).sum(axis=1)


def _ranking(predicted: Predictions) -> Part:
    import numpy as np

    if not predicted.binary:
        return _one_against_rest(predicted)
    order = np.argsort(predicted.probabilities[:, 1], kind="stable")
    members = (predicted.truth_codes == 1)[order]
    positives, negatives = order[members], order[~members]
    high = predicted.probabilities[positives, 1]
    low = predicted.probabilities[negatives, 1]
    below, upto = np.searchsorted(low, high), np.searchsorted(low, high, side="right")
    return Ranking(positives, negatives, below, upto, np.searchsorted(high, high))


def _one_against_rest(predicted: Predictions) -> Part:
    """A class that is absent has no area; the means are of those that are there."""
    import numpy as np
    from sklearn.metrics import average_precision_score

    areas, precisions, influence = [], [], np.zeros(predicted.rows)
    for index in range(len(predicted.classes)):
        members = predicted.truth_codes == index
        share = members.mean()
        if not 0 < share < 1:
            continue
        scores = predicted.probabilities[:, index]
        placed = placements(scores, members)
        areas.append(placed[members].mean())
        precisions.append(average_precision_score(members, scores))
        influence += (placed - areas[-1]) / np.where(members, share, 1 - share)
    if not areas:
        return OneAgainstRest(np.nan, np.nan, influence)
    return OneAgainstRest(float(np.mean(areas)), float(np.mean(precisions)), influence / len(areas))


def _calibration(predicted: Predictions) -> Part:
    scores, true = judged_probability(predicted)
    return Calibration(calibration_bins(scores), scores - true.astype(float))


def _errors(predicted: Predictions) -> Part:
    """The relative error is defined where no true value is 0."""
    import numpy as np

    error = np.abs(predicted.answers - predicted.truth)
    if not (predicted.truth != 0).all():
        return Losses(("mae",), (error,))
    return Losses(("mae", "mape"), (error, error / np.abs(predicted.truth)))


def _fit(predicted: Predictions) -> Part:
    import numpy as np

    truth = predicted.truth.astype(float)
    # The mean of equal numbers may differ from them by a rounding; the median does not.
    middle = np.median(truth) if truth.min() == truth.max() else truth.mean()
    return Fit(truth - middle, (truth - predicted.answers) ** 2)


def _running(values: "npt.NDArray[Any]") -> "Floats":
    """Return the sums of the first 0, 1, 2 ... values."""
    import numpy as np

    sums = np.empty(len(values) + 1)
    sums[0] = 0
    np.cumsum(values, dtype=float, out=sums[1:])
    return sums


def _dot(first: "Floats", second: "Floats") -> float:
    """Return the sum of products; BLAS would wake its threads for every single one."""
    import numpy as np

    return float(np.einsum("i,i->", first, second))


def _divide(above: "Floats", below: "Floats") -> "Floats":
    import numpy as np

    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


Parts = tuple[tuple[tuple[str, ...], Callable[[Predictions], Part]], ...]
_CLASSIFICATION: Parts = (
    (("roc_auc", "average_precision"), _ranking),
    (("accuracy", "balanced_accuracy", "precision", "recall", "f1"), confusion),
    (("log_loss", "brier"), _losses),
    (("calibration_error",), _calibration),
)
_REGRESSION: Parts = ((("r2", "rmse"), _fit), (("mae", "mape"), _errors))
