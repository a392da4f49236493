"""Train an estimator of scikit-learn on transformed features and join both in one Pipeline."""

import warnings
from dataclasses import dataclass
from typing import Any

from holdfast.errors import first_line
from holdfast.model import Model
from holdfast.report import Block, Paragraph, Report, Rows
from holdfast.table import Table
from holdfast.training import estimators
from holdfast.training.training_set import join_model, read_training_set

MAX_REMARKS = 5
ADDED = {
    "impute": "Missing values become the median of the training rows.",
    "scale": "Inputs are scaled to mean 0 and variance 1.",
}


@dataclass(frozen=True)
class Trained:
    """A trained model, and how it came to be."""

    model: Model
    report: Report


def train(
    table: Table,
    transformer: Model,
    estimator: str,
    parameters: str,
    sample_weight: str,
    class_weight: str,
    seed: int,
) -> Trained:
    """Train an estimator of the allow-list.

    Args:
        table: The training share, which the transformer was fitted on.
        transformer: A fitted transformer.
        estimator: Its name in scikit-learn.
        parameters: YAML of its parameters.
        sample_weight: The column that says how much a row counts; empty for all alike.
        class_weight: none or balanced.
        seed: Seed of whatever the estimator leaves to chance.

    Raises:
        InputError: The estimator is not of the list, a parameter is not good, or the table does not
            fit.
    """
    import numpy as np

    training_set = read_training_set(table, transformer, sample_weight, class_weight)
    classes = training_set.classes
    spec = estimators.read_spec(estimator, parameters, bool(classes), seed)
    estimators.refuse_codes(transformer, estimator)
    kind = object if classes and isinstance(classes[0], str) else None
    labels = np.array(classes, dtype=kind)[training_set.target] if classes else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = spec.fit(training_set, labels)
    remarks = list(dict.fromkeys(first_line(one.message) for one in caught))
    model = join_model(table, transformer, fitted.steps, classes)
    blocks: list[Block] = [
        Paragraph(
            f"{len(training_set.target)} rows, {len(training_set.names)} inputs, target "
            f"{table.target}."
        ),
        *[Paragraph(ADDED[name]) for name, _ in fitted.steps if name in ADDED],
        Rows("Remarks", ("by scikit-learn",), tuple((text,) for text in remarks[:MAX_REMARKS])),
        Rows(
            "Parameters",
            ("parameter", "value"),
            tuple((name, str(value)) for name, value in _shown(fitted.steps[-1][1]).items()),
        ),
    ]
    return Trained(model, Report(f"Training {estimator} on {table.target}", "", tuple(blocks)))


def _shown(estimator: Any) -> dict[str, Any]:
    own = getattr(estimator, "estimator", None) or estimator
    return own.get_params(deep=False)
