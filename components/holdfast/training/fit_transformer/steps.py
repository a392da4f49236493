"""A plan as one unfitted ColumnTransformer of scikit-learn's and feature-engine's steps.

Only types that skops builds from a named list are used, and none of ours, so that MLflow alone can
load the model. feature-engine has what scikit-learn lacks (parts of dates, clipping to quantiles,
frequencies) and weighs 2 MB; skrub has no clipping and no month ends, category_encoders no dates.
"""

from collections.abc import Iterator
from math import tau
from typing import TYPE_CHECKING, Any

from holdfast.table import Task
from holdfast.training.fit_transformer.grammar import Categorical, Dates, Numeric, Words
from holdfast.training.fit_transformer.plan import Group, Plan

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

PERIODS = {
    "month": 12,
    "day_of_month": 31,
    "day_of_week": 7,
    "day_of_year": 366,
    "hour": 24,
    "minute": 60,
}


def make_steps(plan: Plan, task: Task) -> "Pipeline":
    """Return the unfitted transformer of a plan."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    steps = [step for group in plan.groups for step in _steps(group, plan.seed, task)]
    # Dense: XGBoost would take the zeros of a sparse matrix for missing values.
    columns = ColumnTransformer(steps, sparse_threshold=0, verbose_feature_names_out=False)
    return Pipeline([("columns", columns)])


def _steps(group: Group, seed: int, task: Task) -> Iterator[tuple[str, Any, list[str]]]:
    """Yield name, step and columns."""
    entry = group.entry
    if isinstance(entry, Numeric):
        yield group.name, _numeric(entry), entry.columns
        if entry.indicator:
            yield f"{group.name}_missing", _indicator(), entry.columns
    elif isinstance(entry, Categorical):
        yield group.name, _categorical(entry, seed, task), entry.columns
    elif isinstance(entry, Dates):
        for name, step in _dates(entry):
            yield f"{group.name}{name}", step, entry.columns
    elif isinstance(entry, Words):
        for number, column in enumerate(entry.columns, 1):
            yield f"{group.name}_{number}", _words(entry, column), [column]


def _numeric(entry: Numeric) -> Any:
    from sklearn.pipeline import Pipeline

    steps = [*_cleaned(entry), *_shaped(entry), *_scaled(entry)]
    return Pipeline(steps) if steps else "passthrough"


def _cleaned(entry: Numeric) -> Iterator[tuple[str, Any]]:
    import numpy as np
    from sklearn.impute import SimpleImputer

    if entry.clip is not None:
        from feature_engine.outliers import Winsorizer

        yield "clip", Winsorizer("quantiles", "both", entry.clip, missing_values="ignore")
    if entry.log:
        yield "positive", _function(np.clip, a_min=0, a_max=None)
        yield "log", _function(np.log1p)
    if isinstance(entry.impute, str):
        yield "impute", SimpleImputer(strategy=entry.impute, keep_empty_features=True)
    elif entry.impute is not None:
        yield (
            "impute",
            SimpleImputer(
                strategy="constant", fill_value=float(entry.impute), keep_empty_features=True
            ),
        )


def _shaped(entry: Numeric) -> Iterator[tuple[str, Any]]:
    from sklearn.preprocessing import KBinsDiscretizer, PolynomialFeatures

    if entry.bins is not None:
        encode = "onehot-dense" if entry.one_hot else "ordinal"
        yield (
            "bins",
            KBinsDiscretizer(
                entry.bins,
                encode=encode,
                quantile_method="averaged_inverted_cdf",
                subsample=None,
            ),
        )
    if entry.polynomial is not None or entry.interactions:
        yield (
            "products",
            PolynomialFeatures(
                entry.polynomial or 2, interaction_only=entry.interactions, include_bias=False
            ),
        )


def _scaled(entry: Numeric) -> Iterator[tuple[str, Any]]:
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

    if entry.scale is not None:
        scalers = {"standard": StandardScaler, "minmax": MinMaxScaler, "robust": RobustScaler}
        yield "scale", scalers[entry.scale]()


def _indicator() -> Any:
    from sklearn.impute import MissingIndicator

    return MissingIndicator(features="all")


def _categorical(entry: Categorical, seed: int, task: Task) -> Any:
    from sklearn.preprocessing import OneHotEncoder

    if entry.encode == "ordinal":
        return _ordinal(entry)
    if entry.encode == "target":
        return _target(entry, seed, task)
    if entry.encode == "frequency":
        from feature_engine.encoding import CountFrequencyEncoder

        return CountFrequencyEncoder(
            "frequency", missing_values="ignore", ignore_format=True, unseen="encode"
        )
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=entry.min_frequency,
        max_categories=entry.max_categories,
        sparse_output=False,
    )


def _ordinal(entry: Categorical) -> Any:
    import numpy as np
    from sklearn.preprocessing import OrdinalEncoder

    order = [np.array([*entry.order, np.nan], dtype=object)] if entry.order else "auto"
    return OrdinalEncoder(
        categories=order,
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=np.nan,
        min_frequency=entry.min_frequency,
        max_categories=entry.max_categories,
    )


def _target(entry: Categorical, seed: int, task: Task) -> Any:
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    classify = task == "classification"
    folds = (StratifiedKFold if classify else KFold)(entry.folds, shuffle=True, random_state=seed)
    return TargetEncoder(
        target_type="auto" if classify else "continuous",
        smooth="auto" if entry.smooth is None else entry.smooth,
        cv=folds,
    )


def _dates(entry: Dates) -> Iterator[tuple[str, Any]]:
    from sklearn.pipeline import FeatureUnion

    flags = [flag for flag in entry.flags or [] if flag != "weekend"]
    if entry.parts or flags:
        yield "", _parts([*(entry.parts or []), *flags])
    if "weekend" in (entry.flags or []):
        # feature-engine's own takes a missing date for a weekend.
        yield "_weekend", FeatureUnion([("weekend", _turned("day_of_week", [4, 5], [0, 1]))])
    for part in entry.cyclic:
        turn = [0, PERIODS[part]], [0, tau]
        waves = [("sin", _turned(part, *turn, "sin")), ("cos", _turned(part, *turn, "cos"))]
        yield f"_{part}", FeatureUnion(waves)


def _turned(part: str, values: list[int], become: list[float], wave: str = "") -> Any:
    """Return the part of a date as a number between two, or its sine or cosine."""
    import numpy as np
    from sklearn.pipeline import Pipeline

    steps = [("part", _parts([part])), ("turn", _function(np.interp, xp=values, fp=become))]
    return Pipeline([*steps, (wave, _function(getattr(np, wave)))] if wave else steps)


def _parts(names: list[str]) -> Any:
    from feature_engine.datetime import DatetimeFeatures

    return DatetimeFeatures(missing_values="ignore", features_to_extract=names)


def _words(entry: Words, column: str) -> Any:
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import FeatureUnion, Pipeline

    words = TfidfVectorizer(
        max_features=entry.max_features, min_df=entry.min_rows, ngram_range=(1, entry.words)
    )
    # The vectorizer reads one column of strings, and no missing value.
    filled = SimpleImputer(strategy="constant", fill_value="", keep_empty_features=True)
    steps = [("impute", filled), ("column", _function(np.ravel)), ("tfidf", words)]
    # A union for the name: whose words they are.
    return FeatureUnion([(f"tfidf_{column.replace('__', '_')}", Pipeline(steps))])


def _function(function: Any, **arguments: Any) -> Any:
    """Return a function of numpy's as a step; skops writes it as its name."""
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(function, feature_names_out="one-to-one", kw_args=arguments or None)
