"""A model of another model's errors: direct loss estimation (NannyML's DLE).

Gradient-boosted trees learn the absolute and the squared error of a reference's rows from their
columns and the prediction. Of five of them each has not seen one fifth of the rows: together they
tell how well errors can be told at all, and how far the estimate depends on the rows it was learned
from (the delete-a-group jackknife, Kott 2001).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from holdfast.errors import InputError, first_line, lack
from holdfast.model import reproducible
from holdfast.monitoring.threads import one_thread
from holdfast.performance.bootstrap import Interval
from holdfast.reading import UNREADABLE

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

# By the metric that is the mean of a loss; of rmse, the root of that mean.
LOSSES = ("mae", "rmse")
FOLDS = 5
# What skops does not trust by itself: the trees, which are arrays of numbers.
TRUSTED = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)


@dataclass(frozen=True)
class LossEstimator:
    """Five models of each loss.

    `spread` is, for each loss, the standard deviation of a row's loss in units of its expectation.
    """

    models: dict[str, tuple[Any, ...]]
    spread: dict[str, float]

    def losses(self, matrix: "Floats") -> "dict[str, Floats]":
        """Return the expected losses of rows, as each model has it: (models, rows)."""
        with one_thread():
            return {
                name: _not_below_zero([model.predict(matrix) for model in models])
                for name, models in self.models.items()
            }

    def write(self, path: Path) -> None:
        """Write the file, the same bytes for the same models."""
        import skops.io

        path.write_bytes(reproducible(skops.io.dumps(self.models)))


@dataclass
class LossSums:
    """Sums over rows: of each model's expectation, and of the square of their mean."""

    rows: int
    sums: "dict[str, Floats]"
    squares: dict[str, float]

    def add(self, losses: "dict[str, Floats]", chosen: "npt.NDArray[np.bool_]") -> None:
        """Take in the chosen ones of some rows."""
        self.rows += int(chosen.sum())
        for name, values in losses.items():
            part = values[:, chosen]
            self.sums[name] = self.sums[name] + part.sum(axis=1)
            self.squares[name] += float((part.mean(axis=0) ** 2).sum())


def no_losses() -> LossSums:
    """Return the sums of no rows."""
    import numpy as np

    return LossSums(0, {n: np.zeros(FOLDS) for n in LOSSES}, dict.fromkeys(LOSSES, 0.0))


def _not_below_zero(values: "Sequence[Floats]") -> "Floats":
    import numpy as np

    return np.maximum(np.array(values), 0.0)


def fit(matrix: "Floats", errors: "Floats", seed: int) -> "tuple[LossEstimator, dict[str, Floats]]":
    """Fit the models.

    Args:
        matrix: The columns of the reference and its predictions, a row each; NaN for missing.
        errors: Prediction less truth.
        seed: Of the folds.

    Returns:
        The estimator, and for each loss what a model expects of the rows that it has not seen.
    """
    import numpy as np
    from sklearn.model_selection import KFold

    models: dict[str, tuple[Any, ...]] = {}
    spread, unseen = {}, {}
    for name, losses in (("mae", np.abs(errors)), ("rmse", errors**2)):
        expected = np.zeros(len(losses))
        fitted = []
        for known, other in KFold(FOLDS, shuffle=True, random_state=seed).split(matrix):
            with one_thread():
                fitted.append(_trees(seed).fit(matrix[known], losses[known]))
                expected[other] = np.maximum(fitted[-1].predict(matrix[other]), 0)
        models[name] = tuple(fitted)
        unseen[name] = expected
        around = float(((losses - expected) ** 2).sum())
        spread[name] = float(np.sqrt(around / max(float((expected**2).sum()), 1e-300)))
    return LossEstimator(models, spread), unseen


def estimate(
    sums: LossSums, spread: dict[str, float], confidence_level: float
) -> dict[str, Interval]:
    """Return mae and rmse of the rows, and where those of their labels may lie."""
    import numpy as np
    from scipy.stats import norm

    found = {}
    for name in LOSSES if sums.rows else ():
        means = sums.sums[name] / sums.rows
        value = float(means.mean())
        apart = (FOLDS - 1) / FOLDS * float(((means - value) ** 2).sum())
        chance = spread[name] ** 2 * sums.squares[name] / sums.rows**2
        reach = float(norm.ppf((1 + confidence_level) / 2)) * float(np.sqrt(apart + chance))
        ends = (value, max(value - reach, 0.0), value + reach)
        found[name] = Interval(*(np.sqrt(ends).tolist() if name == "rmse" else ends))
    return found


def read(path: Path, spread: dict[str, float], name: str) -> LossEstimator:
    """Read an estimator; nothing but trees is loaded.

    Raises:
        InputError: The file is none, or holds other types.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        models = skops.io.load(path, trusted=list(TRUSTED))
    except (UntrustedTypesFoundException, *UNREADABLE) as error:
        raise lack(error, memory=False) or InputError(
            f"`{name}` must hold trees that expect a loss. Found: "
            f"{first_line(error)}. Pass the output of fit_performance_baseline."
        ) from error
    return LossEstimator(models, spread)


def _trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=60,
        max_leaf_nodes=10,
        min_samples_leaf=40,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
