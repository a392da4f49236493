"""What scores encoded rows: the higher, the more unusual. Nothing of it is stored as a pickle."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from holdfast.drift.alibi import detector_class
from holdfast.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

METHODS = ("isolation_forest", "mahalanobis")
# Liu, Ting and Zhou 2008: 100 trees of 256 rows are enough.
TREES = 100
PROBED = 64
# Beyond these shares of its values, a column's are drawn in before mean and covariance are
# estimated: a few outliers in the reference must not hide others.
ENDS = (0.001, 0.999)
# Weight of the identity in the covariance, so that no relation among columns is taken for exact.
SHRINKAGE = 1e-6


class Scorer(Protocol):
    """Scores encoded rows."""

    @property
    def surprise(self) -> float:
        """What one value that the reference never had adds to a row's score."""

    @property
    def blind_beyond(self) -> bool:
        """Whether a number beyond all of the reference scores like its highest."""

    def score(self, rows: "Floats") -> "Floats":
        """Return a score for each row."""

    def arrays(self) -> "dict[str, Floats]":
        """Return what it is restored from."""


@dataclass(frozen=True)
class Forest:
    """Alibi Detect's isolation forest (Liu, Ting and Zhou 2008): scores from -0.5 to 0.5.

    It is stored as the rows that it is grown from, and grown again from them with the same seed.
    """

    learned: "Floats"
    seed: int
    detector: Any
    surprise: float = 1.0
    blind_beyond: bool = True

    def score(self, rows: "Floats") -> "Floats":
        """Return a score for each row; the path of 0 is as long as that of a typical row."""
        return self.detector.score(rows)

    def arrays(self) -> "dict[str, Floats]":
        """Return the rows, and the scores of some, to tell whether it grew alike."""
        return {"learned": self.learned, "probe": self.score(self.learned[:PROBED])}


@dataclass(frozen=True)
class Mahalanobis:
    """Squared Mahalanobis distance from the reference's mean, by its covariance (scikit-learn).

    Alibi Detect's detector of this name learns from each row that it scores: scores would depend on
    the order of the rows, and many outliers would teach it that they are none. With its state held
    fixed and all components kept its distances are these.
    """

    mean: "Floats"
    scale: "Floats"
    precision: "Floats"
    surprise: float
    blind_beyond: bool = False

    def score(self, rows: "Floats") -> "Floats":
        """Return a score for each row, 0 or more."""
        moved = (rows - self.mean) / self.scale
        return np.einsum("ij,ij->i", moved @ self.precision, moved)

    def arrays(self) -> "dict[str, Floats]":
        """Return mean, scale and precision; `scale` is infinite where a column does not vary."""
        return {
            "mean": self.mean,
            "scale": self.scale,
            "precision": self.precision,
            "surprise": np.array([self.surprise]),
        }


def fit(method: str, learned: "Floats", seed: int) -> Scorer:
    """Fit the scorer of a method on encoded rows."""
    return _grow(learned, seed) if method == "isolation_forest" else _measure(learned)


def restore(method: str, arrays: "dict[str, Floats]", seed: int) -> Scorer:
    """Restore a scorer.

    Raises:
        InputError: This version of scikit-learn grows another forest from the same rows.
    """
    if method == "mahalanobis":
        surprise = float(arrays["surprise"][0])
        return Mahalanobis(arrays["mean"], arrays["scale"], arrays["precision"], surprise)
    forest = _grow(arrays["learned"], seed)
    if not np.allclose(forest.score(forest.learned[:PROBED]), arrays["probe"], rtol=0, atol=1e-9):
        raise InputError(
            "`detector` must give the scores that it gave when it was fitted. Found: others; it "
            "was fitted with another version of scikit-learn. Run fit_outlier_detector again."
        )
    return forest


def _grow(learned: "Floats", seed: int) -> Forest:
    detector = detector_class("od.isolationforest", "IForest")(threshold=0.0, n_estimators=TREES)
    # Alibi Detect passes no seed on.
    detector.isolationforest.set_params(random_state=seed)
    detector.fit(learned)
    return Forest(learned, seed, detector)


def _measure(learned: "Floats") -> Mahalanobis:
    from sklearn.covariance import ShrunkCovariance

    low = np.quantile(learned, ENDS[0], axis=0, method="lower")
    high = np.quantile(learned, ENDS[1], axis=0, method="higher")
    # A rare event lies beyond the ends altogether: it stays.
    drawn = np.where(low < high, np.clip(learned, low, high), learned)
    mean, scale = drawn.mean(axis=0), drawn.std(axis=0)
    scale[scale <= 1e-12 * np.abs(mean)] = np.inf
    found = ShrunkCovariance(shrinkage=SHRINKAGE, assume_centered=True).fit((drawn - mean) / scale)
    fitted = Mahalanobis(mean, scale, found.precision_, 0.0)
    return Mahalanobis(mean, scale, found.precision_, float(fitted.score(learned).max()))
