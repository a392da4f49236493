"""Truth and a model's answers for the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from holdfast.table import Task

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Predictions:
    """Truth and answers of a model for the same rows, in the order of the table.

    `classes` are the labels in the order of the columns of `probabilities`; both are empty for
    regression.
    """

    task: Task
    truth: "npt.NDArray[Any]"
    answers: "npt.NDArray[Any]"
    probabilities: "npt.NDArray[np.float64]"
    classes: tuple[Any, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.truth)

    @property
    def binary(self) -> bool:
        """Whether there are two classes; the second one is the positive one."""
        return len(self.classes) == 2

    @cached_property
    def truth_codes(self) -> "npt.NDArray[np.intp]":
        """The place of each row's true class among `classes`."""
        return codes(self.truth, self.classes)

    @cached_property
    def answer_codes(self) -> "npt.NDArray[np.intp]":
        """The place of each row's answer among `classes`."""
        return codes(self.answers, self.classes)

    def take(self, rows: "npt.NDArray[Any]") -> "Predictions":
        """Return the predictions for some of the rows."""
        return replace(
            self,
            truth=self.truth[rows],
            answers=self.answers[rows],
            probabilities=self.probabilities[rows] if self.classes else self.probabilities,
        )


def codes(labels: "npt.NDArray[Any]", classes: Sequence[Any]) -> "npt.NDArray[np.intp]":
    """Return the place of each label among the classes, -1 where it is none of them."""
    import pandas as pd

    return pd.Index(list(classes)).get_indexer(pd.Index(labels))
