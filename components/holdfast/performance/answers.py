"""What a model answers to a frame of rows: the one way in evaluation, batches and serving."""

from typing import TYPE_CHECKING, Any

from holdfast.model import Model

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


def output_of(model: Model, frame: "pd.DataFrame") -> "npt.NDArray[np.float64]":
    """Return a row of probabilities for each row of a frame, or a number of a regression.

    Args:
        model: The model.
        frame: What feature_frame made of rows; it may have none.
    """
    import numpy as np

    classify = model.info.task == "classification"
    if not len(frame):
        # XGBoost divides by the number of rows.
        return np.empty((0, len(model.info.classes)) if classify else 0)
    found = (model.pipeline.predict_proba if classify else model.pipeline.predict)(frame)
    return np.asarray(found)


def answers_of(model: Model, output: "npt.NDArray[np.float64]") -> "npt.NDArray[Any]":
    """Return the answer to each row: the likeliest class, or the number of a regression itself."""
    if model.info.task != "classification":
        return output
    answers: npt.NDArray[Any] = model.pipeline.classes_[output.argmax(axis=1)]
    return answers


def finite_rows(output: "npt.NDArray[np.float64]") -> "npt.NDArray[np.bool_]":
    """Tell of each row whether all numbers of its answer are finite."""
    import numpy as np

    finite = np.isfinite(output)
    rows: npt.NDArray[np.bool_] = finite if finite.ndim == 1 else finite.all(axis=1)
    return rows
