"""What an estimator learns from: the transformed features of its training table.

Target encoding is cross-fitted: a training row is encoded by what the rows of other folds say, any
other row by what all training rows say. A fitted transformer knows only the second, so a training
step fits the same steps to the same rows again, and gets the same encoding of both.
"""

from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError
from holdfast.model import Model, feature_frame, require_features
from holdfast.table import Table, Task

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    from sklearn.pipeline import Pipeline

# What the libraries say of rows that a step can't learn from. None of it holds a value.
UNFIT = (
    "Input columns",
    "empty vocabulary",
    "After pruning",
    "n_splits=",
    "Cannot have number of splits",
)


def training_inputs(
    transformer: Model, table: Table, name: str = "train"
) -> tuple["npt.NDArray[np.float64]", "npt.NDArray[Any]"]:
    """Return the matrix that an estimator learns from, and the target.

    With cross-fitted steps, the row's own target is in none of its features.

    Args:
        transformer: A fitted transformer.
        table: The table that the transformer was fitted on.
        name: The table's name as an input, for error messages.

    Raises:
        InputError: The table has no target or does not fit the transformer; or steps are
            cross-fitted, and it is not the table that they were fitted on.
    """
    import numpy as np

    column = table.require_target(name)
    require_features(table, transformer, name)
    crossed = is_cross_fitted(transformer.pipeline)
    if crossed and table.sha256 != transformer.info.trained_on:
        raise InputError(
            f"`{name}` must be the table that `transformer` was fitted on: its target encoding "
            f"has seen the target of these rows alone. Found: sha256 {table.sha256[:12]}..., not "
            f"{transformer.info.trained_on[:12]}.... Fit the transformer to `{name}`."
        )
    features = transformer.info.features
    rows = table.read([*features, column])
    target = rows.column(column).to_numpy()
    frame = feature_frame(rows, features)
    if crossed:
        return refit(transformer, frame, target)[1], target
    return np.asarray(transformer.pipeline.transform(frame), dtype=np.float64), target


def refit(
    transformer: Model, frame: "pd.DataFrame", target: "npt.NDArray[Any]"
) -> tuple["Pipeline", "npt.NDArray[np.float64]"]:
    """Fit the steps of a transformer to other rows, as each fold of a cross-validation needs it.

    Args:
        transformer: Whose steps; it stays as it is.
        frame: Rows as feature_frame gives them.
        target: The target of these rows.

    Returns:
        The fitted steps, which transform any other row, and the matrix to learn from.
    """
    from sklearn.base import clone

    steps = clone(transformer.pipeline)
    return steps, fit_steps(steps, frame, target, transformer.info.task)


def fit_steps(
    steps: "Pipeline", frame: "pd.DataFrame", target: "npt.NDArray[Any]", task: Task
) -> "npt.NDArray[np.float64]":
    """Fit the steps of a transformer in place, and return the matrix to learn from.

    Raises:
        InputError: Steps are cross-fitted, and the target has missing values or one class only; or
            the rows do not bear a step.
    """
    import numpy as np

    learned = _codes(target, task) if is_cross_fitted(steps) else None
    columns = steps["columns"]
    unfitted = columns.transformers
    columns.transformers = [_fit_ordinal(frame, *step) for step in unfitted]
    try:
        inputs = steps.fit_transform(frame, learned)
    except ValueError as error:
        if not str(error).startswith(UNFIT):
            raise
        raise InputError(
            f"`features` asks for steps that the rows of `train` do not bear. Found: "
            f"{' '.join(str(error).split())} Change the step: clip needs quantiles that differ, "
            f"text needs words in min_rows rows, and target encoding a row for each fold."
        ) from error
    columns.transformers = unfitted
    columns.transformers_ = [_thawed(*step) for step in columns.transformers_]
    # Parts of dates alone are integers.
    return np.asarray(inputs, dtype=np.float64)


def _fit_ordinal(
    frame: "pd.DataFrame", name: str, step: Any, names: list[str]
) -> tuple[str, Any, list[str]]:
    """Fit an ordinal encoder ahead of the others, with a row of missing values of its own.

    It knows a missing value only if it has seen one; to other steps, the row would be data.
    """
    import pandas as pd
    from sklearn.base import clone
    from sklearn.frozen import FrozenEstimator
    from sklearn.preprocessing import OrdinalEncoder

    if not isinstance(step, OrdinalEncoder):
        return name, step, names
    missing = frame[names].iloc[:0].reindex([0])
    seen = pd.concat([_representative(frame[names], step), missing], ignore_index=True)
    return name, FrozenEstimator(clone(step).fit(seen)), names


def _representative(frame: "pd.DataFrame", step: Any) -> "pd.DataFrame":
    """Return rows that an ordinal encoder learns the same from, without rows that add nothing.

    It learns which values there are, and which are rarer than its least frequency; scikit-learn
    counts them by a loop in Python, which pandas does ten times as fast.
    """
    import numpy as np
    import pandas as pd

    if step.max_categories is not None:
        # The order of all counts decides.
        return frame
    enough = step.min_frequency or 1
    counts = {name: frame[name].value_counts(dropna=False) for name in frame}
    if not all(len(each) and each.iloc[0] >= enough for each in counts.values()):
        # No value may be repeated at will.
        return frame
    kept = {name: np.minimum(each, enough) for name, each in counts.items()}
    rows = max(int(each.sum()) for each in kept.values())
    columns = {}
    for name, each in kept.items():
        times = each.to_numpy().copy()
        times[0] += rows - times.sum()
        columns[name] = each.index.repeat(times).to_series(index=range(rows))
    return pd.DataFrame(columns).astype(frame.dtypes)


def _thawed(name: str, step: Any, names: list[str]) -> tuple[str, Any, list[str]]:
    from sklearn.frozen import FrozenEstimator

    return name, step.estimator if isinstance(step, FrozenEstimator) else step, names


def is_cross_fitted(steps: "Pipeline") -> bool:
    """Tell whether the training rows are encoded in another way than all others."""
    from sklearn.preprocessing import TargetEncoder

    return any(isinstance(step, TargetEncoder) for step in steps.get_params().values())


def _codes(target: "npt.NDArray[Any]", task: Task) -> "npt.NDArray[Any]":
    import numpy as np
    import pandas as pd

    missing = int(pd.isna(target).sum())
    if missing:
        raise InputError(
            f"`train` must hold a target in every row where `features` encodes by the target. "
            f"Found: {missing} rows without. Drop them at the source."
        )
    if task != "classification":
        return target
    classes, codes = np.unique(target, return_inverse=True)
    if len(classes) < 2:
        raise InputError(
            f"`train` must hold at least two classes where `features` encodes by the target. "
            f"Found: one class in {len(target)} rows. Pass a split in which training has every "
            f"class."
        )
    # As text, the names of the output features say the class; text is slower to sort.
    return codes if len(classes) == 2 else classes.astype(str)[codes]
