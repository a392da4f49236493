"""Metrics that the labels would show, from calibrated probabilities alone.

Confidence-based performance estimation: each row counts as a member of every class, by the
probability of that class (Guillory et al. 2021, Predicting with Confidence on Unseen Distributions;
Bialek et al. 2024, Estimating Model Performance Under Covariate Shift Without Labels; NannyML's
CBPE). The metrics are those of evaluate_model, with these probabilities as weights of the rows.

The interval is that of the metric of these very rows: labels are drawn from the probabilities, each
time by another of the calibrator's maps, so that it holds the labels' chance and the calibration's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from holdfast.monitoring.calibration import Calibrator
from holdfast.performance.bootstrap import BOUNDED, Interval, Resampling, ends_of
from holdfast.performance.metrics import GATES, Scorer, make_scorer
from holdfast.performance.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Areas:
    """Mean area under the ROC curve of each class against the rest, of more than two classes."""

    scorers: tuple[Scorer, ...]
    names: tuple[str, ...] = ("roc_auc",)

    def __call__(self, weights: "npt.NDArray[Any] | None") -> Sequence[float]:
        """Return the mean of the classes that have weight, and others beside them."""
        import numpy as np

        if weights is None:
            return [float("nan")]
        shares = weights.reshape(len(self.scorers), -1)
        total = shares.sum(axis=0)
        areas = [
            scorer(np.concatenate([total - own, own]))[0]
            for scorer, own in zip(self.scorers, shares, strict=True)
        ]
        known = [area for area in areas if np.isfinite(area)]
        return [float(np.mean(known)) if known else float("nan")]


def metrics_of(classes: int) -> list[str]:
    """Return the metrics that can be estimated of so many classes."""
    return [name for name in GATES["classification"] if classes == 2 or name != "average_precision"]


def estimate(
    answers: "npt.NDArray[Any]",
    probabilities: "Floats",
    classes: tuple[Any, ...],
    calibrator: Calibrator,
    how: Resampling,
) -> dict[str, Interval]:
    """Return what each metric is expected to be, and where it may lie.

    Args:
        answers: The model's.
        probabilities: The model's (rows, classes), not calibrated.
        classes: In the order of the columns.
        calibrator: Fitted on a reference.
        how: Resamples of labels, confidence level and seed.
    """
    import numpy as np

    scorer = scorer_of(answers, probabilities, classes)
    values = scorer(calibrator(probabilities).T.ravel())
    generator = np.random.default_rng(how.seed)
    sample = np.array(
        [
            scorer(_draw(calibrator(probabilities, 1 + number % calibrator.maps), generator))
            for number in range(how.n_resamples)
        ]
    )
    wanted = metrics_of(len(classes))
    found = {}
    for name, value, drawn in zip(scorer.names, values.tolist(), sample.T, strict=True):
        ends = ends_of(drawn, how.confidence_level)
        if name in wanted and np.isfinite(value) and ends is not None:
            found[name] = _centred(value, ends, float(np.nanmean(drawn)), name)
    return found


def expected(
    answers: "npt.NDArray[Any]",
    probabilities: "Floats",
    classes: tuple[Any, ...],
    calibrated: "Floats",
) -> dict[str, float]:
    """Return what each metric is expected to be where the true class has these probabilities."""
    scorer = scorer_of(answers, probabilities, classes)
    values = scorer(calibrated.T.ravel()).tolist()
    return dict(zip(scorer.names, values, strict=True))


def scorer_of(
    answers: "npt.NDArray[Any]", probabilities: "Floats", classes: tuple[Any, ...]
) -> Scorer:
    """Return a scorer whose weights are rows times classes: those of the first class first."""
    import numpy as np

    labels = np.array(classes, dtype=answers.dtype if answers.dtype.kind != "f" else None)
    size, rows = len(classes), len(answers)
    every = Predictions(
        "classification",
        np.repeat(labels, rows),
        np.tile(answers, size),
        np.tile(probabilities, (size, 1)),
        classes,
    )
    if size == 2:
        return make_scorer(every, metrics_of(size))
    others = [name for name in metrics_of(size) if name != "roc_auc"]
    areas = Areas(tuple(_against_rest(probabilities[:, index]) for index in range(size)))
    return Scorer((areas, *make_scorer(every, others).parts))


def _centred(value: float, ends: tuple[float, float], mean: float, metric: str) -> Interval:
    """Return the interval of the draws around the value.

    Maps of drawn rows are a little surer than the one of all: their mean lies beside the value.
    """
    low, high = (min(value, value + ends[0] - mean), max(value, value + ends[1] - mean))
    return Interval(value, max(low, 0.0), min(high, 1.0) if metric in BOUNDED else high)


def _against_rest(scores: "Floats") -> Scorer:
    import numpy as np

    truth = np.repeat([0, 1], len(scores))
    both = np.tile(np.column_stack([1 - scores, scores]), (2, 1))
    return make_scorer(Predictions("classification", truth, truth, both, (0, 1)), ["roc_auc"])


def _draw(probabilities: "Floats", generator: "np.random.Generator") -> "npt.NDArray[np.uint8]":
    """Draw a class for each row; return the weights of the scorer."""
    import numpy as np

    reached = probabilities.cumsum(axis=1)
    place = (generator.random(len(reached))[:, None] >= reached[:, :-1]).sum(axis=1)
    weights = np.zeros((probabilities.shape[1], len(reached)), np.uint8)
    weights[place, np.arange(len(reached))] = 1
    return weights.ravel()
