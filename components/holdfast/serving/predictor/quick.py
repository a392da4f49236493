"""A fitted pipeline without what a ColumnTransformer does at each call beside transforming.

Of one row's milliseconds most go into selecting columns by way of three libraries, into a job queue
of one worker, and into taking a frame of text apart column by column. The fitted steps are the same
objects here, called in the same order on the same columns; text comes as one array. Whether that
is the same to the last bit is tried with rows of the model before it is used.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from holdfast.model import Model, ModelInfo
from holdfast.performance.answers import output_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


class Columns:
    """The steps of a fitted ColumnTransformer.

    Args:
        fitted: The ColumnTransformer.
        info: What its frames hold, in order.
    """

    def __init__(self, fitted: Any, info: ModelInfo) -> None:
        from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

        self.steps: list[tuple[Any, list[int], bool]] = []
        for _, step, names in fitted.transformers_:
            places = [info.features.index(name) for name in names]
            if step == "drop" or not places:
                continue
            as_it_is = isinstance(step, FunctionTransformer) and step.func is None
            text = all(info.kind_of(name) == "text" for name in names)
            at_once = isinstance(step, OrdinalEncoder) and text
            self.steps.append((None if as_it_is else step, places, at_once))

    def transform(self, frame: "pd.DataFrame") -> "npt.NDArray[np.float64]":
        """Return the matrix of all steps, side by side."""
        import numpy as np

        parts = []
        for step, places, at_once in self.steps:
            part = frame.take(places, axis=1)
            if step is None:
                parts.append(part.to_numpy())
            else:
                parts.append(step.transform(part.to_numpy(dtype=object) if at_once else part))
        return np.hstack(parts)


def quicken(model: Model, frames: "Sequence[pd.DataFrame]") -> Model:
    """Return the model with its steps called directly, or as it is where that would differ.

    Args:
        model: A loaded model.
        frames: Rows that it can answer, to try both ways with.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    (name, first), *others = model.pipeline.steps
    if not isinstance(first, ColumnTransformer):
        return model
    try:
        quick = replace(model, pipeline=Pipeline([(name, Columns(first, model.info)), *others]))
        same = all(_same(model, quick, frame) for frame in frames)
    except Exception:  # noqa: BLE001  # whatever a step does not bear, the pipeline itself does
        return model
    return quick if same else model


def _same(model: Model, quick: Model, frame: "pd.DataFrame") -> bool:
    import numpy as np

    slow, fast = (one.pipeline[0].transform(frame) for one in (model, quick))
    return (
        slow.dtype == fast.dtype
        and np.array_equal(slow, fast, equal_nan=True)
        and np.array_equal(output_of(model, frame), output_of(quick, frame))
    )
