"""From which effect on a change matters."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.errors import InputError

DEFAULTS = {
    # Below 0.1 a population is commonly said not to have changed (Siddiqi, Credit Risk Scorecards,
    # 2006).
    "psi": 0.1,
    # As NannyML has it by default.
    "jensen_shannon": 0.1,
    # As Evidently has it by default, in standard deviations.
    "wasserstein": 0.1,
    # Five of a hundred rows have changed their category.
    "total_variation": 0.05,
    # A change of five points; the change of volume is relative to what is expected.
    "missing": 0.05,
    "volume": 0.5,
    # What an encoder or a tree has never met, it can't read.
    "unseen": 0.01,
    "beyond": 0.01,
    # The largest distance of two distribution functions, of the scores of a classifier that tells
    # the tables apart.
    "classifier": 0.1,
}
# From this share of a limit on, people are warned.
NEAR = 0.5


@dataclass(frozen=True)
class Limits:
    """The limits by measure, and those of single columns by column and measure."""

    general: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULTS))
    single: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def of(self, measure: str, column: str = "") -> float:
        """Return the limit of a measure for a column."""
        return self.single.get((column, measure), self.general[measure])


def read_limits(given: Mapping[str, Any]) -> Limits:
    """Return the default limits with those that are given: MEASURE, or COLUMN.MEASURE.

    Raises:
        InputError: There is no such measure, or a limit is not a number above 0.
    """
    general, single = dict(DEFAULTS), {}
    for name, value in given.items():
        column, _, measure = name.rpartition(".")
        if measure not in DEFAULTS:
            raise InputError(
                f"`limits` must name measures out of {list(DEFAULTS)}, alone or as COLUMN.MEASURE. "
                f"Found: {name!r}. Correct it."
            )
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value <= 0:
            raise InputError(
                f"`limits` must be numbers above 0. Found: {value!r} for {name}. To leave a "
                f"measure out, give it a limit that nothing reaches, such as 1e9."
            )
        if column:
            single[column, measure] = float(value)
        else:
            general[measure] = float(value)
    return Limits(general, single)
