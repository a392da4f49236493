"""How well answers fit the truth, by scikit-learn's metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError
from holdfast.table import Task

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# By task: the metrics, and whether higher is better; the first one is the task's usual.
METRICS = {
    "classification": {
        "roc_auc": True,
        "average_precision": True,
        "log_loss": False,
        "accuracy": True,
        "balanced_accuracy": True,
        "f1": True,
    },
    "regression": {"r2": True, "rmse": False, "mae": False},
}


@dataclass(frozen=True)
class Metric:
    """A metric by which estimators are compared."""

    name: str
    higher_is_better: bool


def choose(metric: str, task: Task) -> Metric:
    """Return a metric of the task, the usual one for an empty name.

    Raises:
        InputError: The task has no such metric.
    """
    known = METRICS[task or "regression"]
    name = metric or next(iter(known))
    if name not in known:
        raise InputError(f"`metric` must be one of {list(known)} for {task}. Found: {metric!r}.")
    return Metric(name, known[name])


def score(
    target: "npt.NDArray[Any]", answers: "npt.NDArray[np.float64]", classes: Sequence[Any]
) -> dict[str, float]:
    """Return every metric of the task that these rows allow.

    Args:
        target: Class numbers, or the true values of a regression.
        answers: A probability for each class, or the predicted values.
        classes: The labels; empty for regression.
    """
    return _classification(target, answers) if len(classes) else _regression(target, answers)


def _classification(
    target: "npt.NDArray[Any]", answers: "npt.NDArray[np.float64]"
) -> dict[str, float]:
    import numpy as np
    from sklearn import metrics

    numbers = list(range(answers.shape[1]))
    chosen = answers.argmax(axis=1)
    # A class that is in none or in all of these rows has no curve.
    judged = [1] if len(numbers) == 2 else numbers
    judged = [n for n in judged if 0 < (target == n).sum() < len(target)]
    # XGBoost's are of single precision, and sum to 1 only nearly.
    shares = answers / answers.sum(axis=1, keepdims=True)
    found = {
        "log_loss": metrics.log_loss(target, shares, labels=numbers),
        "accuracy": metrics.accuracy_score(target, chosen),
        "balanced_accuracy": metrics.recall_score(
            target, chosen, labels=np.unique(target), average="macro", zero_division=0
        ),
        "f1": metrics.f1_score(target, chosen, labels=numbers, average="macro", zero_division=0),
    }
    for name, curve in (
        ("roc_auc", metrics.roc_auc_score),
        ("average_precision", metrics.average_precision_score),
    ):
        areas = [curve(target == n, answers[:, n]) for n in judged]
        found |= {name: np.mean(areas)} if areas else {}
    return {name: float(value) for name, value in found.items()}


def _regression(target: "npt.NDArray[Any]", answers: "npt.NDArray[np.float64]") -> dict[str, float]:
    from sklearn import metrics

    found = {
        "rmse": float(metrics.root_mean_squared_error(target, answers)),
        "mae": float(metrics.mean_absolute_error(target, answers)),
    }
    if len(target) > 1:
        found["r2"] = float(metrics.r2_score(target, answers))
    return found
