"""Train XGBoost on transformed features and join both in one Pipeline."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError
from holdfast.model import Model, feature_frame, require_features
from holdfast.table import Table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def train(
    table: Table,
    transformer: Model,
    n_estimators: int,
    max_depth: int,
    learning_rate: float,
    seed: int,
) -> Model:
    """Train a classifier or a regressor, as the table's task says.

    Args:
        table: The training share, which the transformer was fitted on.
        transformer: A fitted transformer.
        n_estimators: Number of trees, at least 1.
        max_depth: Depth of a tree, at least 1.
        learning_rate: Above 0, up to 1.
        seed: Seed of XGBoost.

    Returns:
        A Pipeline from the raw features to labels (and probabilities) or numbers.

    Raises:
        InputError: A parameter is out of range, or the table does not fit the transformer.
    """
    import joblib
    from sklearn.pipeline import Pipeline

    _check_range("n_estimators", n_estimators, n_estimators >= 1, "at least 1")
    _check_range("max_depth", max_depth, max_depth >= 1, "at least 1")
    _check_range("learning_rate", learning_rate, 0 < learning_rate <= 1, "above 0 and at most 1")
    table.require_target("train")
    require_features(table, transformer, "train")
    features = transformer.info.features
    rows = table.read([*features, table.target])
    inputs = transformer.pipeline.transform(feature_frame(rows, features))
    target = rows.column(table.target).to_numpy()
    parameters = {
        "n_estimators": n_estimators,
        "max_depth": max_depth,
        "learning_rate": learning_rate,
        "random_state": seed,
        # joblib knows the container's quota; XGBoost's answer does not depend on the number.
        "n_jobs": joblib.cpu_count(),
    }
    classify = table.task == "classification"
    estimator = (_classifier if classify else _regressor)(inputs, target, parameters)
    pipeline = Pipeline([*transformer.pipeline.steps, ("estimator", estimator)])
    classes = tuple(estimator.classes_.tolist()) if classify else ()
    return Model(pipeline, replace(transformer.info, classes=classes, trained_on=table.sha256))


def _classifier(
    inputs: "npt.NDArray[np.float64]", target: "npt.NDArray[Any]", parameters: dict[str, Any]
) -> Any:
    """Train on class numbers, which XGBoost demands, and answer in the target's own labels.

    A VotingClassifier of one is scikit-learn's own estimator that encodes labels on the way in and
    decodes them on the way out: the saved model needs no code of ours.
    """
    from sklearn.ensemble import VotingClassifier
    from sklearn.preprocessing import LabelEncoder
    from sklearn.utils import Bunch
    from xgboost import XGBClassifier

    labels = LabelEncoder().fit(target)
    trees = XGBClassifier(**parameters).fit(inputs, labels.transform(target))
    voting = VotingClassifier([("xgboost", trees)], voting="soft")
    voting.estimators_ = [trees]
    voting.named_estimators_ = Bunch(xgboost=trees)
    voting.le_ = labels
    voting.classes_ = labels.classes_
    return voting


def _regressor(
    inputs: "npt.NDArray[np.float64]", target: "npt.NDArray[Any]", parameters: dict[str, Any]
) -> Any:
    from xgboost import XGBRegressor

    return XGBRegressor(**parameters).fit(inputs, target)


def _check_range(name: str, value: float, good: bool, expected: str) -> None:
    if not good:
        raise InputError(f"`{name}` must be {expected}. Found: {value}.")
