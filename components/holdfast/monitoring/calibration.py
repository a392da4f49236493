"""Maps from a model's probabilities to what comes true, with what is uncertain about them.

A map is fitted on predictions of rows that the model has not seen, one for each class against the
rest: isotonic regression (Zadrozny & Elkan 2002) or a logistic curve (Platt 1999), whichever has
the lower Brier score on rows that it was not fitted to. Draws of the same rows give further maps;
how they differ is what the reference leaves open.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from holdfast.monitoring.threads import one_thread

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Fit: TypeAlias = Callable[[Floats, npt.NDArray[np.bool_], npt.NDArray[Any] | None], Any]

Method = Literal["isotonic", "logistic"]
FOLDS = 5
# A curve is kept at this many probabilities, and is straight between them.
POINTS = 256
MAPS = 50
# The logarithm of the odds of 0 is infinite.
LEAST = 1e-6


@dataclass(frozen=True)
class Calibrator:
    """Maps of the probabilities of all classes, of the second alone where there are two.

    `points` (classes, 256) are probabilities and `values` (51, classes, 256) what they become: the
    first of them by the map of all rows, the others by those of bootstrap draws.
    """

    method: Method
    points: "Floats"
    values: "Floats"

    @property
    def maps(self) -> int:
        """How many maps of draws there are."""
        return len(self.values) - 1

    def __call__(self, probabilities: "Floats", number: int = 0) -> "Floats":
        """Return probabilities (rows, classes) that sum to 1; by the map of a draw if not 0."""
        import numpy as np

        classes = probabilities.shape[1]
        chosen = [1] if classes == 2 else range(classes)
        found = np.column_stack(
            [
                np.interp(probabilities[:, index], self.points[place], self.values[number, place])
                for place, index in enumerate(chosen)
            ]
        )
        return complete(found, probabilities)


@dataclass(frozen=True)
class Calibrated:
    """A calibrator, and the probabilities that maps of other rows give to the reference's."""

    calibrator: Calibrator
    unseen: "Floats"


def complete(found: "Floats", raw: "Floats") -> "Floats":
    """Return probabilities of all classes that sum to 1; the model's own where all are 0."""
    import numpy as np

    if raw.shape[1] == 2:
        return np.column_stack([1 - found[:, 0], found[:, 0]])
    total = found.sum(axis=1, keepdims=True)
    return np.where(total > 0, found / np.where(total > 0, total, 1), raw)


@one_thread()
def fit(probabilities: "Floats", codes: "npt.NDArray[np.intp]", seed: int) -> Calibrated:
    """Fit maps.

    Args:
        probabilities: (rows, classes) of a model, for rows that it has not seen.
        codes: The true class of each row.
        seed: Of folds and draws.
    """
    import numpy as np

    unseen = {name: _unseen(probabilities, codes, name, seed) for name in FITS}
    scores = {name: _brier(found, codes) for name, found in unseen.items()}
    # Of two that are as good, the one with less to fit.
    method: Method = "isotonic" if scores["isotonic"] < scores["logistic"] else "logistic"
    chosen = _chosen(probabilities)
    points = np.stack([_points(probabilities[:, index]) for index in chosen])
    generator = np.random.default_rng(seed)
    rows = len(codes)
    values = []
    for number in range(MAPS + 1):
        drawn = generator.integers(0, rows, rows) if number else np.arange(rows)
        weights = np.bincount(drawn, minlength=rows).astype(float)
        values.append(
            [
                FITS[method](probabilities[:, index], codes == index, weights)(points[place])
                for place, index in enumerate(chosen)
            ]
        )
    return Calibrated(Calibrator(method, points, np.array(values)), unseen[method])


def gaps(
    calibrator: Calibrator, probabilities: "Floats", judged: "Floats", right: "npt.NDArray[Any]"
) -> tuple[float, float]:
    """Return how far the outcome is from what the reference's maps expect, and its chance.

    The mean distance over ten ranges of probability with as many rows each, weighted by rows (as
    the expected calibration error), and the p-value of the chi-squared test of Hosmer & Lemeshow
    1980, to whose variance that of the maps is added.

    Args:
        calibrator: Of the reference.
        probabilities: The model's (rows, classes).
        judged: (rows, classes), 1 at the class whose probability is judged.
        right: Whether that class came true.
    """
    import numpy as np
    from scipy.stats import chi2

    expected = (calibrator(probabilities) * judged).sum(axis=1)
    others = [
        (calibrator(probabilities, number) * judged).sum(axis=1)
        for number in range(1, calibrator.maps + 1)
    ]
    order = np.argsort(expected, kind="stable")
    distance, statistic, used = 0.0, 0.0, 0
    for part in np.array_split(order, min(10, max(1, len(order) // 10))):
        gap = float((right[part] - expected[part]).sum())
        noise = float((expected[part] * (1 - expected[part])).sum())
        noise += float(np.var([other[part].sum() for other in others]))
        distance += abs(gap)
        # A certain answer that came true has no noise, and says nothing.
        if noise > 0 or gap:
            statistic += gap**2 / max(noise, 1.0 / len(order))
            used += 1
    return distance / max(1, len(order)), float(chi2.sf(statistic, used)) if used else 1.0


def _unseen(
    probabilities: "Floats", codes: "npt.NDArray[np.intp]", method: str, seed: int
) -> "Floats":
    from sklearn.model_selection import KFold

    found = probabilities.copy()
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    chosen = _chosen(probabilities)
    for known, other in folds.split(probabilities):
        columns = [
            FITS[method](probabilities[known, index], codes[known] == index, None)(
                probabilities[other, index]
            )
            for index in chosen
        ]
        found[other] = complete(_stack(columns), probabilities[other])
    return found


def _chosen(probabilities: "Floats") -> list[int]:
    classes = probabilities.shape[1]
    return [1] if classes == 2 else list(range(classes))


def _stack(columns: "list[Floats]") -> "Floats":
    import numpy as np

    return np.column_stack(columns)


def _points(values: "Floats") -> "Floats":
    """Return ascending probabilities from 0 to 1, more of them where the rows are."""
    import numpy as np

    inner = np.quantile(values, np.linspace(0, 1, POINTS))
    known = np.unique(np.concatenate([[0.0, 1.0], inner.clip(0, 1)]))
    return np.interp(np.linspace(0, 1, POINTS), np.linspace(0, 1, len(known)), known)


def _isotonic(
    scores: "Floats", members: "npt.NDArray[np.bool_]", weights: "npt.NDArray[Any] | None"
) -> Any:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    return fitted.fit(scores, members.astype(float), sample_weight=weights).predict


def _logistic(
    scores: "Floats", members: "npt.NDArray[np.bool_]", weights: "npt.NDArray[Any] | None"
) -> Any:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    drawn = members if weights is None else members[weights > 0]
    if drawn.all() or not drawn.any():
        share = float(drawn.mean())
        return lambda others: np.full(len(others), share)
    fitted = LogisticRegression(C=1e6).fit(_odds(scores), members, sample_weight=weights)
    return lambda others: fitted.predict_proba(_odds(others))[:, 1]


def _odds(scores: "Floats") -> "Floats":
    import numpy as np

    clipped = np.clip(scores, LEAST, 1 - LEAST)
    return np.log(clipped / (1 - clipped))[:, None]


def _brier(probabilities: "Floats", codes: "npt.NDArray[np.intp]") -> float:
    import numpy as np

    return float(((probabilities - np.eye(probabilities.shape[1])[codes]) ** 2).sum(axis=1).mean())


FITS: "dict[str, Fit]" = {"isotonic": _isotonic, "logistic": _logistic}
