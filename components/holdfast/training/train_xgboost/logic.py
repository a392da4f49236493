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
        InputError: A parameter is out of range, the table does not fit the transformer, or one of
            the two comes from a locked holdout.
    """
    import joblib
    from sklearn.pipeline import Pipeline

    _check_range("n_estimators", n_estimators, n_estimators >= 1, "at least 1")
    _check_range("max_depth", max_depth, max_depth >= 1, "at least 1")
    _check_range("learning_rate", learning_rate, 0 < learning_rate <= 1, "above 0 and at most 1")
    _check_lock(table, transformer)
    table.require_target("train")
    require_features(table, transformer, "train")
    features = transformer.info.features
    rows = table.read([*features, table.target])
    inputs = transformer.pipeline.transform(feature_frame(rows, features))
    _check_finite(inputs, transformer)
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
    holdout = table.holdout or transformer.info.holdout_sha256
    info = replace(
        transformer.info, classes=classes, trained_on=table.sha256, holdout_sha256=holdout
    )
    return Model(pipeline, info)


def _check_lock(table: Table, transformer: Model) -> None:
    """Refuse a locked holdout as training table, and a transformer that learned from one."""
    table.require_trainable("train", transformer.info.holdout_sha256)
    if table.holdout and table.holdout == transformer.info.trained_on:
        raise InputError(
            "`transformer` must not have learned from the locked holdout of the split that `train` "
            "is of. Found: the holdout's sha256 as the table it was fitted on. Fit it to the "
            "training share."
        )


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
    if len(labels.classes_) < 2:
        raise InputError(
            f"`train` must hold at least two classes. Found: {labels.classes_.tolist()} in "
            f"{len(target)} rows. Pass a split in which training has every class."
        )
    trees = _on_any_cpus(XGBClassifier(**parameters).fit(inputs, labels.transform(target)))
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

    return _on_any_cpus(XGBRegressor(**parameters).fit(inputs, target))


def _on_any_cpus(trees: Any) -> Any:
    """Forget how many CPUs trained: serving has its own, and the same trees are the same bytes."""
    trees.get_booster().set_param({"nthread": 0})
    return trees.set_params(n_jobs=None)


def _check_finite(inputs: "npt.NDArray[np.float64]", transformer: Model) -> None:
    import numpy as np

    if not len(inputs):
        raise InputError("`train` must hold rows. Found: none. Pass the training share of a split.")
    names = transformer.pipeline.get_feature_names_out()
    infinite = names[np.isinf(inputs).any(axis=0)].tolist()
    if infinite:
        raise InputError(
            f"`train` must hold finite numbers or missing values. Found: infinity in "
            f"{infinite[:10]}. Replace it at the source, for example by a missing value."
        )


def _check_range(name: str, value: float, good: bool, expected: str) -> None:
    if not good:
        raise InputError(f"`{name}` must be {expected}. Found: {value}.")
