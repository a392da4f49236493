"""Folds: which rows teach and which are asked, and a transformer fitted anew in each."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError
from holdfast.model import Model, feature_frame, require_features
from holdfast.table import Table
from holdfast.training.estimators import EstimatorSpec
from holdfast.training.features import refit
from holdfast.training.training_set import (
    TrainingSet,
    check_finite,
    check_lock,
    read_target,
    read_weights,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

METHODS = ("stratified", "random", "group", "time")


@dataclass(frozen=True)
class Plan:
    """How to fold a table.

    `method` is stratified (each class alike in each fold), random, group (rows with the same value
    of the column `by` stay together), time (each fold is asked about what comes after the rows that
    taught, by the column `by`), or empty for stratified with classes and random without.
    """

    count: int = 5
    method: str = ""
    by: str = ""
    seed: int = 42

    def method_for(self, classify: bool) -> str:
        """Return the method that is meant.

        Raises:
            InputError: There is no such method, or `by` is missing or too much.
        """
        method = self.method or ("stratified" if classify else "random")
        if method not in METHODS or (method == "stratified" and not classify):
            raise InputError(
                f"`method` must be one of {METHODS}, stratified for classification only. Found: "
                f"{self.method!r}."
            )
        if (method in ("group", "time")) != bool(self.by):
            raise InputError(
                f"`by` must name a column for the methods group and time, and be empty for the "
                f"others. Found: {self.by!r} for {method}."
            )
        if self.count < 2:
            raise InputError(f"`folds` must be at least 2. Found: {self.count}.")
        return method


@dataclass(frozen=True)
class Fold:
    """One fold: what teaches, what is asked, and which rows of the table these are."""

    number: int
    train: TrainingSet
    asked: TrainingSet
    rows: Any

    def answers(self, spec: EstimatorSpec) -> "npt.NDArray[np.float64]":
        """Fit an estimator to this fold, and return what it answers to the rows that are asked.

        A probability for each class of the whole table, or values.
        """
        import numpy as np

        if not self.train.classes:
            return np.asarray(spec.fit(self.train).predict(self.asked.inputs), dtype=np.float64)
        # Of some methods a fold may lack a class, and XGBoost wants numbers without a gap.
        present, numbers = np.unique(self.train.target, return_inverse=True)
        if len(present) < 2:
            raise InputError(
                f"Each fold must learn from two classes. Found: one in fold {self.number}. Take "
                f"fewer folds or another method."
            )
        training_set = TrainingSet(
            self.train.inputs, numbers, self.train.classes, self.train.names, self.train.weights
        )
        answers = np.zeros((len(self.rows), len(self.train.classes)))
        answers[:, present] = spec.fit(training_set).predict_proba(self.asked.inputs)
        return answers


@dataclass(frozen=True)
class Folds:
    """A table in folds; the rows in memory, each fold's matrix made when it is asked for."""

    table: Table
    transformer: Model
    target: Any
    classes: tuple[Any, ...]
    method: str
    parts: tuple[tuple[Any, Any], ...]
    weights: Any

    def __iter__(self) -> Iterator[Fold]:
        """Yield each fold, with the transformer fitted to the rows that teach, and to no others."""
        features = self.transformer.info.features
        frame = feature_frame(self.table.read(features), features)
        for number, (taught, asked) in enumerate(self.parts, 1):
            steps, inputs = refit(self.transformer, frame.iloc[taught], self.target[taught])
            names = tuple(steps.get_feature_names_out().tolist())
            check_finite(inputs, names, "train")
            yield Fold(
                number,
                self._training_set(inputs, taught, names),
                self._training_set(steps.transform(frame.iloc[asked]), asked, names),
                asked,
            )

    def _training_set(self, inputs: Any, rows: Any, names: tuple[str, ...]) -> TrainingSet:
        weights = None if self.weights is None else self.weights[rows]
        return TrainingSet(inputs, self.target[rows], self.classes, names, weights)


def fold(table: Table, transformer: Model, plan: Plan, sample_weight: str = "") -> Folds:
    """Fold a training table.

    Raises:
        InputError: The plan does not fit the table, the table does not fit the transformer, or one
            of the two comes from a locked holdout.
    """
    check_lock(table, transformer)
    require_features(table, transformer, "train")
    target, classes = read_target(table)
    method = plan.method_for(bool(classes))
    weights = read_weights(table, transformer, sample_weight)
    parts = tuple(_parts(table, target, method, plan))
    return Folds(table, transformer, target, classes, method, parts, weights)


def _parts(
    table: Table, target: "npt.NDArray[Any]", method: str, plan: Plan
) -> list[tuple[Any, Any]]:
    import numpy as np
    from sklearn import model_selection

    if method == "time":
        return _by_time(_column(table, plan.by), plan)
    if method == "stratified":
        least = int(np.bincount(target).min())
        if least < plan.count:
            raise InputError(
                f"`folds` must be at most the number of rows of the rarest class. Found: "
                f"{plan.count} folds and {least} rows. Take fewer folds, or method=random."
            )
    elif plan.count > len(target):
        raise InputError(
            f"`folds` must be at most the number of rows. Found: {plan.count} folds and "
            f"{len(target)} rows. Take fewer."
        )
    groups = _column(table, plan.by) if method == "group" else None
    if groups is not None and len(np.unique(groups)) < plan.count:
        raise InputError(
            f"`folds` must be at most the number of groups. Found: {plan.count} folds and "
            f"{len(np.unique(groups))} values of {plan.by!r}. Take fewer folds."
        )
    kinds = {"stratified": "StratifiedKFold", "random": "KFold", "group": "GroupKFold"}
    splitter = getattr(model_selection, kinds[method])(
        plan.count, shuffle=True, random_state=plan.seed
    )
    return list(splitter.split(target, target, groups))


def _column(table: Table, name: str) -> "npt.NDArray[Any]":
    """Return a column's values as numbers whose order is theirs."""
    import numpy as np

    if name not in table.schema.names or name == table.target:
        raise InputError(
            f"`by` must name a column of `train` besides the target. Found: {name!r}, not among "
            f"{table.features[:30]}. Check the spelling; case counts."
        )
    column = table.read([name]).column(0)
    if column.null_count:
        raise InputError(
            f"`by` must name a column without missing values. Found: {column.null_count} in "
            f"{name!r}. Mend them at the source."
        )
    return np.unique(column.to_numpy(), return_inverse=True)[1]


def _by_time(times: "npt.NDArray[np.int64]", plan: Plan) -> list[tuple[Any, Any]]:
    """Cut the rows in their order, never between rows of the same time.

    As scikit-learn's TimeSeriesSplit: the first part only teaches.
    """
    import numpy as np

    order = np.argsort(times, kind="stable")
    ordered = times[order]
    wanted = [len(order) * part // (plan.count + 1) for part in range(1, plan.count + 1)]
    cuts = [int(np.searchsorted(ordered, ordered[cut])) for cut in wanted]
    edges = [*cuts, len(order)]
    if cuts[0] == 0 or len(set(edges)) < len(edges):
        raise InputError(
            f"`folds` must be fewer where many rows share a time. Found: {plan.count} folds over "
            f"{len(np.unique(times))} times of {plan.by!r}. Take fewer folds."
        )
    return [(np.sort(order[:start]), np.sort(order[start:end])) for start, end in pairwise(edges)]
