"""Explain what a model's answers rest on, and judge it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.evaluation.explain_model import importance, page, rows, shapley
from holdfast.evaluation.explain_model.dependence import Dependence, depend
from holdfast.evaluation.explain_model.importance import Moves, Permuted
from holdfast.evaluation.explain_model.judging import Limits, judge
from holdfast.evaluation.explain_model.sample import Sample, draw
from holdfast.evaluation.explain_model.shapley import Attribution
from holdfast.evaluation.predictions import predict
from holdfast.model import Model, feature_frame, load_model, require_features
from holdfast.optional import is_there
from holdfast.report import Report
from holdfast.table import Table, TableWriter
from holdfast.verdict import Verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

# Columns of which the metrics give the share of importance.
MAX_METRICS = 50


@dataclass(frozen=True)
class Request:
    """What is asked for: `rows` and `seed` of the sample, `top` columns to draw, and limits."""

    rows: int = 5_000
    top: int = 6
    seed: int = 42
    limits: Limits = Limits()  # noqa: RUF009  # frozen

    def __post_init__(self) -> None:
        """Refuse what can't be done.

        Raises:
            InputError: A number is out of range.
        """
        for name, value, least in (("rows", self.rows, 1), ("top", self.top, 0)):
            if value < least:
                raise InputError(f"`{name}` must be at least {least}. Found: {value}.")


@dataclass(frozen=True)
class Findings:
    """What was found out about a model.

    Attributes:
        columns: The raw columns that the model reads, in its order.
        attribution: SHAP values of the rows explained.
        permuted: Permutation importance of each column.
        alone: How well each column tells the target alone.
        dependences: Partial dependences of the most important columns.
        moves: How importance moved since the model before, None where there is none to compare.
    """

    columns: tuple[str, ...]
    attribution: Attribution
    permuted: Permuted
    alone: "npt.NDArray[np.float64]"
    dependences: tuple[Dependence, ...]
    moves: Moves | None

    @property
    def shares(self) -> "npt.NDArray[np.float64]":
        """Each column's share of all importance."""
        importance = self.attribution.importance
        return importance / (importance.sum() or 1.0)

    @property
    def order(self) -> list[int]:
        """The columns' places, the most important first; of equals the first."""
        return [int(index) for index in (-self.attribution.importance).argsort(kind="stable")]


@dataclass(frozen=True)
class Explanation:
    """A model explained: findings, verdict, report, metrics and the explained rows as a table."""

    findings: Findings
    verdict: Verdict
    report: Report
    metrics: dict[str, float]
    table: pa.Table

    def write_rows(self, path: str | Path) -> Table:
        """Write the explained rows."""
        from holdfast.table import open_table

        with TableWriter(path, self.table.schema) as writer:
            for batch in self.table.to_batches():
                writer.write(batch)
        return open_table(path, "explanations")


def open_previous(path: str) -> Model | None:
    """Load the model before, if there is one: no path and an empty file are none."""
    return load_model(path, "previous") if is_there(path) else None


def explain(
    model: Model, test: Table, previous: Model | None = None, request: Request | None = None
) -> Explanation:
    """Explain a model on rows it has not seen.

    Args:
        model: The model.
        test: Rows with their target.
        previous: The model before, whose importance on the same rows is compared.
        request: What is asked for.

    Raises:
        InputError: The table does not fit the model, or the model before has another target.
    """
    request = request or Request()
    require_features(test, model, "test")
    comparable = _comparable(model, test, previous)
    wanted = [*model.info.features, *(comparable.info.features if comparable else ())]
    names = list(dict.fromkeys([*wanted, model.info.target]))
    drawn = draw(test, names, request.rows, request.seed)
    frame = feature_frame(drawn.table.read(), model.info.features)
    findings = _findings(model, comparable, drawn, frame, request)
    verdict = judge(findings, previous is not None, request.limits)
    return Explanation(
        findings,
        verdict,
        page.report(model, findings, verdict, test.rows, frame, request),
        _metrics(findings),
        rows.table(model, findings, drawn.numbers),
    )


def _comparable(model: Model, test: Table, previous: Model | None) -> Model | None:
    """Return the model before, if it can read the same rows."""
    if previous is None:
        return None
    asked = (model.info.target, model.info.classes)
    if (previous.info.target, previous.info.classes) != asked:
        raise InputError(
            f"`previous` must predict what `model` does: the target {model.info.target!r} with "
            f"{len(model.info.classes)} classes. Found: {previous.info.target!r} with "
            f"{len(previous.info.classes)} classes. Pass an earlier model of the same task."
        )
    try:
        require_features(test, previous, "test")
    except InputError:
        return None
    return previous


def _findings(
    model: Model, previous: Model | None, drawn: Sample, frame: "pd.DataFrame", request: Request
) -> Findings:
    predicted = predict(model, drawn.table)
    attribution = shapley.attribute(model, frame, request.seed)
    columns = model.info.features
    ranked = (-attribution.importance).argsort(kind="stable")[: request.top]
    # A column that the model does not use has a flat line.
    used = [columns[index] for index in ranked if attribution.importance[index] > 0]
    drawn_lines = (depend(model, frame, name) for name in used)
    moves = None
    if previous is not None:
        other = feature_frame(drawn.table.read(), previous.info.features)
        before = shapley.attribute(previous, other, request.seed)
        moves = importance.compare(_by_column(model, attribution), _by_column(previous, before))
    return Findings(
        columns,
        attribution,
        importance.permute(model, frame, predicted.truth, request.seed),
        importance.alone(model, frame, predicted.truth, request.seed),
        tuple(each for each in drawn_lines if each is not None),
        moves,
    )


def _by_column(model: Model, found: Attribution) -> Mapping[str, float]:
    return dict(zip(model.info.features, found.importance.tolist(), strict=True))


def _metrics(findings: Findings) -> dict[str, float]:
    """Return finite numbers for the KFP UI and for the model card."""
    import math

    found = findings.attribution
    metrics = {
        "explained_rows": float(len(found.values)),
        "local_accuracy_gap": found.gap,
        "most_told_alone": float(max(findings.alone)),
    }
    if findings.moves is not None:
        metrics["importance_correlation"] = findings.moves.correlation
    for index in findings.order[:MAX_METRICS]:
        metrics[f"importance_{findings.columns[index]}"] = float(findings.shares[index])
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
