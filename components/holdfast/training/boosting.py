"""XGBoost: its parameters, checked, and how it is fitted."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from holdfast.documents import Document
from holdfast.training import threads
from holdfast.training.training_set import TrainingSet

if TYPE_CHECKING:
    from xgboost import XGBModel

Share = Annotated[float, Field(gt=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]


class Boosting(Document):
    """Parameters of XGBoost, by its own names; what is left out has XGBoost's own default."""

    n_estimators: Annotated[int, Field(ge=1)] = 300
    max_depth: Annotated[int, Field(ge=1)] = 6
    learning_rate: Share = 0.1
    subsample: Share = 1.0
    colsample_bytree: Share = 1.0
    colsample_bylevel: Share = 1.0
    colsample_bynode: Share = 1.0
    min_child_weight: NotNegative = 1.0
    max_delta_step: NotNegative = 0.0
    reg_alpha: NotNegative = 0.0
    reg_lambda: NotNegative = 1.0
    gamma: NotNegative = 0.0
    max_bin: Annotated[int, Field(ge=2)] = 256
    max_leaves: Annotated[int, Field(ge=0)] = 0
    grow_policy: Annotated[str, Field(pattern="^(depthwise|lossguide)$")] = "depthwise"


def unfitted(parameters: Boosting, classify: bool, seed: int, **more: Any) -> "XGBModel":
    """Return an estimator by the parameters that were asked for; the rest is XGBoost's default."""
    from xgboost import XGBClassifier, XGBRegressor

    kind = XGBClassifier if classify else XGBRegressor
    asked = parameters.model_dump(exclude_unset=True)
    basic = {
        key: getattr(parameters, key) for key in ("n_estimators", "max_depth", "learning_rate")
    }
    return kind(**(basic | asked), random_state=seed, **more)


def fit(
    estimator: "XGBModel",
    training_set: TrainingSet,
    validation: TrainingSet | None = None,
    previous: Any = None,
) -> "XGBModel":
    """Fit with the threads that help; validation rows are judged after each round.

    Args:
        estimator: The unfitted estimator.
        training_set: Rows to learn from.
        validation: Rows to judge by.
        previous: A Booster to go on from.
    """
    count = threads.worth(training_set.inputs.size)
    pace = [threads.faster(count)] if count > 1 else []
    estimator.set_params(n_jobs=count, callbacks=[*(estimator.callbacks or []), *pace] or None)
    judged: dict[str, Any] = {}
    if validation is not None:
        judged["eval_set"] = [(validation.inputs, validation.target)]
        weighted = validation.weights is not None
        judged["sample_weight_eval_set"] = [validation.weights] if weighted else None
    return estimator.fit(
        training_set.inputs,
        training_set.target,
        sample_weight=training_set.weights,
        verbose=False,
        xgb_model=previous,
        **judged,
    )


def forget_machine(trees: "XGBModel") -> "XGBModel":
    """Forget how the machine trained: serving has its own CPUs, and the bytes are the trees'."""
    trees.get_booster().set_param({"nthread": 0})
    if hasattr(trees, "evals_result_"):
        del trees.evals_result_
    return trees.set_params(n_jobs=None, callbacks=None, early_stopping_rounds=None)


def with_labels(trees: Any, classes: tuple[Any, ...]) -> Any:
    """Return a classifier that answers in the target's own labels.

    XGBoost demands class numbers. A VotingClassifier of one is scikit-learn's own estimator that
    decodes them on the way out: the saved model needs no code of ours.
    """
    import numpy as np
    from sklearn.ensemble import VotingClassifier
    from sklearn.preprocessing import LabelEncoder
    from sklearn.utils import Bunch

    # Labels of text are objects, as Arrow hands them out.
    kind = object if isinstance(classes[0], str) else None
    labels = LabelEncoder().fit(np.array(classes, dtype=kind))
    voting = VotingClassifier([("xgboost", trees)], voting="soft")
    voting.estimators_ = [trees]
    voting.named_estimators_ = Bunch(xgboost=trees)
    voting.le_ = labels
    voting.classes_ = labels.classes_
    return voting
