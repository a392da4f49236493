"""Train XGBoost on transformed features and join both in one Pipeline."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.documents import read_document
from holdfast.errors import InputError
from holdfast.model import Model, feature_frame, unwrapped
from holdfast.report import Block, Figure, Paragraph, Report, Rows
from holdfast.table import Table
from holdfast.training import boosting, plots
from holdfast.training.boosting import Boosting
from holdfast.training.training_set import (
    TrainingSet,
    join_model,
    read_training_set,
    read_validation,
)
from holdfast.writing import write_text

if TYPE_CHECKING:
    from xgboost import XGBModel

COMPARED_ROWS = 10_000
# How closely the training loss is looked at.
JUDGED_ROWS, JUDGED_ROUNDS = 2000, 12
LOSSES = {"log_loss": "log loss", "rmse": "RMSE"}


@dataclass(frozen=True)
class Stopping:
    """When to stop early: after `rounds` rounds without a better validation loss; 0 for never.

    `validation_fraction` of the training rows is drawn for it where no table is given.
    """

    rounds: int = 0
    validation_fraction: float = 0.1


@dataclass(frozen=True)
class Options:
    """How to train, besides XGBoost's own parameters.

    `sample_weight` is the column that says how much a row counts, empty for all alike;
    `class_weight` is none or balanced; `monotone_constraints` is 1 or -1 by feature: answers never
    fall, or rise, with it.
    """

    seed: int = 42
    stopping: Stopping = field(default_factory=Stopping)
    sample_weight: str = ""
    class_weight: str = "none"
    monotone_constraints: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Curve:
    """The loss by round, as pairs of both.

    `train` is of up to 12 rounds of the model and 2,000 training rows; `validation` of every round
    that was run, empty where there are no such rows. `best_round` is the number of rounds that the
    model has.
    """

    metric: str
    best_round: int
    train: tuple[tuple[int, float], ...]
    validation: tuple[tuple[int, float], ...]

    def write(self, path: str | Path) -> None:
        """Write the curve as JSON."""
        write_text(path, json.dumps(asdict(self)) + "\n")

    def metadata(self) -> dict[str, Any]:
        """Return what the artifact says about itself."""
        named = {"train": self.train, "validation": self.validation}
        least = {
            f"{name}_{self.metric}": min(y for _, y in pairs)
            for name, pairs in named.items()
            if pairs
        }
        return {"holdfast_contract": "curve/1", "rounds": self.best_round, **least}


@dataclass(frozen=True)
class Trained:
    """A trained model, and how it came to be."""

    model: Model
    curve: Curve
    report: Report


def read_parameters(
    text: str, n_estimators: int = 300, max_depth: int = 6, learning_rate: float = 0.1
) -> Boosting:
    """Return the parameters: those of the YAML `text`, and for the rest the arguments.

    Raises:
        InputError: A parameter is unknown or out of range.
    """
    _check_range("n_estimators", n_estimators, n_estimators >= 1, "at least 1")
    _check_range("max_depth", max_depth, max_depth >= 1, "at least 1")
    _check_range("learning_rate", learning_rate, 0 < learning_rate <= 1, "above 0 and at most 1")
    named = {"n_estimators": n_estimators, "max_depth": max_depth, "learning_rate": learning_rate}
    written = read_document(text, Boosting, "parameters").model_dump(exclude_unset=True)
    return Boosting(**(named | written))


def train(
    table: Table,
    transformer: Model,
    parameters: Boosting,
    options: Options,
    validation: Table | None = None,
    previous: Model | None = None,
) -> Trained:
    """Train a classifier or a regressor, as the table's task says.

    Args:
        table: The training share, which the transformer was fitted on.
        transformer: A fitted transformer.
        parameters: XGBoost's.
        options: How to train.
        validation: Rows to judge each round by, in place of a share of the training rows.
        previous: A model of train_xgboost to go on from.

    Raises:
        InputError: A parameter is out of range, the table does not fit the transformer, or one of
            the two comes from a locked holdout.
    """
    training_set = read_training_set(
        table, transformer, options.sample_weight, options.class_weight
    )
    judged = None
    if validation is not None:
        judged = read_validation(validation, transformer, training_set, options.sample_weight)
    elif options.stopping.rounds > 0:
        training_set, judged = _set_aside(
            training_set, options.stopping.validation_fraction, options.seed
        )
    more = _stopping_options(options.stopping, judged)
    more |= _constraints(options.monotone_constraints, training_set, transformer)
    booster = _booster_of(previous, table, transformer, training_set) if previous else None
    unfitted = boosting.unfitted(parameters, bool(training_set.classes), options.seed, **more)
    trees = boosting.fit(unfitted, training_set, judged, booster)
    curve = _curve(trees, training_set, booster.num_boosted_rounds() if booster is not None else 0)
    trees = boosting.forget_machine(trees)
    estimator = boosting.with_labels(trees, training_set.classes) if training_set.classes else trees
    model = join_model(table, transformer, [("estimator", estimator)], training_set.classes)
    return Trained(model, curve, _report(table, training_set, judged, parameters, curve))


def _set_aside(
    training_set: TrainingSet, fraction: float, seed: int
) -> tuple[TrainingSet, TrainingSet]:
    """Return the rows to learn from and the rows to judge by, each class in both."""
    import numpy as np
    from sklearn.model_selection import train_test_split

    _check_range("validation_fraction", fraction, 0 < fraction < 1, "above 0 and below 1")
    rows = np.arange(len(training_set.target))
    try:
        kept, aside = train_test_split(
            rows,
            test_size=fraction,
            random_state=seed,
            stratify=training_set.target if training_set.classes else None,
        )
    except ValueError as error:
        raise InputError(
            f"`train` must have enough rows of each class for a validation fraction of {fraction}. "
            f"Found: {len(rows)} rows; {error} Pass `validation`, or no early_stopping_rounds."
        ) from error
    return training_set.part(np.sort(kept)), training_set.part(np.sort(aside))


def _stopping_options(stopping: Stopping, judged: TrainingSet | None) -> dict[str, Any]:
    from xgboost.callback import EarlyStopping

    rounds = stopping.rounds
    _check_range("early_stopping_rounds", rounds, rounds >= 0, "at least 0")
    if judged is None or not rounds:
        return {}
    # save_best: a model that is loaded elsewhere has the best rounds and no others.
    return {"callbacks": [EarlyStopping(rounds=rounds, save_best=True)]}


def _constraints(
    monotone_constraints: Mapping[str, float], training_set: TrainingSet, transformer: Model
) -> dict[str, Any]:
    """Return XGBoost's constraints: a sign for each of its inputs."""
    if not monotone_constraints:
        return {}
    if len(training_set.classes) > 2:
        raise InputError(
            f"`monotone_constraints` needs two classes or a regression: of more, no one "
            f"prediction rises or falls. Found: {len(training_set.classes)} classes."
        )
    for name, sign in monotone_constraints.items():
        known = name in training_set.names and name not in _texts(transformer)
        if not known or sign not in (-1, 0, 1):
            raise InputError(
                f"`monotone_constraints` must give 1, -1 or 0 for numbers that the transformer "
                f"hands on. Found: {sign} for {name!r}. Known: "
                f"{[n for n in training_set.names if n not in _texts(transformer)][:30]}."
            )
    signs = ",".join(str(int(monotone_constraints.get(name, 0))) for name in training_set.names)
    return {"monotone_constraints": f"({signs})"}


def _texts(transformer: Model) -> set[str]:
    return set(transformer.info.features) - set(transformer.info.numeric)


def _booster_of(
    previous: Model, table: Table, transformer: Model, training_set: TrainingSet
) -> Any:
    """Return the trees to go on from, if they were grown on the same inputs and classes."""
    import numpy as np
    from sklearn.base import is_classifier

    trees = unwrapped(previous.pipeline[-1])
    if not hasattr(trees, "get_booster"):
        raise InputError(
            f"`previous` must be a model of train_xgboost. Found: {type(trees).__name__}."
        )
    before = previous.info
    if before.classes != training_set.classes or is_classifier(trees) != bool(training_set.classes):
        raise InputError(
            f"`previous` must know the classes of `train`. Found: {list(before.classes[:10])}, and "
            f"in `train` {list(training_set.classes[:10])}. Train anew, without `previous`."
        )
    rows = table.head(COMPARED_ROWS)
    same = before.features == transformer.info.features and before.numeric == (
        transformer.info.numeric
    )
    if same:
        frame = feature_frame(rows, before.features)
        outputs = [part.transform(frame) for part in (previous.pipeline[:-1], transformer.pipeline)]
        same = outputs[0].shape == outputs[1].shape and np.array_equal(*outputs, equal_nan=True)
    if not same:
        raise InputError(
            "`transformer` must be the one that `previous` was trained with. Found: another, which "
            "answers otherwise to the rows of `train`. Pass that one, or train anew."
        )
    return trees.get_booster()


def _curve(trees: "XGBModel", training_set: TrainingSet, before: int) -> Curve:
    """Return the losses; `before` rounds are of an earlier model.

    The training rows are judged afterwards: after each round it would take a third longer.
    """
    import numpy as np

    total = trees.get_booster().num_boosted_rounds()
    rows = np.unique(np.linspace(0, len(training_set.target) - 1, JUDGED_ROWS, dtype=int))
    some = training_set.part(rows)
    rounds = np.unique(np.linspace(1, total, JUDGED_ROUNDS, dtype=int)).tolist()
    train = tuple((count, _loss(trees, some, count)) for count in rounds)
    metric = "log_loss" if training_set.classes else "rmse"
    found = getattr(trees, "evals_result_", {}).get("validation_0", {})
    losses: list[float] = next(iter(found.values()), [])
    return Curve(metric, total, train, tuple(enumerate(losses, before + 1)))


def _loss(trees: "XGBModel", some: TrainingSet, rounds: int) -> float:
    """Return the loss of the first rounds."""
    from sklearn.metrics import log_loss, root_mean_squared_error

    within = (0, rounds)
    if not some.classes:
        answers = trees.predict(some.inputs, iteration_range=within)
        return float(root_mean_squared_error(some.target, answers))
    shares = trees.predict_proba(some.inputs, iteration_range=within).astype(float)
    shares /= shares.sum(axis=1, keepdims=True)
    return float(log_loss(some.target, shares, labels=range(len(some.classes))))


def _report(
    table: Table,
    training_set: TrainingSet,
    judged: TrainingSet | None,
    parameters: Boosting,
    curve: Curve,
) -> Report:
    loss = LOSSES[curve.metric]
    named = {"training": curve.train, "validation": curve.validation}
    series = [
        plots.Series(name, [x for x, _ in pairs], [y for _, y in pairs])
        for name, pairs in named.items()
        if pairs
    ]
    rows = len(training_set.target)
    text = f"{rows} rows, {len(training_set.names)} inputs, target {table.target}."
    if judged is not None:
        text += f" {len(judged.target)} rows judged each round and taught nothing."
    blocks: list[Block] = [
        Paragraph(text),
        Paragraph(f"The model has {curve.best_round} rounds."),
        Rows(
            "Loss",
            ("rows", f"{loss} at first", "least", "last"),
            tuple((one.name, one.y[0], min(one.y), one.y[-1]) for one in series),
        ),
        Figure("Learning curve", plots.draw(series, "round", loss)),
        Rows(
            "Parameters",
            ("parameter", "value"),
            tuple((name, str(value)) for name, value in parameters.model_dump().items()),
        ),
    ]
    losses = [y for _, y in curve.validation]
    if losses and losses[-1] == min(losses):
        blocks.insert(2, Paragraph("The validation loss was still falling: try more rounds."))
    return Report(f"Training XGBoost on {table.target}", "", tuple(blocks))


def _check_range(name: str, value: float, good: bool, expected: str) -> None:
    if not good:
        raise InputError(f"`{name}` must be {expected}. Found: {value}.")
