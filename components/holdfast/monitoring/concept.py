"""Concept drift: whether the same answers have come to mean something else.

Two questions, each with an effect beside its p-value, so that a million rows of nothing do not
fire: are errors spread as in the reference, and does what the reference's calibration expects still
come true?
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from holdfast.monitoring import calibration
from holdfast.monitoring.baseline import PerformanceBaseline, Reliability
from holdfast.monitoring.calibration import Calibrator
from holdfast.performance.metrics import CALIBRATION_BINS, calibration_bins, judged_probability
from holdfast.performance.predictions import Predictions
from holdfast.verdict import Reason

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

QUANTILES = 1001
P_VALUE = 0.01
# The largest distance of two distribution functions, a mean in standard deviations (a small effect
# of Cohen 1988), and a mean distance of probability and share, that are worth a look.
LEAST_DISTANCE = 0.1
LEAST_SHIFT = 0.2
LEAST_GAP = 0.05


@dataclass(frozen=True)
class Change:
    """A test: `effect` against the `limit` that it must exceed to be worth a look.

    `worse` is False for a change to smaller errors, which is a note and no warning.
    """

    code: str
    subject: str
    effect: float
    limit: float
    p_value: float
    words: str
    worse: bool = True

    @property
    def found(self) -> bool:
        """Whether it is both significant and large."""
        return self.p_value < P_VALUE and self.effect > self.limit

    @property
    def reason(self) -> Reason:
        """What it says in a verdict."""
        return Reason(
            code=self.code,
            subject=self.subject,
            observed=f"{self.effect:.3g} (p = {self.p_value:.2g})",
            expected=f"at most {self.limit:g}",
            message=f"{self.words}: {self.effect:.3g}, more than {self.limit:g}.",
            effect="warn" if self.worse else "",
        )


def errors_of(predicted: Predictions) -> "Floats":
    """Return prediction less truth; of classes, what the true one's probability lacks of 1."""
    import numpy as np

    if predicted.task == "regression":
        return (predicted.answers - predicted.truth).astype(float)
    own = predicted.probabilities[np.arange(predicted.rows), predicted.truth_codes]
    return 1 - own.astype(float)


def quantiles_of(errors: "Floats") -> "Floats":
    """Return 1,001 quantiles of errors, the least and the largest included."""
    import numpy as np

    return np.quantile(errors, np.linspace(0, 1, QUANTILES))


def reliability_of(predicted: Predictions) -> Reliability:
    """Return the bins of a reliability curve that hold rows; none for regression."""
    import numpy as np

    if not predicted.classes or not predicted.rows:
        return Reliability()
    scores, true = judged_probability(predicted)
    bins = calibration_bins(scores)
    sizes = np.bincount(bins, minlength=CALIBRATION_BINS).astype(float)
    held = sizes > 0
    means = [np.bincount(bins, v, CALIBRATION_BINS)[held] / sizes[held] for v in (scores, true)]
    return Reliability(*(tuple(values.tolist()) for values in (sizes[held], *means)))


def changes(predicted: Predictions, baseline: PerformanceBaseline) -> list[Change]:
    """Return the tests of labelled rows against the reference."""
    found = [_distribution(errors_of(predicted), baseline)]
    if baseline.calibrator:
        return [*found, _calibration(predicted, baseline.calibrator)]
    return [*found, _bias(errors_of(predicted), baseline)]


def _distribution(errors: "Floats", baseline: PerformanceBaseline) -> Change:
    """The test of Kolmogorov and Smirnov, the reference's function drawn between its quantiles."""
    import numpy as np
    from scipy.stats import kstwobign

    now, known = np.sort(errors), baseline.errors
    places = np.unique(np.concatenate([now, known]))
    shares = np.linspace(0, 1, len(known))
    distance = 0.0
    # On either side of each place: errors of few distinct values make steps.
    for side in ("left", "right"):
        here = np.searchsorted(now, places, side=side) / len(now)
        there = np.searchsorted(known, places, side=side)
        between = np.interp(places, *_steps(known, shares, side))
        exact = np.where(np.isin(places, known), there / len(known), between)
        distance = max(distance, float(np.abs(here - exact).max()))
    rows = len(now) * baseline.origin.rows / (len(now) + baseline.origin.rows)
    return Change(
        "errors_changed",
        "errors",
        distance,
        LEAST_DISTANCE,
        float(kstwobign.sf(np.sqrt(rows) * distance)),
        "Errors are spread otherwise than in the reference (Kolmogorov-Smirnov distance)",
        worse=bool(np.abs(errors).mean() > np.abs(known).mean()),
    )


def _steps(known: "Floats", shares: "Floats", side: str) -> "tuple[Floats, Floats]":
    """Return distinct quantiles, each with the share of the values up to it or below it."""
    import numpy as np

    values, first, counts = np.unique(known, return_index=True, return_counts=True)
    return values, shares[first if side == "left" else first + counts - 1]


def _bias(errors: "Floats", baseline: PerformanceBaseline) -> Change:
    """Welch's test of the mean error."""
    import numpy as np
    from scipy.stats import ttest_ind_from_stats

    mean, deviation = float(baseline.errors.mean()), float(baseline.errors.std())
    now = float(errors.std(ddof=1)) if len(errors) > 1 else 0.0
    shift = abs(float(errors.mean()) - mean)
    if now == deviation == 0:
        p_value = 0.0 if shift else 1.0
    else:
        p_value = float(
            ttest_ind_from_stats(
                float(errors.mean()), now, max(2, len(errors)),
                mean, deviation, baseline.origin.rows, equal_var=False,
            ).pvalue
        )  # fmt: skip
    return Change(
        "bias_changed",
        "errors",
        shift / max(deviation, np.finfo(float).tiny) if shift else 0.0,
        LEAST_SHIFT,
        p_value,
        "The mean error has moved (in standard deviations of the reference's errors)",
    )


def _calibration(predicted: Predictions, calibrator: Calibrator) -> Change:
    import numpy as np

    judged = np.zeros_like(predicted.probabilities)
    if predicted.binary:
        judged[:, 1] = 1
    else:
        judged[np.arange(predicted.rows), predicted.probabilities.argmax(axis=1)] = 1
    right = judged_probability(predicted)[1].astype(float)
    gap, p_value = calibration.gaps(calibrator, predicted.probabilities, judged, right)
    return Change(
        "calibration_changed",
        "probabilities",
        gap,
        LEAST_GAP,
        p_value,
        "What the reference's calibration expects no longer comes true (mean distance)",
    )
