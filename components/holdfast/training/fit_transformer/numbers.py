"""What the steps of numbers can't bear, told before they are fitted."""

from math import ceil
from typing import TYPE_CHECKING

from holdfast.errors import InputError
from holdfast.training.fit_transformer.grammar import Numeric
from holdfast.training.fit_transformer.plan import Plan

if TYPE_CHECKING:
    import pandas as pd


def check_numbers(plan: Plan, frame: "pd.DataFrame") -> None:
    """Refuse infinity where nothing clips it, and negative numbers before a logarithm.

    Raises:
        InputError: Such numbers are in the training table.
    """
    entries = [group.entry for group in plan.groups if isinstance(group.entry, Numeric)]
    infinite = [
        name for entry in entries for name in entry.columns if _is_infinite(frame[name], entry.clip)
    ]
    if infinite:
        raise InputError(
            f"`train` must hold finite numbers or missing values. Found: infinity in "
            f"{infinite[:10]}. Replace it at the source, for example by a missing value, or let "
            f"`features` clip a larger share."
        )
    logged = [name for entry in entries if entry.log for name in entry.columns]
    negative = [name for name in logged if (frame[name] < 0).any()]
    if negative:
        raise InputError(
            f"`train` must hold no negative number where `features` takes the log. Found: some in "
            f"{negative[:10]}. Take the log off, or shift the column at the source."
        )


def _is_infinite(numbers: "pd.Series[float]", clip: float | None) -> bool:
    """Tell whether infinity is left: it must lie beyond the quantiles to be clipped."""
    import numpy as np

    infinite = int(np.isinf(numbers.to_numpy()).sum())
    if not infinite or clip is None:
        return bool(infinite)
    known = int(numbers.count())
    return ceil((known - 1) * (1 - clip)) > known - infinite - 1
