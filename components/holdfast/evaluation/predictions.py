"""What a model answers to the rows of a table, beside the truth."""

from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError
from holdfast.model import Model, feature_frame, require_features
from holdfast.performance.answers import answers_of, finite_rows, output_of
from holdfast.performance.predictions import Predictions
from holdfast.table import Table

if TYPE_CHECKING:
    import numpy.typing as npt


def predict(model: Model, table: Table, name: str = "test") -> Predictions:
    """Return the predictions for all rows of a table; the table is read in batches.

    Args:
        model: The model.
        table: Rows with their target.
        name: The input's name, for error messages.

    Raises:
        InputError: The table does not fit the model, lacks targets, or holds a class that the model
            has never seen; or the model's answers are not finite.
    """
    import numpy as np
    import pyarrow as pa

    require_features(table, model, name)
    truths, outputs = [], []
    for batch in table.batches([*model.info.features, model.info.target]):
        if not batch.num_rows:
            continue
        rows = pa.Table.from_batches([batch])
        frame = feature_frame(rows, model.info.features)
        truths.append(truth_of(rows.column(model.info.target), model, name))
        outputs.append(output_of(model, frame))
    if not truths:
        raise InputError(f"`{name}` must hold rows. Found: none. Pass another share of the table.")
    truth, output = np.concatenate(truths), np.concatenate(outputs)
    _require_finite(output, name)
    answers = answers_of(model, output)
    if model.info.task != "classification":
        return Predictions("regression", truth, answers, np.empty((0, 0)))
    _require_known(truth, model, name)
    return Predictions("classification", truth, answers, output, model.info.classes)


def truth_of(column: Any, model: Model, name: str) -> "npt.NDArray[Any]":
    """Return the target of some rows.

    Raises:
        InputError: A row has none, or one that is no finite number in a regression.
    """
    import numpy as np

    lost = column.null_count
    truth = column.to_numpy()
    if model.info.task == "regression" and not lost:
        if truth.dtype.kind not in "fiub":
            raise InputError(
                f"`{name}` must hold numbers as its target {model.info.target!r}. Found: "
                f"{column.type}. Pass a table made by the same query as the training table."
            )
        lost = int((~np.isfinite(truth)).sum())
    if lost:
        raise InputError(
            f"`{name}` must have a target in every row to judge by. Found: {lost} of {len(truth)} "
            f"rows without a finite {model.info.target!r}. Leave out rows without a target."
        )
    return truth


def _require_finite(output: "npt.NDArray[Any]", name: str) -> None:
    broken = len(output) - int(finite_rows(output).sum())
    if broken:
        raise InputError(
            f"`model` must answer every row of `{name}` with finite numbers. Found: {broken} of "
            f"{len(output)} rows without. Train it again, on finite features."
        )


def _require_known(truth: "npt.NDArray[Any]", model: Model, name: str) -> None:
    import pandas as pd

    unknown = sorted(map(str, set(pd.unique(truth).tolist()) - set(model.info.classes)))
    if unknown:
        raise InputError(
            f"`{name}` holds the classes {unknown[:10]}, which `model` has never seen. Expected: "
            f"some of {list(model.info.classes[:10])}. Pass a split in which training has every "
            f"class."
        )
