"""Fit what later monitoring compares with: metrics, calibration, errors and covariates."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import InputError
from holdfast.monitoring import calibration, covariates, expected, loss_estimation
from holdfast.monitoring.baseline import VERSIONS, Origin, PerformanceBaseline
from holdfast.monitoring.concept import errors_of, quantiles_of, reliability_of
from holdfast.monitoring.covariates import Covariate
from holdfast.monitoring.loss_estimation import LOSSES
from holdfast.monitoring.scored import Scored, as_label, predictions_of, versions_of
from holdfast.optional import NotEnough
from holdfast.performance.bootstrap import Interval, Resampling, intervals
from holdfast.performance.columns import PREDICTION
from holdfast.performance.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

# Fewer rows have no calibration to speak of.
MIN_ROWS = 100
# More classes than these would make a column of each probability.
MAX_SCORE_COLUMNS = 20


@dataclass(frozen=True)
class Fitted:
    """A baseline, and the reference's rows that have no label."""

    baseline: PerformanceBaseline
    unlabelled: int

    @property
    def scores(self) -> dict[str, float]:
        """Metrics with the ends of their intervals, and the estimate of each."""
        found: dict[str, float] = {}
        for name, known in self.baseline.metrics.items():
            found |= {name: known.value, f"{name}_low": known.low, f"{name}_high": known.high}
        return found | {f"{n}_estimated": v for n, v in self.baseline.estimated.items()}


def fit(
    scored: Scored, label: str, features: Sequence[str], exclude: Sequence[str], how: Resampling
) -> Fitted:
    """Fit a baseline.

    Args:
        scored: Predictions for rows that the model has not seen, with their label.
        label: The column of the labels; the model's target if empty.
        features: The columns that the model reads; all of the input's own if empty.
        exclude: Columns that are none of these, such as ids.
        how: Resamples, confidence level and seed.

    Raises:
        InputError: A column is missing, or there are too few labelled rows, or all are alike.
    """
    label = label or scored.columns.target
    scored.require([label], "label")
    names = _features(scored, features, [*exclude, label])
    rows, unlabelled = _labelled(scored, label, names)
    predicted = predictions_of(rows, label, scored.columns)
    _require_enough(predicted, unlabelled)
    measured = intervals(predicted, how)
    model = _one_model(scored)
    origin = Origin(
        scored.columns.target, predicted.task, tuple(scored.columns.classes), *model,
        scored.table.sha256, predicted.rows, how.confidence_level, how.seed,
        {name: version(name) for name in VERSIONS},
    )  # fmt: skip
    columns = [*names, *score_columns(scored)]
    parts = _classes if predicted.classes else _numbers
    return Fitted(parts(predicted, rows.select(columns), origin, measured), unlabelled)


def score_columns(scored: Scored) -> list[str]:
    """Return the columns of the answer: of two classes the second one's probability."""
    found = scored.columns.probabilities
    if not found:
        return [PREDICTION]
    return found[1:] if len(found) == 2 else found[:MAX_SCORE_COLUMNS]


def _classes(
    predicted: Predictions, columns: pa.Table, origin: Origin, measured: dict[str, Interval]
) -> PerformanceBaseline:
    import numpy as np

    fitted = calibration.fit(
        predicted.probabilities.astype(float), predicted.truth_codes, origin.seed
    )
    place = predicted.answer_codes
    sure = fitted.unseen[np.arange(predicted.rows), place]
    residuals = (predicted.truth_codes == place) - sure
    estimated = expected.expected(
        predicted.answers, predicted.probabilities, predicted.classes, fitted.unseen
    )
    return PerformanceBaseline(
        origin,
        measured,
        {name: value for name, value in estimated.items() if name in measured},
        _described(columns, residuals),
        reliability_of(predicted),
        quantiles_of(errors_of(predicted)),
        calibrator=fitted.calibrator,
    )


def _numbers(
    predicted: Predictions, columns: pa.Table, origin: Origin, measured: dict[str, Interval]
) -> PerformanceBaseline:
    import numpy as np

    errors = errors_of(predicted)
    placed = [covariates.place(c, columns[c.name]) for c in _described(columns, errors)]
    estimator, unseen = loss_estimation.fit(covariates.matrix(placed), errors, origin.seed)
    means = {name: float(unseen[name].mean()) for name in LOSSES}
    return PerformanceBaseline(
        origin,
        measured,
        {"mae": means["mae"], "rmse": means["rmse"] ** 0.5},
        _described(columns, np.abs(errors) - unseen["mae"]),
        reliability_of(predicted),
        quantiles_of(errors),
        losses=estimator,
    )


def _described(columns: pa.Table, residuals: "Floats") -> tuple[Covariate, ...]:
    return tuple(
        covariates.describe(name, columns[name], residuals) for name in columns.column_names
    )


def _features(scored: Scored, features: Sequence[str], exclude: Sequence[str]) -> list[str]:
    scored.require(features, "features")
    names = [name for name in (features or scored.own) if name not in exclude]
    for name in names:
        covariates.kind_of(scored.table.schema.field(name).type, name)
    return names


def _labelled(scored: Scored, label: str, names: Sequence[str]) -> tuple[pa.Table, int]:
    """Return the rows that have a label, and how many have none."""
    like = scored.table.schema.field(PREDICTION).type
    parts = []
    for batch in scored.batches([*names, label]):
        labels = as_label(batch[label], like, scored.columns, scored.name)
        rows = pa.Table.from_batches([batch])
        place = rows.column_names.index(label)
        parts.append(rows.set_column(place, label, labels))
    whole = pa.concat_tables(parts).unify_dictionaries() if parts else None
    if whole is None:
        return pa.table({name: [] for name in [*names, label, PREDICTION]}), 0
    known = whole.filter(pc.is_valid(whole[label]))
    return known, whole.num_rows - known.num_rows


def _require_enough(predicted: Predictions, unlabelled: int) -> None:
    if predicted.rows < MIN_ROWS:
        raise NotEnough(
            f"`predictions` must hold at least {MIN_ROWS} rows with a label. Found: "
            f"{predicted.rows}, and {unlabelled} without. Pass a larger test share."
        )
    if not predicted.classes:
        return
    codes = predicted.truth_codes
    if (codes < 0).any():
        found = sorted({str(label) for label in predicted.truth[codes < 0]})[:5]
        raise InputError(
            f"`predictions` must hold labels of the model's classes {list(predicted.classes)}. "
            f"Found: {found}. Pass the target as the model was trained on it."
        )
    if len(set(codes.tolist())) < 2:
        raise InputError(
            f"`predictions` must hold labels of two classes at least. Found: only "
            f"{predicted.truth[0]!r} in {predicted.rows} rows. Pass the test share."
        )


def _one_model(scored: Scored) -> tuple[str, str]:
    found = versions_of(scored)
    if len(found) > 1:
        raise InputError(
            f"`predictions` must be of one model. Found: {found}. Pass the predictions of one "
            f"version; a baseline is that of a version."
        )
    return found[0] if found else ("", "")
