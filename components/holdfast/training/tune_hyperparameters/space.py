"""Search spaces, as people write them.

The grammar, by example; a plain value is fixed:

    learning_rate: {low: 0.01, high: 0.3, log: true}
    max_depth: {low: 3, high: 10}                 # whole numbers, as low and high are
    n_estimators: {low: 100, high: 1000, step: 100}
    grow_policy: {choices: [depthwise, lossguide]}
    max_bin: 128
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from holdfast.documents import Document, read_document
from holdfast.errors import InputError
from holdfast.training.estimators import XGBOOST, AnyParameters

if TYPE_CHECKING:
    from optuna import Trial

Scalar = str | int | float | bool | None


class Dimension(Document):
    """What one parameter may be: a range with its ends, or one of a few choices."""

    low: int | float | None = None
    high: int | float | None = None
    step: int | float | None = None
    log: bool = False
    choices: list[Scalar] | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "Dimension":
        ranged = self.low is not None and self.high is not None
        if (self.choices is None) != ranged:
            raise ValueError("low and high are needed, or choices")
        if self.choices is not None:
            if not self.choices or self.log or self.step is not None or self.low is not None:
                raise ValueError("choices must not be empty, and stand alone")
            return self
        if self.low >= self.high:  # type: ignore[operator]
            raise ValueError("low must be below high")
        if self.log and (self.low <= 0 or self.step is not None):  # type: ignore[operator]
            raise ValueError("log needs low above 0 and no step")
        return self

    def suggest(self, trial: "Trial", name: str) -> Any:
        """Let Optuna choose a value."""
        if self.choices is not None:
            return trial.suggest_categorical(name, self.choices)
        whole = all(isinstance(end, int) for end in (self.low, self.high, self.step or 1))
        if whole:
            return trial.suggest_int(name, self.low, self.high, step=self.step or 1, log=self.log)
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)


@dataclass(frozen=True)
class Space:
    """What is searched, what is fixed, and the trials that the search begins with."""

    searched: dict[str, Dimension]
    fixed: dict[str, Any]
    start: tuple[dict[str, Any], ...]

    def suggest(self, trial: "Trial") -> dict[str, Any]:
        """Return the parameters of a trial."""
        chosen = {name: each.suggest(trial, name) for name, each in self.searched.items()}
        return {**self.fixed, **chosen}

    def describe(self) -> dict[str, Any]:
        """Return the space as it could have been written."""
        ranges = {
            name: each.model_dump(exclude_defaults=True) for name, each in self.searched.items()
        }
        return {**self.fixed, **ranges}


XGBOOST_SPACE = """
n_estimators: {low: 100, high: 1000}
max_depth: {low: 3, high: 9}
learning_rate: {low: 0.02, high: 0.3, log: true}
subsample: {low: 0.6, high: 1.0}
colsample_bytree: {low: 0.4, high: 1.0}
min_child_weight: {low: 1.0, high: 20.0, log: true}
reg_lambda: {low: 0.1, high: 10.0, log: true}
"""
# First the defaults of train_xgboost: what is found is never worse than they are on the same folds.
# Then what is usual where rows are noisy: more, smaller and more different trees.
XGBOOST_START = (
    {
        "n_estimators": 300,
        "max_depth": 6,
        "learning_rate": 0.1,
        "subsample": 1.0,
        "colsample_bytree": 1.0,
        "min_child_weight": 1.0,
        "reg_lambda": 1.0,
    },
    {
        "n_estimators": 600,
        "max_depth": 5,
        "learning_rate": 0.05,
        "subsample": 0.8,
        "colsample_bytree": 0.6,
        "min_child_weight": 3.0,
        "reg_lambda": 1.0,
    },
)


def read_space(text: str, estimator: str) -> Space:
    """Return what YAML says is to be searched; a good default for XGBoost where it is empty.

    Raises:
        InputError: The text is not of the grammar, nothing is searched, or there is no default.
    """
    if not text.strip() and estimator != XGBOOST:
        raise InputError(
            f"`space` must say what to search: only xgboost has a default. Found: nothing for "
            f"{estimator}. Write for example `C: {{low: 0.01, high: 100.0, log: true}}`."
        )
    entries = read_document(text.strip() or XGBOOST_SPACE, AnyParameters, "space").model_extra or {}
    searched, fixed = {}, {}
    for name, entry in entries.items():
        if isinstance(entry, dict):
            searched[name] = read_document(json.dumps(entry), Dimension, f"space: {name}")
        else:
            fixed[name] = entry
    if not searched:
        raise InputError(
            f"`space` must leave something to be searched. Found: fixed values for {list(fixed)}. "
            f"Give a parameter a range, `{{low: ..., high: ...}}`."
        )
    return Space(searched, fixed, () if text.strip() else XGBOOST_START)
