"""How the mean answer goes with the value of one raw column (Friedman 2001)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.model import Model

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

ROWS = 500
GRID = 20
CATEGORIES = 10


@dataclass(frozen=True)
class Dependence:
    """Partial dependence: the mean answer, outputs by values, if all rows had each value.

    `values` are numbers, dates or text in the order to be drawn; `ordered` says that they are
    numbers or dates.
    """

    name: str
    values: "npt.NDArray[Any]"
    means: "npt.NDArray[np.float64]"
    ordered: bool


def depend(model: Model, frame: "pd.DataFrame", name: str) -> Dependence | None:
    """Return the partial dependence on one column, None where it has no two values.

    Numbers and dates are tried at their quantiles, text at its most frequent values; the others
    stay as they are in up to 500 rows. Answers are probabilities, or in the target's unit.
    """
    import pandas as pd
    from sklearn.inspection import partial_dependence

    column = frame[name].dropna()
    ordered = pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_dtype(
        column.dtype
    )
    grid = _quantiles(column) if ordered else _frequent(column)
    if len(grid) < 2:
        return None
    found = partial_dependence(
        model.pipeline,
        frame.iloc[:ROWS],
        [name],
        custom_values={name: grid},
        method="brute",
        kind="average",
        response_method="predict_proba" if model.info.classes else "auto",
    )
    return Dependence(name, grid, found["average"], bool(ordered))


def _quantiles(column: "pd.Series[Any]") -> "npt.NDArray[Any]":
    import numpy as np

    found = column.quantile(np.linspace(0.02, 0.98, GRID), interpolation="nearest")
    return np.unique(found.to_numpy())


def _frequent(column: "pd.Series[Any]") -> "npt.NDArray[Any]":
    import numpy as np

    counts = column.value_counts()
    # Of equal counts the first in the alphabet, so that the order of the rows does not matter.
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return np.array([value for value, _ in ranked[:CATEGORIES]], dtype=object)
