"""The explained rows as a table."""

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from holdfast.model import Model

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from holdfast.evaluation.explain_model.logic import Findings

REASONS = 3
PREFIX = "contribution_"


def table(model: Model, findings: "Findings", numbers: "npt.NDArray[np.int64]") -> pa.Table:
    """Return a row for each explained row, in the order of the table that they are of.

    Of more than two classes the one that the model scores highest is explained.

    Args:
        model: The model.
        findings: What was found out about it.
        numbers: The places of the rows in their table.
    """
    import numpy as np

    found = findings.attribution
    order = np.argsort(numbers[: len(found.values)])
    every = np.arange(len(order))
    chosen = found.answers[order].argmax(axis=1)
    values = found.values[order][every, :, chosen]
    outputs = np.array(found.outputs, dtype=object)[chosen]
    columns: dict[str, Any] = {
        "row": pa.array(numbers[order], pa.int64()),
        "explained": pa.array(outputs, pa.string()),
        "base": found.base[chosen],
        "answer": found.answers[order][every, chosen],
    }
    top = np.argsort(-np.abs(values), axis=1, kind="stable")
    for place in range(min(REASONS, values.shape[1])):
        columns[f"reason_{place + 1}"] = pa.array(
            [
                findings.columns[index] if values[row, index] else None
                for row, index in enumerate(top[:, place])
            ],
            pa.string(),
        )
    for index, name in enumerate(model.info.features):
        columns[f"{PREFIX}{name}"] = values[:, index]
    return pa.table(columns)
