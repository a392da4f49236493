"""SHAP values of a model's raw columns (Lundberg and Lee 2017, Lundberg et al. 2020).

For each row, what each column adds to or takes from the mean answer, so that the base value and
the contributions sum to the answer: local accuracy. Trees and linear models are exact; that they
are is checked on every row explained, and where it fails, or for any other estimator, permutations
of the raw columns are sampled through the whole Pipeline.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from holdfast.evaluation.explain_model import columns
from holdfast.evaluation.explain_model.shap_library import shap
from holdfast.model import Model, unwrapped

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats: TypeAlias = npt.NDArray[np.float64]

# TreeSHAP costs leaves x depth^2 for each row: about half a minute of one core.
TREE_WORK = 10**10
# Contributions held at a time: rows x columns x classes.
MAX_VALUES = 3 * 10**7
# Rows that the permutation explainer sends through the Pipeline.
MAX_CALLS = 300_000
# Each row it explains is a call of the Pipeline of its own.
MAX_SAMPLED_ROWS = 200
BACKGROUND_ROWS = 20
CHUNK_ROWS = 1000
# XGBoost adds up single precision.
TOLERANCE = 1e-3
LOG_ODDS = "log odds"
SOFTMAX = "softmax score"
UNIT = "the target's unit"
# XGBoost's objectives whose margin is the answer itself.
IDENTITIES = frozenset(
    {"reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror"}
)
TREES = frozenset(
    f"{name}{kind}"
    for name in (
        "RandomForest",
        "ExtraTrees",
        "DecisionTree",
        "ExtraTree",
        "GradientBoosting",
        "HistGradientBoosting",
    )
    for kind in ("Classifier", "Regressor")
)


@dataclass(frozen=True)
class Attribution:
    """SHAP values of some rows.

    Attributes:
        method: How they were worked out, in words.
        scale: What contributions are measured in.
        outputs: What is explained: the second of two classes, each of more, or the target.
        values: Contributions, rows by columns by outputs.
        base: The mean answer, by output.
        answers: The model's answer on the scale, rows by outputs.
    """

    method: str
    scale: str
    outputs: tuple[str, ...]
    values: "Floats"
    base: "Floats"
    answers: "Floats"

    @property
    def gap(self) -> float:
        """The largest difference between base and contributions together, and the answer."""
        import numpy as np

        return float(np.abs(self.base + self.values.sum(axis=1) - self.answers).max(initial=0))

    @property
    def accurate(self) -> bool:
        """Whether contributions sum to the answer, up to rounding."""
        import numpy as np

        return self.gap <= TOLERANCE * max(1.0, float(np.abs(self.answers).max(initial=0)))

    @property
    def importance(self) -> "Floats":
        """Mean absolute contribution by column: over rows, then over outputs."""
        return self.by_output.mean(axis=1)

    @property
    def by_output(self) -> "Floats":
        """Mean absolute contribution by column and output."""
        import numpy as np

        return np.abs(self.values).mean(axis=0)


@dataclass(frozen=True)
class Exact:
    """An exact explainer: from transformed rows to contributions (rows, inputs, outputs)."""

    method: str
    scale: str
    base: "Floats"
    values: "Callable[[Floats], Floats]"
    answers: "Callable[[Floats], Floats]"
    work_per_row: int = 0


def attribute(model: Model, frame: "pd.DataFrame", seed: int) -> Attribution:
    """Return the SHAP values of the first rows of a frame, as many as the budget allows.

    Args:
        model: The model.
        frame: Rows as the model reads them, in random order or all that there are.
        seed: Seed of what is sampled.
    """
    estimator = unwrapped(model.pipeline.steps[-1][1])
    transformer = model.pipeline[:-1] if len(model.pipeline.steps) > 1 else None
    few = frame.iloc[: max(1, MAX_VALUES // (frame.shape[1] * max(1, len(model.info.classes))))]
    exact = _exact(estimator, lambda: _inputs(transformer, few.iloc[:CHUNK_ROWS]))
    share = _shares(transformer, few, seed) if exact else None
    if exact is None or share is None:
        return _sampled(model, few, seed)
    few = few.iloc[: max(1, TREE_WORK // max(1, exact.work_per_row))]
    found = _explained(model, exact, transformer, few, share)
    return found if found.accurate else _sampled(model, few, seed)


def _inputs(transformer: Any, frame: "pd.DataFrame") -> "Floats":
    return columns.dense(transformer.transform(frame) if transformer is not None else frame)


def _shares(transformer: Any, frame: "pd.DataFrame", seed: int) -> "Floats | None":
    import numpy as np

    if transformer is None:
        return np.eye(frame.shape[1])
    return columns.shares(transformer, frame, seed)


def _exact(estimator: Any, background: "Callable[[], Floats]") -> Exact | None:
    kind = type(estimator).__name__
    if kind in ("XGBClassifier", "XGBRegressor"):
        return _xgboost(estimator)
    if kind in TREES and _known_to_shap(estimator):
        return _trees(estimator)
    if hasattr(estimator, "coef_") and hasattr(estimator, "intercept_"):
        return _linear(estimator, background())
    return None


def _xgboost(estimator: Any) -> Exact:
    """XGBoost's own TreeSHAP, which the shap library calls, too."""
    import numpy as np
    import xgboost

    booster = estimator.get_booster()
    best = booster.attr("best_iteration")
    used = (0, int(best) + 1 if best else 0)

    def predict(rows: "Floats", **options: Any) -> "Floats":
        matrix = xgboost.DMatrix(
            rows,
            feature_names=booster.feature_names,
            feature_types=booster.feature_types,
            enable_categorical=True,
        )
        return booster.predict(matrix, iteration_range=used, **options).astype(np.float64)

    def contributions(rows: "Floats") -> "Floats":
        found = predict(rows, pred_contribs=True, strict_shape=True)
        return np.moveaxis(found, 1, 2)

    def answers(rows: "Floats") -> "Floats":
        return predict(rows, output_margin=True, strict_shape=True)

    probe = np.full((1, booster.num_features()), np.nan)
    return Exact(
        "XGBoost's TreeSHAP, exact",
        _margin(estimator, booster),
        contributions(probe)[0, -1],
        lambda rows: contributions(rows)[:, :-1],
        answers,
        _tree_work(booster),
    )


def _margin(estimator: Any, booster: Any) -> str:
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    if hasattr(estimator, "classes_"):
        return _log_scale(estimator)
    return UNIT if objective in IDENTITIES else f"the margin of {objective}"


def _tree_work(booster: Any) -> int:
    trees = booster.get_dump(dump_format="json")
    depths = [max(map(int, re.findall(r'"depth": (\d+)', tree)), default=0) + 1 for tree in trees]
    leaves = [tree.count('"leaf"') for tree in trees]
    return sum(count * depth**2 for count, depth in zip(leaves, depths, strict=True))


def _known_to_shap(estimator: Any) -> bool:
    many = len(getattr(estimator, "classes_", ())) > 2
    boosted = type(estimator).__name__ == "GradientBoostingClassifier"
    plain = getattr(estimator, "init", None) is None
    return plain and not (boosted and many) and getattr(estimator, "is_categorical_", None) is None


def _trees(estimator: Any) -> Exact:
    import numpy as np

    explainer = shap().TreeExplainer(estimator)
    base = np.atleast_1d(np.asarray(explainer.expected_value, dtype=np.float64))
    boosted = "Boosting" in type(estimator).__name__

    def values(rows: "Floats") -> "Floats":
        found = np.asarray(explainer.shap_values(rows, check_additivity=False))
        return _second(found if found.ndim == 3 else found[:, :, None])

    def answers(rows: "Floats") -> "Floats":
        if not hasattr(estimator, "classes_"):
            return estimator.predict(rows)[:, None]
        found = estimator.decision_function(rows) if boosted else estimator.predict_proba(rows)
        return _second(found.reshape(len(rows), -1))

    return Exact(
        "the shap library's TreeSHAP (path-dependent), exact",
        _scale(estimator, _log_scale(estimator) if boosted else "probability"),
        _second(base),
        values,
        answers,
        sum(leaves * depth**2 for leaves, depth in _sizes(estimator)),
    )


def _second(found: "Floats") -> "Floats":
    """Of two classes keep the second: the first is its mirror image."""
    return found[..., 1:] if found.shape[-1] == 2 else found


def _scale(estimator: Any, of_classes: str) -> str:
    return of_classes if hasattr(estimator, "classes_") else UNIT


def _log_scale(estimator: Any) -> str:
    return LOG_ODDS if len(getattr(estimator, "classes_", ())) == 2 else SOFTMAX


def _sizes(estimator: Any) -> list[tuple[int, int]]:
    """Return leaves and depth of each tree."""
    import numpy as np

    if hasattr(estimator, "_predictors"):
        # An internal of scikit-learn 1.9, whose histogram boosting shows its trees nowhere else.
        grown = [tree for trees in estimator._predictors for tree in trees]
        return [(t.get_n_leaf_nodes(), max(1, t.get_max_depth())) for t in grown]
    trees = np.ravel(getattr(estimator, "estimators_", [estimator]))
    return [(tree.get_n_leaves(), max(1, tree.get_depth())) for tree in trees]


def _linear(estimator: Any, background: "Floats") -> Exact:
    import numpy as np

    explainer = shap().LinearExplainer(
        estimator, shap().maskers.Independent(background, max_samples=len(background))
    )

    def values(rows: "Floats") -> "Floats":
        found = np.asarray(explainer.shap_values(rows))
        return found if found.ndim == 3 else found[:, :, None]

    def answers(rows: "Floats") -> "Floats":
        classify = hasattr(estimator, "classes_")
        found = estimator.decision_function(rows) if classify else estimator.predict(rows)
        return found.reshape(len(rows), -1)

    logistic = type(estimator).__name__.startswith("LogisticRegression")
    return Exact(
        f"the shap library's linear explainer, exact against the mean of {len(background)} rows",
        _scale(estimator, _log_scale(estimator) if logistic else "decision function"),
        np.atleast_1d(np.asarray(explainer.expected_value, dtype=np.float64)),
        values,
        answers,
    )


def _explained(
    model: Model, exact: Exact, transformer: Any, frame: "pd.DataFrame", share: "Floats"
) -> Attribution:
    """Explain in chunks, so that wide transformed rows never stand in memory together."""
    import numpy as np

    values, answers = [], []
    for start in range(0, len(frame), CHUNK_ROWS):
        inputs = _inputs(transformer, frame.iloc[start : start + CHUNK_ROWS])
        # Outputs of the transformer by raw column: contributions are additive.
        values.append(np.einsum("rio,ic->rco", exact.values(inputs), share))
        answers.append(exact.answers(inputs))
    return Attribution(
        exact.method,
        exact.scale,
        outputs_of(model),
        np.concatenate(values),
        exact.base,
        np.concatenate(answers),
    )


def outputs_of(model: Model) -> tuple[str, ...]:
    """Return the names of what is explained."""
    classes = model.info.classes
    names = classes[1:] if len(classes) == 2 else classes
    return tuple(map(str, names)) or (model.info.target,)


def _sampled(model: Model, frame: "pd.DataFrame", seed: int) -> Attribution:
    """Sample permutations of the raw columns, there and back (antithetic), through the Pipeline."""
    import numpy as np

    coded = _Coded.of(frame)
    background = coded.matrix[-BACKGROUND_ROWS:]
    calls = 2 * frame.shape[1] + 1
    allowed = min(MAX_SAMPLED_ROWS, MAX_CALLS // (calls * len(background)))
    rows = coded.matrix[: max(1, allowed)]

    def answer(matrix: "Floats") -> "Floats":
        return _answers(model, coded.frame(matrix))

    masker = shap().maskers.Independent(background, max_samples=len(background))
    explainer = shap().PermutationExplainer(answer, masker, seed=seed)
    found = explainer(rows, max_evals=calls, batch_size=calls, silent=True)
    values = found.values if found.values.ndim == 3 else found.values[:, :, None]
    return Attribution(
        f"the shap library's permutation explainer, against {len(background)} rows",
        "probability" if model.info.classes else UNIT,
        outputs_of(model),
        np.asarray(values, dtype=np.float64),
        np.asarray(found.base_values, dtype=np.float64).reshape(len(rows), -1)[0],
        answer(rows).reshape(len(rows), -1),
    )


def _answers(model: Model, frame: "pd.DataFrame") -> "Floats":
    if not model.info.classes:
        return model.pipeline.predict(frame)
    found = model.pipeline.predict_proba(frame)
    return found[:, 1] if found.shape[1] == 2 else found


@dataclass(frozen=True)
class _Coded:
    """A frame as numbers, for explainers that know no text: other columns are codes."""

    matrix: "Floats"
    like: "pd.DataFrame"
    values: "dict[str, Any]"

    @staticmethod
    def of(frame: "pd.DataFrame") -> "_Coded":
        import numpy as np
        import pandas as pd

        matrix = np.empty(frame.shape)
        values = {}
        for index, name in enumerate(frame.columns):
            if pd.api.types.is_numeric_dtype(frame[name].dtype):
                matrix[:, index] = frame[name].to_numpy()
            else:
                found = pd.factorize(frame[name], use_na_sentinel=False)
                matrix[:, index], values[name] = found
        return _Coded(matrix, frame.iloc[:0], values)

    def frame(self, matrix: "Floats") -> "pd.DataFrame":
        """Return rows of codes as the model reads them."""
        import pandas as pd

        found = {
            name: self.values[name].take(matrix[:, index].astype(int))
            if name in self.values
            else matrix[:, index]
            for index, name in enumerate(self.like.columns)
        }
        return pd.DataFrame(found).astype(self.like.dtypes.to_dict())
