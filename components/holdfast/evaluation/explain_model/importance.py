"""How much a model rests on each raw column, and how much a column says alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.model import Model

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

RMSE, LOG_LOSS = "RMSE", "log loss"
REPEATS = 5
# Of wide tables each column is shuffled less often, twice at least: the calls add up.
PERMUTATION_CALLS = 600
# Rows times columns times repeats that permutation importance sends through the Pipeline.
PERMUTATION_BUDGET = 250_000
MIN_PERMUTED_ROWS = 200
# Rows that a column alone is judged on; fewer than the least tell nothing of 0.999.
ALONE_ROWS = 3000
LEAST_ALONE = 30
FOLDS = 3
LEAVES = 32


@dataclass(frozen=True)
class Permuted:
    """By how much the loss grows when a column is shuffled: mean and spread over the repeats."""

    loss: str
    rows: int
    means: "npt.NDArray[np.float64]"
    spreads: "npt.NDArray[np.float64]"


def permute(model: Model, frame: "pd.DataFrame", truth: "npt.NDArray[Any]", seed: int) -> Permuted:
    """Return the permutation importance (Breiman 2001, Fisher et al. 2019) of each raw column.

    Shuffled are raw columns, and the loss is that of the whole Pipeline: log loss in nats, or the
    root mean squared error in the target's unit.

    Args:
        model: The model.
        frame: Rows in random order; as many of them are taken as the budget allows.
        truth: Their true answers.
        seed: Seed of the shuffling.
    """
    from sklearn.inspection import permutation_importance

    repeats = min(REPEATS, max(2, PERMUTATION_CALLS // frame.shape[1]))
    allowed = max(MIN_PERMUTED_ROWS, PERMUTATION_BUDGET // (repeats * frame.shape[1]))
    few = frame.iloc[:allowed]
    loss, scorer = _scorer(model)
    found = permutation_importance(
        model.pipeline,
        few,
        truth[:allowed],
        scoring=scorer,
        n_repeats=repeats,
        random_state=seed,
    )
    return Permuted(loss, len(few), found.importances_mean, found.importances_std)


def _scorer(model: Model) -> tuple[str, Any]:
    from sklearn.metrics import get_scorer, log_loss, make_scorer

    if not model.info.classes:
        return RMSE, get_scorer("neg_root_mean_squared_error")
    return LOG_LOSS, make_scorer(
        log_loss,
        response_method="predict_proba",
        greater_is_better=False,
        labels=list(model.info.classes),
    )


def alone(
    model: Model, frame: "pd.DataFrame", truth: "npt.NDArray[Any]", seed: int
) -> "npt.NDArray[np.float64]":
    """Return how well each column tells the target alone: 1 for a copy of it.

    A small tree learns from the column alone, cross-validated on the rows given; text is encoded by
    the target of other rows. Of classes, the area under the ROC curve (of more than two, the mean
    of each against the rest); of numbers, the larger of the rank correlation and the linear one, as
    absolute values. Not a number where there are too few rows.
    """
    import numpy as np

    few, answers = frame.iloc[:ALONE_ROWS], truth[:ALONE_ROWS]
    classify = bool(model.info.classes)
    judge = _area if classify else _correlation
    _, counts = np.unique(answers, return_counts=True)
    enough = len(answers) >= LEAST_ALONE and len(counts) > 1
    if not enough or (classify and counts.min() < FOLDS):
        return np.full(frame.shape[1], math.nan)
    return np.array(
        [judge(_numbers(few[name], answers, classify, seed), answers, seed) for name in few]
    )


def _numbers(column: "pd.Series[Any]", truth: "npt.NDArray[Any]", classify: bool, seed: int) -> Any:
    """Return a column as numbers: text by the mean target of its value in other rows."""
    import pandas as pd
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy()[:, None]
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return column.astype("int64").to_numpy(dtype=float)[:, None]
    kind = StratifiedKFold if classify else KFold
    encoder = TargetEncoder(cv=kind(FOLDS, shuffle=True, random_state=seed))
    filled = column.astype(object).where(column.notna(), "").to_frame()
    return encoder.fit_transform(filled, truth)


def _area(numbers: Any, truth: "npt.NDArray[Any]", seed: int) -> float:
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES, random_state=seed)
    found = cross_val_predict(tree, numbers, truth, cv=folds, method="predict_proba")
    if found.shape[1] == 2:
        return float(roc_auc_score(truth, found[:, 1]))
    return float(roc_auc_score(truth, found, multi_class="ovr"))


def _correlation(numbers: Any, truth: "npt.NDArray[Any]", seed: int) -> float:
    import numpy as np
    from scipy.stats import pearsonr, spearmanr

    del seed
    known = np.isfinite(numbers[:, 0])
    values, answers = numbers[known, 0], truth[known]
    if known.sum() < LEAST_ALONE or np.ptp(values) == 0 or np.ptp(answers) == 0:
        return 0.0
    both = (pearsonr(values, answers)[0], spearmanr(values, answers)[0])
    return float(max(map(abs, both)) * known.mean())


@dataclass(frozen=True)
class Moves:
    """Importance now and before, as shares of all; `correlation` is Spearman's, over all columns.

    It is not a number with fewer than three columns, of which an order says nothing.
    """

    correlation: float
    shares: tuple[tuple[str, float, float], ...]


def compare(now: Mapping[str, float], before: Mapping[str, float]) -> Moves:
    """Compare two importances by column name; a column that one lacks has none there."""
    from scipy.stats import spearmanr

    names = list(dict.fromkeys([*now, *before]))
    pairs = [(now.get(name, 0.0), before.get(name, 0.0)) for name in names]
    correlation = math.nan
    if len(names) > 2 and all(len(set(side)) > 1 for side in zip(*pairs, strict=True)):
        correlation = float(spearmanr(pairs)[0])
    totals = [sum(side) or 1.0 for side in zip(*pairs, strict=True)]
    rows = [
        (name, pair[0] / totals[0], pair[1] / totals[1])
        for name, pair in zip(names, pairs, strict=True)
    ]
    return Moves(correlation, tuple(sorted(rows, key=lambda row: -abs(row[1] - row[2]))))
