"""What an estimator learns from, checked: inputs, target, weights."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from holdfast.errors import InputError
from holdfast.model import Model, feature_frame, require_features
from holdfast.table import Table
from holdfast.training.features import training_inputs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Found = TypeVar("Found")


@dataclass(frozen=True)
class TrainingSet:
    """Rows to learn from.

    `target` holds class numbers for classification, the places of the labels in `classes`; `names`
    are those of the columns of `inputs`; `weights` is None where every row counts alike.
    """

    inputs: "npt.NDArray[np.float64]"
    target: "npt.NDArray[Any]"
    classes: tuple[Any, ...]
    names: tuple[str, ...]
    weights: "npt.NDArray[np.float64] | None"

    def part(self, rows: "npt.NDArray[np.int64]") -> "TrainingSet":
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        return replace(self, inputs=self.inputs[rows], target=self.target[rows], weights=weights)


def read_training_set(
    table: Table, transformer: Model, sample_weight: str = "", class_weight: str = "none"
) -> TrainingSet:
    """Read and transform a training table, and refuse what nothing can be learned from.

    Args:
        table: The training share, which the transformer was fitted on.
        transformer: A fitted transformer.
        sample_weight: The column that says how much a row counts; empty for all alike.
        class_weight: none, or balanced for classes that count alike however many rows they have.

    Raises:
        InputError: The table does not fit the transformer, one of the two comes from a locked
            holdout, or target, features or weights cannot be learned from.
    """
    check_lock(table, transformer)
    target, classes = read_target(table)
    weights = read_weights(table, transformer, sample_weight)
    if class_weight != "none":
        weights = _balanced(table, target, weights, class_weight)
    inputs = training_inputs(transformer, table)[0]
    names = tuple(transformer.pipeline.get_feature_names_out().tolist())
    check_finite(inputs, names, "train")
    return TrainingSet(inputs, target, classes, names, weights)


def join_model(
    table: Table, transformer: Model, steps: list[Any], classes: tuple[Any, ...]
) -> Model:
    """Return transformer and estimator as one model of a table."""
    from sklearn.pipeline import Pipeline

    holdout = table.holdout or transformer.info.holdout_sha256
    info = replace(
        transformer.info, classes=classes, trained_on=table.sha256, holdout_sha256=holdout
    )
    return Model(Pipeline([*transformer.pipeline.steps, *steps]), info)


def read_validation(
    table: Table, transformer: Model, train: TrainingSet, sample_weight: str
) -> TrainingSet:
    """Read the rows that training is judged by, in the class numbers of the training rows.

    Raises:
        InputError: The table does not fit, is a locked holdout, or has a class of its own.
    """
    import numpy as np

    check_lock(table, transformer, "validation")
    target, classes = read_target(table, "validation", least=1)
    unknown = [label for label in classes if label not in train.classes]
    if unknown or bool(classes) != bool(train.classes):
        raise InputError(
            f"`validation` must hold the classes of `train`. Found: {unknown[:10]} beside "
            f"{list(train.classes[:10])}. Pass a split in which training has every class."
        )
    if classes:
        target = np.array([train.classes.index(label) for label in classes])[target]
    weights = read_weights(table, transformer, sample_weight, "validation")
    if weights is None and train.weights is not None:
        weights = np.ones(len(target))
    require_features(table, transformer, "validation")
    features = transformer.info.features
    inputs = transformer.pipeline.transform(feature_frame(table.read(features), features))
    check_finite(inputs, train.names, "validation")
    return TrainingSet(inputs, target, train.classes, train.names, weights)


def optional(artifact: Any, read: Callable[[str, str], Found], name: str) -> Found | None:
    """Read an artifact that a step may be given or not."""
    return read(artifact.path, name) if artifact else None


def check_lock(table: Table, transformer: Model, name: str = "train") -> None:
    """Refuse a locked holdout as training table, and a transformer that learned from one."""
    table.require_trainable(name, transformer.info.holdout_sha256)
    if table.holdout and table.holdout == transformer.info.trained_on:
        raise InputError(
            f"`transformer` must not have learned from the locked holdout of the split that "
            f"`{name}` is of. Found: the holdout's sha256 as the table it was fitted on. Fit it to "
            f"the training share."
        )


def read_target(
    table: Table, name: str = "train", least: int = 2
) -> "tuple[npt.NDArray[Any], tuple[Any, ...]]":
    """Return the target, and the classes whose numbers it holds; none for regression.

    Raises:
        InputError: There is no target, values of it are missing or infinite, or all are one class.
    """
    import numpy as np

    column = table.read([table.require_target(name)]).column(0)
    if not len(column):
        raise InputError(f"`{name}` must hold rows. Found: none. Pass the share of a split.")
    values = column.to_numpy()
    missing = column.null_count
    if values.dtype.kind == "f":
        missing = int((~np.isfinite(values)).sum())
    if missing:
        raise InputError(
            f"`{name}` must hold the target {table.target!r} of every row. Found: {missing} of "
            f"{len(values)} rows in which it is missing or not finite. Leave these rows out at the "
            f"source."
        )
    if table.task != "classification":
        return _numbers(values, table, name), ()
    labels, numbers = np.unique(values, return_inverse=True)
    if len(labels) < least:
        raise InputError(
            f"`{name}` must hold at least two classes. Found: {labels.tolist()} in "
            f"{len(values)} rows. Pass a split in which training has every class."
        )
    return numbers, tuple(labels.tolist())


def _numbers(values: "npt.NDArray[Any]", table: Table, name: str) -> "npt.NDArray[Any]":
    if values.dtype.kind not in "iufb":
        raise InputError(
            f"`{name}` must hold numbers as the target {table.target!r} of a regression. Found: "
            f"{table.schema.field(table.target).type}. Ingest it with task=classification, or as "
            f"numbers."
        )
    return values


def read_weights(
    table: Table, transformer: Model, sample_weight: str, name: str = "train"
) -> "npt.NDArray[np.float64] | None":
    """Return how much each row counts.

    Raises:
        InputError: There is no such column, it is a feature or the target, or it holds no weights.
    """
    import numpy as np
    import pyarrow as pa

    if not sample_weight:
        return None
    if sample_weight not in table.schema.names or sample_weight == table.target:
        raise InputError(
            f"`sample_weight` must name a column of `{name}` besides the target. Found: "
            f"{sample_weight!r}, not among {table.features[:30]}. Check the spelling; case counts."
        )
    if sample_weight in transformer.info.features:
        raise InputError(
            f"`sample_weight` must not name a feature: a row's weight is not known when it is "
            f"predicted. Found: {sample_weight!r} among the features of `transformer`. Fit it with "
            f"`drop: [{sample_weight}]` in `features`."
        )
    try:
        values = table.read([sample_weight]).column(0).cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        values = np.array([np.nan])
    bad = int((~(np.isfinite(values) & (values >= 0))).sum())
    if bad or not values.any():
        raise InputError(
            f"`sample_weight` must name a column of numbers, none missing or below 0, not all 0. "
            f"Found: {bad} such rows in {sample_weight!r}. Mend them at the source."
        )
    return values


def _balanced(
    table: Table,
    target: "npt.NDArray[Any]",
    weights: "npt.NDArray[np.float64] | None",
    class_weight: str,
) -> "npt.NDArray[np.float64]":
    from sklearn.utils.class_weight import compute_sample_weight

    if class_weight != "balanced":
        raise InputError(f"`class_weight` must be none or balanced. Found: {class_weight!r}.")
    if table.task != "classification":
        raise InputError(
            "`class_weight` must be none for a regression, which has no classes. Found: 'balanced'."
        )
    balanced = compute_sample_weight("balanced", target)
    return balanced if weights is None else balanced * weights


def check_finite(inputs: "npt.NDArray[np.float64]", names: tuple[str, ...], name: str) -> None:
    """Refuse infinite inputs; missing ones are the estimator's business."""
    import numpy as np

    infinite = np.array(names)[np.isinf(inputs).any(axis=0)].tolist()
    if infinite:
        raise InputError(
            f"`{name}` must hold finite numbers or missing values. Found: infinity in "
            f"{infinite[:10]}. Replace it at the source, for example by a missing value."
        )
