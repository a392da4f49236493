"""What stands at the end of a model's Pipeline."""

from typing import Any


def unwrapped(estimator: Any) -> Any:
    """Return the one estimator within a vote of one, which answers the same."""
    while type(estimator).__name__ in ("VotingClassifier", "VotingRegressor"):
        if len(estimator.estimators_) != 1:
            break
        estimator = estimator.estimators_[0]
    return estimator
