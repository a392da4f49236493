"""Cross-validate an estimator: out-of-fold predictions, and how the folds differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from holdfast.model import Model
from holdfast.report import Paragraph, Report, Rows
from holdfast.table import Table, TableWriter, open_table
from holdfast.training import estimators
from holdfast.training.folds import Folds, Plan, fold
from holdfast.training.scoring import METRICS, score

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Spread:
    """A metric over the folds; by fold it is None where the fold's rows have no such metric."""

    name: str
    by_fold: tuple[float | None, ...]

    @property
    def values(self) -> list[float]:
        """What is known."""
        return [value for value in self.by_fold if value is not None]

    @property
    def mean(self) -> float:
        """The mean of the folds."""
        return fmean(self.values)

    @property
    def deviation(self) -> float:
        """How far the folds lie apart: the sample standard deviation, 0 of one fold."""
        return stdev(self.values) if len(self.values) > 1 else 0.0


@dataclass(frozen=True)
class Validated:
    """What cross-validation tells; `predictions` has a row for each row of the table, in order."""

    spreads: tuple[Spread, ...]
    predictions: pa.Table
    holdout: str
    report: Report

    def metrics(self) -> dict[str, float]:
        """Return mean, standard deviation and range of each metric."""
        found = {}
        for one in self.spreads:
            found[one.name] = one.mean
            found[f"{one.name}_std"] = one.deviation
            found[f"{one.name}_min"] = min(one.values)
            found[f"{one.name}_max"] = max(one.values)
        return found

    def write_predictions(self, path: str | Path) -> Table:
        """Write the predictions as a table."""
        with TableWriter(path, self.predictions.schema, holdout=self.holdout) as writer:
            for batch in self.predictions.to_batches():
                writer.write(batch)
        return open_table(path)


def cross_validate(
    table: Table,
    transformer: Model,
    estimator: str,
    parameters: str,
    plan: Plan,
    sample_weight: str = "",
) -> Validated:
    """Fit transformer and estimator in each fold, and ask them about the rows of the fold.

    Args:
        table: The training share.
        transformer: A fitted transformer; its steps are fitted anew in each fold.
        estimator: xgboost, or a name of train_sklearn.
        parameters: YAML of the estimator's parameters.
        plan: How to fold.
        sample_weight: The column that says how much a row counts in training; empty for all alike.

    Raises:
        InputError: An input does not fit.
    """
    import numpy as np

    folds = fold(table, transformer, plan, sample_weight)
    spec = estimators.read_spec(estimator, parameters, bool(folds.classes), plan.seed)
    estimators.refuse_codes(transformer, estimator)
    shape = (table.rows, len(folds.classes)) if folds.classes else (table.rows,)
    answers, numbers = np.full(shape, np.nan), np.zeros(table.rows, dtype=np.int64)
    scores = []
    for one in folds:
        answers[one.rows] = one.answers(spec)
        numbers[one.rows] = one.number
        scores.append(score(one.asked.target, answers[one.rows], folds.classes))
    spreads = _spreads(scores, table)
    predictions = _predictions(table, folds, numbers, answers)
    report = _report(table, folds, spec, spreads)
    return Validated(spreads, predictions, table.holdout, report)


def _spreads(scores: Sequence[dict[str, float]], table: Table) -> tuple[Spread, ...]:
    """Return each metric that a fold has."""
    found = []
    for name in METRICS[table.task or "regression"]:
        one = Spread(name, tuple(each.get(name) for each in scores))
        found += [one] if one.values else []
    return tuple(found)


def _predictions(
    table: Table, folds: Folds, numbers: "npt.NDArray[Any]", answers: "npt.NDArray[np.float64]"
) -> pa.Table:
    """Return fold, truth, prediction and probabilities; missing where a row was never asked."""
    unasked = numbers == 0
    columns: dict[str, Any] = {
        "fold": pa.array(numbers, mask=unasked),
        "truth": table.read([table.target]).column(0),
    }
    if not folds.classes:
        return pa.table({**columns, "prediction": pa.array(answers, mask=unasked)})
    chosen = pa.array(answers.argmax(axis=1), mask=unasked)
    columns["prediction"] = pa.array(folds.classes).take(chosen)
    for number, label in enumerate(folds.classes):
        columns[f"probability_{label}"] = pa.array(answers[:, number], mask=unasked)
    return pa.table(columns)


def _report(
    table: Table, folds: Folds, spec: estimators.EstimatorSpec, spreads: tuple[Spread, ...]
) -> Report:
    asked = sum(len(rows) for _, rows in folds.parts)
    text = (
        f"{spec.name} on {table.rows} rows, target {table.target}, {len(folds.parts)} folds by "
        f"the method {folds.method}; the transformer was fitted anew in each. {asked} rows were "
        f"asked by a model that had not seen them."
    )
    summary = tuple(
        (one.name, one.mean, one.deviation, min(one.values), max(one.values)) for one in spreads
    )
    each = tuple(
        (number, len(taught), len(asked_rows), *(one.by_fold[number - 1] for one in spreads))
        for number, (taught, asked_rows) in enumerate(folds.parts, 1)
    )
    columns = ("metric", "mean", "standard deviation", "least", "greatest")
    shown = tuple((name, str(value)) for name, value in spec.parameters.items())
    return Report(
        f"Cross-validation of {spec.name} on {table.target}",
        "",
        (
            Paragraph(text),
            Rows("Metrics over the folds", columns, summary),
            Rows("Folds", ("fold", "taught", "asked", *(one.name for one in spreads)), each),
            Rows("Parameters that are not the default", ("parameter", "value"), shown),
        ),
    )
