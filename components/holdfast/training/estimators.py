"""The estimators that may be trained, by name: XGBoost and an allow-list of scikit-learn's.

What an estimator can't do without is put before it in the Pipeline: missing values are replaced by
the median where it refuses them, and inputs are scaled to mean 0 and variance 1 where it takes them
for measures on one scale. Classifiers without probabilities are calibrated (Platt 1999).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict

from holdfast.documents import Document, read_document
from holdfast.errors import InputError, first_line
from holdfast.model import Model
from holdfast.threads import limited
from holdfast.training import boosting, threads
from holdfast.training.boosting import Boosting
from holdfast.training.training_set import TrainingSet

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

XGBOOST = "xgboost"
# Trees split on missing values and codes as they are; some of scikit-learn's refuse missing ones.
Preparation = Literal["", "impute", "scale"]
# Set by the step itself, or without a meaning in it.
NOT_PARAMETERS = ("n_jobs", "random_state", "verbose", "warm_start", "verbose_interval", "copy_X")

FORESTS = (
    "RandomForestClassifier",
    "RandomForestRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
)


@dataclass(frozen=True)
class Kind:
    """What has to be known of an estimator."""

    module: str
    preparation: Preparation = ""
    calibrated: bool = False


CLASSIFIERS = {
    "LogisticRegression": Kind("sklearn.linear_model", "scale"),
    "RidgeClassifier": Kind("sklearn.linear_model", "scale", calibrated=True),
    "LinearSVC": Kind("sklearn.svm", "scale", calibrated=True),
    "SGDClassifier": Kind("sklearn.linear_model", "scale", calibrated=True),
    "LinearDiscriminantAnalysis": Kind("sklearn.discriminant_analysis", "scale"),
    "GaussianNB": Kind("sklearn.naive_bayes", "scale"),
    "KNeighborsClassifier": Kind("sklearn.neighbors", "scale"),
    "MLPClassifier": Kind("sklearn.neural_network", "scale"),
    "DecisionTreeClassifier": Kind("sklearn.tree"),
    "RandomForestClassifier": Kind("sklearn.ensemble"),
    "ExtraTreesClassifier": Kind("sklearn.ensemble"),
    "GradientBoostingClassifier": Kind("sklearn.ensemble", "impute"),
    "AdaBoostClassifier": Kind("sklearn.ensemble", "impute"),
    "HistGradientBoostingClassifier": Kind("sklearn.ensemble"),
    "DummyClassifier": Kind("sklearn.dummy"),
}
REGRESSORS = {
    "LinearRegression": Kind("sklearn.linear_model", "scale"),
    "Ridge": Kind("sklearn.linear_model", "scale"),
    "Lasso": Kind("sklearn.linear_model", "scale"),
    "ElasticNet": Kind("sklearn.linear_model", "scale"),
    "HuberRegressor": Kind("sklearn.linear_model", "scale"),
    "QuantileRegressor": Kind("sklearn.linear_model", "scale"),
    "PoissonRegressor": Kind("sklearn.linear_model", "scale"),
    "GammaRegressor": Kind("sklearn.linear_model", "scale"),
    "SGDRegressor": Kind("sklearn.linear_model", "scale"),
    "LinearSVR": Kind("sklearn.svm", "scale"),
    "KNeighborsRegressor": Kind("sklearn.neighbors", "scale"),
    "MLPRegressor": Kind("sklearn.neural_network", "scale"),
    "DecisionTreeRegressor": Kind("sklearn.tree"),
    "RandomForestRegressor": Kind("sklearn.ensemble"),
    "ExtraTreesRegressor": Kind("sklearn.ensemble"),
    "GradientBoostingRegressor": Kind("sklearn.ensemble", "impute"),
    "AdaBoostRegressor": Kind("sklearn.ensemble", "impute"),
    "HistGradientBoostingRegressor": Kind("sklearn.ensemble"),
    "DummyRegressor": Kind("sklearn.dummy"),
}


class AnyParameters(Document):
    """Parameters by name, to be checked by the estimator that they are for."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True)
class EstimatorSpec:
    """An estimator by name and its parameters, checked; `seed` decides what is left to chance."""

    name: str
    parameters: Mapping[str, Any]
    classify: bool
    seed: int

    def steps(self) -> list[tuple[str, Any]]:
        """Return the unfitted steps from a transformer's outputs to answers.

        Raises:
            InputError: There is no such estimator, or its parameters are not good.
        """
        if self.name == XGBOOST:
            wanted = read_document(json.dumps(dict(self.parameters)), Boosting, "parameters")
            return [("estimator", boosting.unfitted(wanted, self.classify, self.seed))]
        kind = _kind(self.name, self.classify)
        return [*_preparing(kind.preparation), ("estimator", self._estimator(kind))]

    def _estimator(self, kind: Kind) -> Any:
        estimator = getattr(import_module(kind.module), self.name)()
        known = [name for name in estimator.get_params(deep=False) if name not in NOT_PARAMETERS]
        unknown = [name for name in self.parameters if name not in known]
        if unknown:
            raise InputError(
                f"`parameters` must name parameters of {self.name}. Found: {unknown[:10]}. "
                f"Known: {known}. The seed is a parameter of the step."
            )
        estimator.set_params(**self.parameters)
        has = estimator.get_params(deep=False)
        estimator.set_params(**({"random_state": self.seed} if "random_state" in has else {}))
        _check_values(estimator)
        return _calibrated(estimator, self.seed) if kind.calibrated else estimator

    def fit(self, training_set: TrainingSet, labels: Any = None) -> "Pipeline":
        """Fit the steps.

        Args:
            training_set: Rows to learn from.
            labels: The target in place of the class numbers; not for XGBoost.

        Raises:
            InputError: The estimator does not take such parameters, weights or a target.
        """
        from sklearn.pipeline import Pipeline

        *preparing, (name, estimator) = self.steps()
        if self.name == XGBOOST:
            return Pipeline([(name, boosting.fit(estimator, training_set))])
        inputs, target = training_set.inputs, training_set.target if labels is None else labels
        for _, step in preparing:
            inputs = step.fit_transform(inputs)
        weights = _weights(estimator, training_set, self.name)
        count = threads.worth(inputs.size)
        # Of the others n_jobs changes nothing, or only what is asked of a model later.
        forest = {"n_jobs": count} if self.name in FORESTS else {}
        estimator.set_params(**forest)
        try:
            with limited(count):
                estimator.fit(inputs, target, **weights)
        except (ValueError, NotImplementedError) as error:
            raise InputError(
                f"{self.name} must be able to learn from `train` with these `parameters`. Found: "
                f"{first_line(error)} Change the parameters or the estimator."
            ) from error
        estimator.set_params(**dict.fromkeys(forest))
        return Pipeline([*preparing, (name, estimator)])


def read_spec(name: str, text: str, classify: bool, seed: int) -> EstimatorSpec:
    """Return a spec whose parameters are good.

    Raises:
        InputError: There is no such estimator, or its parameters are not good.
    """
    parameters = read_document(text, AnyParameters, "parameters").model_extra or {}
    spec = EstimatorSpec(name, parameters, classify, seed)
    spec.steps()
    return spec


def refuse_codes(transformer: Model, name: str) -> None:
    """Refuse ordinal codes of three or more values where an estimator takes them for measures."""
    kind = (CLASSIFIERS | REGRESSORS).get(name)
    if kind is None or kind.preparation != "scale":
        return
    codes = coded(transformer)
    if codes:
        raise InputError(
            f"{name} takes numbers for measures, and `transformer` hands on ordinal codes, whose "
            f"order means nothing. Found: codes for {codes[:10]}. Fit it with `encode: one_hot` or "
            f"`encode: target` for them in `features`, or choose trees."
        )


def coded(transformer: Model) -> list[str]:
    """Return the columns that a transformer turns into ordinal codes of three or more values."""
    import pandas as pd
    from sklearn.preprocessing import OrdinalEncoder

    found = []
    for _, step, names in transformer.pipeline["columns"].transformers_:
        last = step[-1] if hasattr(step, "steps") else step
        if isinstance(last, OrdinalEncoder):
            sizes = [len(values) - int(pd.isna(values).sum()) for values in last.categories_]
            found += [name for name, size in zip(names, sizes, strict=False) if size > 2]
    return found


def _kind(name: str, classify: bool) -> Kind:
    known = CLASSIFIERS if classify else REGRESSORS
    if name not in known:
        task = "classification" if classify else "regression"
        raise InputError(
            f"`estimator` must name an estimator for {task}. Found: {name!r}. Known: "
            f"{sorted(known)}."
        )
    return known[name]


def _preparing(preparation: Preparation) -> list[tuple[str, Any]]:
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import StandardScaler

    # A feature that is always missing stays, as zeros: the columns keep their places.
    impute = ("impute", SimpleImputer(strategy="median", keep_empty_features=True))
    steps: dict[Preparation, list[tuple[str, Any]]] = {
        "": [],
        "impute": [impute],
        "scale": [impute, ("scale", StandardScaler())],
    }
    return steps[preparation]


def _check_values(estimator: Any) -> None:
    # Internals of scikit-learn 1.9, which checks values in public only when it fits.
    from sklearn.utils._param_validation import InvalidParameterError

    try:
        estimator._validate_params()
    except InvalidParameterError as error:
        raise InputError(f"`parameters` must be in range: {error}") from error


def _calibrated(estimator: Any, seed: int) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return CalibratedClassifierCV(estimator, method="sigmoid", cv=folds)


def _weights(estimator: Any, training_set: TrainingSet, name: str) -> dict[str, Any]:
    from sklearn.utils.validation import has_fit_parameter

    if training_set.weights is None:
        return {}
    if not has_fit_parameter(estimator, "sample_weight"):
        raise InputError(
            f"{name} counts every row alike: `sample_weight` must be empty and `class_weight` "
            f"none. Found: weights. Choose another estimator, or none of them."
        )
    return {"sample_weight": training_set.weights}
