"""Which raw columns each output of a transformer is made of."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

PROBED_ROWS = 200
# Rows times columns times trials that stand in memory together.
PROBED_CELLS = 10**7
# Between a column's name and what an encoder adds to it.
SEPARATORS = ("_", " ", "__", "^", "=", "-", ".", ":")


def shares(transformer: Any, frame: "pd.DataFrame", seed: int) -> "npt.NDArray[np.float64] | None":
    """Return how much of each output belongs to each raw column, or None where it can't be told.

    What an output is made of is tried out: each raw column in turn is shuffled, emptied and
    changed, and the outputs that move are its own. An output of several columns is divided among
    them by the rows that each of them moves. Outputs that nothing moves (an indicator of a value
    that no row has) go by name: to the longest column name that theirs begins with.

    Args:
        transformer: All steps of a Pipeline before its estimator.
        frame: Rows as the model reads them.
        seed: Seed of the shuffling.

    Returns:
        A matrix of outputs by raw columns, whose rows sum to 1.
    """
    import numpy as np

    few = frame.iloc[: max(1, min(PROBED_ROWS, PROBED_CELLS // frame.shape[1] ** 2))]
    plain = dense(transformer.transform(few))
    moved = np.zeros((plain.shape[1], frame.shape[1]))
    generator = np.random.default_rng(seed)
    for change in (lambda column: _shuffled(column, generator), _emptied, _other):
        moved += _moved(transformer, few, plain, change)
    _by_name(moved, transformer, list(frame.columns))
    total = moved.sum(axis=1, keepdims=True)
    return moved / total if (total > 0).all() else None


def _moved(
    transformer: Any,
    frame: "pd.DataFrame",
    plain: "npt.NDArray[np.float64]",
    change: "Callable[[pd.Series[Any]], pd.Series[Any]]",
) -> "npt.NDArray[np.float64]":
    """Return the share of rows in which each output moves when a column is changed."""
    import numpy as np
    import pandas as pd

    # All at once: a call for each of hundreds of columns would take minutes.
    rows, trials = len(frame), frame.shape[1]
    tiled = frame.iloc[np.tile(np.arange(rows), trials)]
    changed = {
        name: pd.concat(
            [
                tiled[name].iloc[: index * rows],
                change(frame[name]),
                tiled[name].iloc[(index + 1) * rows :],
            ],
            ignore_index=True,
        )
        for index, name in enumerate(frame.columns)
    }
    try:
        outputs = dense(transformer.transform(pd.DataFrame(changed)))
    except ValueError:
        # Some encoders refuse values that they have not seen; the other trials tell.
        return np.zeros((plain.shape[1], frame.shape[1]))
    outputs = outputs.reshape(trials, *plain.shape)
    same = (outputs == plain) | (np.isnan(outputs) & np.isnan(plain))
    return (~same).mean(axis=1).T


def _shuffled(column: "pd.Series[Any]", generator: "np.random.Generator") -> "pd.Series[Any]":
    return column.iloc[generator.permutation(len(column))].set_axis(column.index)


def _emptied(column: "pd.Series[Any]") -> "pd.Series[Any]":
    import pandas as pd

    return pd.Series(None, index=column.index, dtype=column.dtype)


def _other(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return values that no row has."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.fillna(0) + 1
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return column + pd.Timedelta(days=400, hours=7)
    return pd.Series("\0 of no row", index=column.index, dtype=column.dtype)


def _by_name(moved: "npt.NDArray[np.float64]", transformer: Any, columns: list[str]) -> None:
    still = (moved.sum(axis=1) == 0).nonzero()[0]
    if not len(still):
        return
    outputs = transformer.get_feature_names_out()
    longest = sorted(columns, key=len, reverse=True)
    for index in still:
        name = str(outputs[index])
        owners = [
            column
            for column in longest
            if name == column or name.startswith(tuple(column + sign for sign in SEPARATORS))
        ]
        if owners:
            moved[index, columns.index(owners[0])] = 1


def dense(outputs: Any) -> "npt.NDArray[np.float64]":
    """Return a transformer's outputs as a plain matrix of numbers."""
    import numpy as np

    if hasattr(outputs, "toarray"):
        outputs = outputs.toarray()
    return np.asarray(outputs, dtype=np.float64)
