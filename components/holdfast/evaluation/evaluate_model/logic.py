"""Judge a model on rows it has not seen: metrics, a verdict and a report."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError
from holdfast.evaluation import plots
from holdfast.model import Model, feature_frame, require_features
from holdfast.report import Figure, Paragraph, Report, Rows
from holdfast.table import Table
from holdfast.verdict import Reason, Verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


# What a coin reaches (ROC AUC), and what the mean of the target reaches (R squared).
DEFAULT_GATES = {"classification": ("roc_auc", 0.5), "regression": ("r2", 0.0)}
HIGHER_IS_BETTER = ("roc_auc", "accuracy", "f1", "r2")
# The KFP UI draws every point; more than these can't be told apart.
MAX_CURVE_POINTS = 200


@dataclass(frozen=True)
class Evaluation:
    """What is known of a model after it has been judged.

    `scores` are finite numbers by metric; `curves` is the metadata of KFP's ClassificationMetrics,
    empty for regression.
    """

    scores: dict[str, float]
    curves: dict[str, Any]
    verdict: Verdict
    report: Report


@dataclass(frozen=True)
class Predictions:
    """Truth and answers of a model for the same rows.

    `probabilities` has a column for each class; it is empty for regression.
    """

    truth: "npt.NDArray[Any]"
    answers: "npt.NDArray[Any]"
    probabilities: "npt.NDArray[np.float64]"


def evaluate(model: Model, test: Table, metric: str, minimum: float) -> Evaluation:
    """Judge a model.

    Args:
        model: The model.
        test: Rows it has not been trained on, with their target.
        metric: The metric of the gate, one where higher is better; the task's usual one if empty.
        minimum: What it must reach; below 0 for what chance reaches.

    Raises:
        InputError: The table does not fit the model, or the metric does not fit the task.
    """
    require_features(test, model, "test")
    predicted = _predict(model, test)
    if model.info.task == "classification":
        scores = _classification_scores(predicted, model.info.classes)
        curves = _curves(predicted, model.info.classes)
        blocks = _classification_blocks(predicted, model.info.classes)
    else:
        scores, curves = _regression_scores(predicted), {}
        blocks = (Figure("Predicted against true values", plots.scatter(predicted)),)
    scores = {name: value for name, value in scores.items() if math.isfinite(value)}
    verdict = _gate(scores, model.info.task, metric, minimum)
    return Evaluation(scores, curves, verdict, _report(model, test, scores, verdict, blocks))


def _predict(model: Model, test: Table) -> Predictions:
    import numpy as np

    rows = test.read([*model.info.features, model.info.target])
    frame = feature_frame(rows, model.info.features)
    truth = rows.column(model.info.target).to_numpy()
    if model.info.task != "classification":
        return Predictions(truth, model.pipeline.predict(frame), np.empty((0, 0)))
    unknown = sorted(set(truth.tolist()) - set(model.info.classes))
    if unknown:
        raise InputError(
            f"`test` holds the classes {unknown[:10]}, which `model` has never seen. Expected: "
            f"some of {list(model.info.classes[:10])}. Pass a split in which training has every "
            f"class."
        )
    probabilities = model.pipeline.predict_proba(frame)
    answers = model.pipeline.classes_[probabilities.argmax(axis=1)]
    return Predictions(truth, answers, probabilities)


def _classification_scores(predicted: Predictions, classes: tuple[Any, ...]) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, f1_score, log_loss

    truth, answers = predicted.truth, predicted.answers
    return {
        "roc_auc": _roc_auc(predicted, classes),
        "accuracy": float(accuracy_score(truth, answers)),
        "f1": float(f1_score(truth, answers, average="macro", labels=list(classes))),
        "log_loss": float(log_loss(truth, predicted.probabilities, labels=list(classes))),
    }


def _roc_auc(predicted: Predictions, classes: tuple[Any, ...]) -> float:
    """Return the area for the second of two classes, else the mean of one class against the rest.

    A class that is absent has no area; the mean is of those that are there.
    """
    import numpy as np
    from sklearn.metrics import roc_auc_score

    judged = range(len(classes)) if len(classes) > 2 else (1,)
    areas = []
    for index in judged:
        members = predicted.truth == classes[index]
        if members.any() and not members.all():
            areas.append(roc_auc_score(members, predicted.probabilities[:, index]))
    return float(np.mean(areas)) if areas else math.nan


def _regression_scores(predicted: Predictions) -> dict[str, float]:
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    truth, answers = predicted.truth, predicted.answers
    return {
        "r2": float(r2_score(truth, answers)),
        "rmse": float(root_mean_squared_error(truth, answers)),
        "mae": float(mean_absolute_error(truth, answers)),
    }


def _gate(scores: dict[str, float], task: str, metric: str, minimum: float) -> Verdict:
    usual_metric, usual_minimum = DEFAULT_GATES[task]
    metric = metric or usual_metric
    possible = [name for name in HIGHER_IS_BETTER if name in scores]
    if metric == usual_metric and metric not in possible:
        raise InputError(
            f"`test` must hold enough rows for {metric}: two of different target at least. Found: "
            f"too few or all alike. Pass a larger share."
        )
    if metric not in possible:
        raise InputError(
            f"`metric` must be one where higher is better and that {task} has here. Expected: one "
            f"of {possible}. Found: {metric!r}. Leave it out to use {usual_metric}."
        )
    if minimum < 0:
        minimum = usual_minimum if metric == usual_metric else 0.0
    passed = scores[metric] >= minimum
    reason = Reason(
        code="minimum_reached" if passed else "below_minimum",
        subject=metric,
        observed=f"{scores[metric]:.6g}",
        expected=f"at least {minimum:.6g}",
        message=(
            f"{metric} on the test rows is {scores[metric]:.6g}, which "
            f"{'reaches' if passed else 'does not reach'} the minimum of {minimum:.6g}."
        ),
    )
    return Verdict("pass" if passed else "fail", (reason,))


def _curves(predicted: Predictions, classes: tuple[Any, ...]) -> dict[str, Any]:
    """Return the metadata that the KFP UI draws: confusion matrix and, for two classes, ROC."""
    matrix = _confusion(predicted, classes)
    curves: dict[str, Any] = {
        "confusionMatrix": {
            "annotationSpecs": [{"displayName": str(name)} for name in classes],
            "rows": [{"row": row} for row in matrix],
        }
    }
    if len(classes) == 2:
        curves["confidenceMetrics"] = [
            {"confidenceThreshold": t, "falsePositiveRate": x, "recall": y}
            for x, y, t in roc_points(predicted, classes)
        ]
    return curves


def roc_points(
    predicted: Predictions, classes: tuple[Any, ...]
) -> list[tuple[float, float, float]]:
    """Return (false positive rate, recall, threshold) of the second class, evenly thinned."""
    import numpy as np
    from sklearn.metrics import roc_curve

    members = predicted.truth == classes[1]
    if not members.any() or members.all():
        return []
    fpr, tpr, thresholds = roc_curve(members, predicted.probabilities[:, 1])
    # The first threshold is infinite, which JSON can't say; no probability is above 1.
    thresholds = np.minimum(thresholds, 1.0)
    keep = np.unique(np.linspace(0, len(fpr) - 1, MAX_CURVE_POINTS).round().astype(int))
    points = zip(fpr[keep], tpr[keep], thresholds[keep], strict=True)
    return [(float(x), float(y), float(t)) for x, y, t in points]


def _confusion(predicted: Predictions, classes: tuple[Any, ...]) -> list[list[int]]:
    from sklearn.metrics import confusion_matrix

    matrix = confusion_matrix(predicted.truth, predicted.answers, labels=list(classes))
    return [[int(count) for count in row] for row in matrix]


def _classification_blocks(
    predicted: Predictions, classes: tuple[Any, ...]
) -> tuple[Figure | Rows, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    scored = precision_recall_fscore_support(
        predicted.truth, predicted.answers, labels=list(classes), zero_division=0
    )
    by_class = tuple(
        (str(name), float(p), float(r), float(f), int(n))
        for name, p, r, f, n in zip(classes, *scored, strict=True)
    )
    matrix = _confusion(predicted, classes)
    counts = tuple((str(name), *row) for name, row in zip(classes, matrix, strict=True))
    blocks: tuple[Figure | Rows, ...] = (
        Rows("Classes", ("class", "precision", "recall", "f1", "rows"), by_class),
        Rows("Confusion matrix", ("true \\ predicted", *map(str, classes)), counts),
    )
    if len(classes) == 2:
        points = roc_points(predicted, classes)
        blocks = (Figure(f"ROC curve of class {classes[1]}", plots.roc(points)), *blocks)
    return blocks


def _report(
    model: Model,
    test: Table,
    scores: dict[str, float],
    verdict: Verdict,
    blocks: tuple[Figure | Rows, ...],
) -> Report:
    facts = f"{test.rows:,} test rows, target {model.info.target}, {model.info.task}."
    return Report(
        title="Model evaluation",
        decision=verdict.decision,
        blocks=(
            Paragraph(f"{verdict.reasons[0].message} {facts}"),
            Rows("Metrics", ("metric", "value"), tuple(scores.items())),
            *blocks,
        ),
    )
