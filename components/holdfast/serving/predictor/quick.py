"""A fitted model asked without what scikit-learn and pandas do at each call beside the arithmetic.

Of one row's milliseconds most went into building and checking a frame, and into looking a handful
of texts up. Here numbers go straight from Arrow into the matrix, and text is looked up among what
the fitted OrdinalEncoder itself said of each of its categories. Every other step of the
ColumnTransformer, and all that follows it, are the same fitted objects, called in the same order.
Whether that is the same to the last bit is tried with rows of the model before it is used.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from holdfast.model import Model, feature_frame
from holdfast.performance.answers import output_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Part(Protocol):
    """Some columns of the matrix."""

    def matrix(self, rows: pa.Table) -> "npt.NDArray[Any]":
        """Return them."""


class Numbers:
    """Columns of numbers as they are."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def matrix(self, rows: pa.Table) -> "npt.NDArray[np.float64]":
        """Return them; the memory lies as that of a frame."""
        import numpy as np

        return np.array([rows.column(name).to_numpy() for name in self.names]).T


class Codes:
    """Columns of text as a fitted OrdinalEncoder codes them.

    Args:
        encoder: It is asked once about each category, about no text and about unknown text.
        names: Its columns.
    """

    def __init__(self, encoder: Any, names: Sequence[str]) -> None:
        self.names = names
        known = [
            [value for value in categories if isinstance(value, str)]
            for categories in encoder.categories_
        ]
        rows = max(map(len, known)) + 2
        # Unknown text, longer than each that is known; then the known; then none to the end.
        asked = [[max(texts, key=len, default="") + "?", *texts] for texts in known]
        columns = [[*texts, *[None] * (rows - len(texts))] for texts in asked]
        arrays = [pa.array(column, pa.string()) for column in columns]
        said = encoder.transform(feature_frame(pa.table(arrays, names=list(names)), names))
        self.dtype = said.dtype
        self.unknown: list[float] = said[0].tolist()
        self.codes: list[dict[str | None, float]] = [
            dict(zip(texts[1:], codes[1:], strict=True))
            for texts, codes in zip(columns, said.T.tolist(), strict=True)
        ]

    def matrix(self, rows: pa.Table) -> "npt.NDArray[Any]":
        """Return the codes; the memory lies as the encoder has it."""
        import numpy as np

        columns = [
            [codes.get(text, unknown) for text in rows.column(name).to_pylist()]
            for name, codes, unknown in zip(self.names, self.codes, self.unknown, strict=True)
        ]
        return np.ascontiguousarray(np.array(columns, self.dtype).T)


class Step:
    """Columns as a fitted step makes them of a frame."""

    def __init__(self, step: Any, names: Sequence[str]) -> None:
        self.step, self.names = step, names

    def matrix(self, rows: pa.Table) -> "npt.NDArray[Any]":
        """Return them."""
        found: npt.NDArray[Any] = self.step.transform(feature_frame(rows, self.names))
        return found


class Quick:
    """A model whose pipeline begins with a ColumnTransformer.

    Args:
        model: The model.
    """

    def __init__(self, model: Model) -> None:
        columns, *between, self.last = [step for _, step in model.pipeline.steps]
        self.between = [step for step in between if step not in (None, "passthrough")]
        self.classify = model.info.task == "classification"
        self.parts = [
            _part(step, names, model)
            for _, step, names in columns.transformers_
            if step != "drop" and len(names)
        ]

    def matrix(self, rows: pa.Table) -> "npt.NDArray[Any]":
        """Return what the ColumnTransformer makes of rows."""
        import numpy as np

        return np.hstack([part.matrix(rows) for part in self.parts])

    def output(self, rows: pa.Table) -> "npt.NDArray[np.float64]":
        """Return what output_of returns of the frame of these rows."""
        import numpy as np

        found = self.matrix(rows)
        for step in self.between:
            found = step.transform(found)
        return np.asarray((self.last.predict_proba if self.classify else self.last.predict)(found))


def quicken(model: Model, tried: Sequence[pa.Table]) -> Quick | None:
    """Return the quick way to a model's answers; None where it would differ.

    Args:
        model: A loaded model.
        tried: Rows that it can answer, to try both ways with.
    """
    from sklearn.compose import ColumnTransformer

    if not isinstance(model.pipeline[0], ColumnTransformer):
        return None
    try:
        quick = Quick(model)
        same = all(_same(model, quick, rows) for rows in tried)
    except Exception:  # noqa: BLE001  # whatever a step does not bear, the pipeline itself does
        return None
    return quick if same else None


def _part(step: Any, names: Sequence[str], model: Model) -> Part:
    from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

    kinds = {model.info.kind_of(name) for name in names}
    as_it_is = isinstance(step, FunctionTransformer) and step.func is None and not step.validate
    if as_it_is and kinds == {"numbers"}:
        return Numbers(names)
    if isinstance(step, OrdinalEncoder) and kinds == {"text"}:
        return Codes(step, names)
    return Step(step, names)


def _same(model: Model, quick: Quick, rows: pa.Table) -> bool:
    import numpy as np

    frame = feature_frame(rows, model.info.features)
    slow, fast = model.pipeline[0].transform(frame), quick.matrix(rows)
    return (
        # How the memory lies decides in which order BLAS adds.
        (slow.dtype, slow.strides) == (fast.dtype, fast.strides)
        and np.array_equal(slow, fast, equal_nan=True)
        and np.array_equal(output_of(model, frame), quick.output(rows))
    )
