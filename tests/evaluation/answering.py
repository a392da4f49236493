"""Models that answer what a test wants, for tests of what is said about answers."""

from typing import Any

import numpy as np

from holdfast.model import Model, ModelInfo


class Answers:
    """Stands for a Pipeline: its answer is a function of the frame."""

    def __init__(self, answer: Any, classes: tuple[Any, ...] = ()) -> None:
        self.answer = answer
        self.classes_ = np.array(classes)

    def predict_proba(self, frame: Any) -> Any:
        return self.answer(frame)

    def predict(self, frame: Any) -> Any:
        return self.answer(frame)


def two_classes(probability: Any) -> Any:
    """Return the probabilities of both classes from that of the second."""
    p = np.asarray(probability, float)
    return np.column_stack([1 - p, p])


def classifier(answer: Any, numeric=("p",), text=(), classes=("no", "yes")) -> Model:
    """Return a classifier of the target `y` whose probabilities are a function of the frame."""
    info = ModelInfo("y", "classification", (*numeric, *text), tuple(numeric), classes=classes)
    return Model(Answers(answer, classes), info)  # type: ignore[arg-type]


def regressor(answer: Any, numeric=("p",)) -> Model:
    """Return a regressor of the target `y` whose answers are a function of the frame."""
    info = ModelInfo("y", "regression", tuple(numeric), tuple(numeric))
    return Model(Answers(answer), info)  # type: ignore[arg-type]
