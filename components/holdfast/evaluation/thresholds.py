"""The probability from which on the second of two classes is answered."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError
from holdfast.performance.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RULES = {
    "f1": "the highest F1 of the second class",
    "youden": "the highest recall less false positive rate (Youden 1950)",
    "cost": "the lowest cost of false alarms and misses",
}


@dataclass(frozen=True)
class Rule:
    """How a threshold is chosen; `cost_ratio` is what a miss costs, in false alarms."""

    name: str = "f1"
    cost_ratio: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no rule.

        Raises:
            InputError: The name is not known, or the ratio is not above 0.
        """
        if self.name not in RULES:
            raise InputError(
                f"`threshold_rule` must be one of {list(RULES)}. Found: {self.name!r}. The usual "
                f"one is f1; without `validation`, none is used."
            )
        if not self.cost_ratio > 0:
            raise InputError(
                f"`cost_ratio` must be above 0: what a missed member of the second class costs, in "
                f"false alarms. Found: {self.cost_ratio}. Use 1 where both cost the same."
            )


def choose_threshold(validation: Predictions, rule: Rule) -> float:
    """Return the threshold that a rule finds best on validation rows of two classes.

    Raises:
        InputError: The validation rows have one class only.
    """
    import numpy as np
    from sklearn.metrics import roc_curve

    members = validation.truth_codes == 1
    positives = int(members.sum())
    negatives = len(members) - positives
    if not positives or not negatives:
        raise InputError(
            f"`validation` must hold rows of both classes to choose a threshold on. Found: "
            f"{len(members)} rows of one class. Pass a larger, stratified share."
        )
    scores = validation.probabilities[:, 1]
    fpr, tpr, thresholds = roc_curve(members, scores, drop_intermediate=False)
    worth = _worth(tpr * positives, fpr * negatives, positives, negatives, rule)
    # The first threshold, at which nothing is answered `yes`, is infinite, which JSON can't say.
    return float(min(thresholds[int(worth.argmax())], np.nextafter(1.0, 2.0)))


def _worth(
    hits: "npt.NDArray[np.float64]",
    alarms: "npt.NDArray[np.float64]",
    positives: int,
    negatives: int,
    rule: Rule,
) -> "npt.NDArray[Any]":
    if rule.name == "f1":
        return 2 * hits / (hits + alarms + positives)
    if rule.name == "youden":
        return hits / positives - alarms / negatives
    return -(alarms + rule.cost_ratio * (positives - hits))


def answer_from(predicted: Predictions, threshold: float) -> Predictions:
    """Return the predictions of two classes as they are answered from a threshold on."""
    import numpy as np

    labels = np.array(predicted.classes, dtype=predicted.answers.dtype)
    chosen = (predicted.probabilities[:, 1] >= threshold).astype(int)
    return replace(predicted, answers=labels[chosen])
