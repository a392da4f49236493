"""The model under test: what it answers to any frame, and how good its answers are.

A score is a mean over rows, so that its drop on the same rows has an interval without resampling:
that of a paired difference of means, which for the area under the ROC curve is DeLong's (DeLong,
DeLong and Clarke-Pearson 1988; midranks as in Sun and Xu 2014).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from holdfast.model import Model
from holdfast.performance.bootstrap import Interval

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    Floats: TypeAlias = npt.NDArray[np.float64]

METRICS = {"classification": ("roc_auc", "accuracy"), "regression": ("r2",)}


@dataclass(frozen=True)
class Answer:
    """What a model gave for a frame.

    `fault` says what is wrong with it and is empty where each row has a finite answer; `refused`
    tells that the model raised a ValueError, as scikit-learn does at what it can't read, `raised`
    that it raised anything.
    """

    output: "Floats"
    fault: str = ""
    refused: bool = False
    raised: bool = False


@dataclass(frozen=True)
class Score:
    """How good answers are; each part is a mean over other rows, and the first one is the value."""

    value: float
    parts: tuple["Floats", ...]

    def drop_to(self, other: "Score", confidence_level: float) -> Interval:
        """Return how much lower the other score is, on the same rows, with its interval."""
        from scipy.stats import norm

        pairs = zip(self.parts, other.parts, strict=True)
        variance = sum(float(np.var(one - two)) / len(one) for one, two in pairs)
        width = float(norm.ppf((1 + confidence_level) / 2) * np.sqrt(variance))
        drop = self.value - other.value
        return Interval(drop, drop - width, drop + width)


@dataclass(frozen=True)
class Subject:
    """A model with rows to try it on, and what it answers to them undisturbed."""

    model: Model
    frame: "pd.DataFrame"
    truth: "npt.NDArray[Any]"
    output: "Floats"
    metric: str

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.frame)

    @property
    def numeric(self) -> list[str]:
        """The features that are numbers and have a value."""
        return [name for name in self.model.info.numeric if self.frame[name].notna().any()]

    @property
    def text(self) -> list[str]:
        """The features that are text."""
        features = self.model.info.features
        return [name for name in features if self.model.info.kind_of(name) == "text"]

    def answer(self, frame: "pd.DataFrame") -> Answer:
        """Return what the model answers to a frame."""
        return ask(self.model, frame)

    def score(self, output: "Floats | None" = None) -> Score:
        """Return how good answers are, the undisturbed ones by default."""
        given = self.output if output is None else output
        return _SCORES[self.metric](self.truth, given, self.model.info.classes)

    def labels(self, output: "Floats") -> "npt.NDArray[Any]":
        """Return the places of the answered classes; of a regression, the answers."""
        return output.argmax(axis=1) if self.model.info.classes else output


def ask(model: Model, frame: "pd.DataFrame") -> Answer:
    """Return what a model answers to a frame; an exception is an answer, too."""
    classify = model.info.task == "classification"
    nothing = np.empty((0, len(model.info.classes)) if classify else 0)
    call = model.pipeline.predict_proba if classify else model.pipeline.predict
    try:
        output = np.asarray(call(frame.copy()), float)
    except Exception as error:  # noqa: BLE001  # a model may break in any way, and that is a finding
        # Its message may quote rows.
        return Answer(nothing, f"a {type(error).__name__}", isinstance(error, ValueError), True)
    shape = (len(frame), *nothing.shape[1:])
    if output.shape != shape:
        return Answer(nothing, f"answers of the shape {output.shape} instead of {shape}")
    finite = np.isfinite(output).all(axis=tuple(range(1, output.ndim)))
    lost = len(output) - int(finite.sum())
    return Answer(output, f"{lost} of {len(output)} answers are not finite" if lost else "")


def usual_metric(model: Model, truth: "npt.NDArray[Any]") -> str:
    """Return the metric that is judged by default: the area where there are two classes."""
    if model.info.task == "regression":
        return "r2"
    return "roc_auc" if has_area(model, truth) else "accuracy"


def has_area(model: Model, truth: "npt.NDArray[Any]") -> bool:
    """Tell whether rows of both of two classes are there."""
    return len(model.info.classes) == 2 and len({*truth.tolist()} & {*model.info.classes}) == 2


def _accuracy(truth: "npt.NDArray[Any]", output: "Floats", classes: tuple[Any, ...]) -> Score:
    right = (np.asarray(classes)[output.argmax(axis=1)] == truth).astype(float)
    return Score(float(right.mean()), (right,))


def _roc_auc(truth: "npt.NDArray[Any]", output: "Floats", classes: tuple[Any, ...]) -> Score:
    from scipy.stats import rankdata

    members, scores = truth == classes[1], output[:, 1]
    ranks = rankdata(scores)
    above = (ranks[members] - rankdata(scores[members])) / (~members).sum()
    below = 1 - (ranks[~members] - rankdata(scores[~members])) / members.sum()
    return Score(float(above.mean()), (above, below))


def _r2(truth: "npt.NDArray[Any]", output: "Floats", *_: Any) -> Score:
    variance = float(np.var(truth)) or 1.0
    explained = 1 - (truth - output) ** 2 / variance
    return Score(float(explained.mean()), (explained,))


_SCORES: dict[str, Callable[..., Score]] = {
    "accuracy": _accuracy,
    "roc_auc": _roc_auc,
    "r2": _r2,
}
