"""A test that may be looked at as often as one likes, and what it costs in units.

Normal mixture sequential probability ratio test (Robbins 1970; Johari, Koomen, Pekelis & Walsh
2022, Always valid inference), read as a confidence sequence: with probability 1 - alpha it holds
the truth at all looks at once. It is asymptotic (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas
2024, Time-uniform central limit theory): a look needs enough units for means to be normal.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Design:
    """What an experiment is planned to find.

    Attributes:
        effect: The difference to find, above 0, in the metric's unit.
        alpha: The chance of a wrong alarm, over all looks together.
        power: The chance of finding the effect.
    """

    effect: float
    alpha: float
    power: float

    @property
    def variance(self) -> float:
        """Return the variance of the difference at which a test of one look has the power."""
        from scipy.stats import norm

        return float((self.effect / (norm.ppf(1 - self.alpha / 2) + norm.ppf(self.power))) ** 2)

    @property
    def mixing(self) -> float:
        """Return the variance of the mixture that makes the sequence tightest there.

        It comes from the plan alone: chosen by the data, the sequence would not hold. The ratio is
        that of Howard, Ramdas, McAuliffe & Sekhon 2021, Time-uniform, nonparametric,
        nonasymptotic confidence sequences, section 3.
        """
        from scipy.special import lambertw

        ratio = -float(lambertw(-(self.alpha**2) / math.e, -1).real) - 1
        return ratio * self.variance

    @property
    def sequential_variance(self) -> float:
        """Return the variance at which a look of the sequence alone has the power.

        All looks before it add to the power, so that it is a safe side.
        """
        from scipy.optimize import brentq
        from scipy.stats import norm

        quantile = float(norm.ppf(self.power))

        def missing(variance: float) -> float:
            width = float(half_width(variance, self.mixing, self.alpha))
            return self.effect - width - quantile * math.sqrt(variance)

        return float(brentq(missing, 1e-6 * self.variance, self.variance))


def half_width(
    variance: "float | npt.NDArray[np.float64]", mixing: float, alpha: float
) -> "npt.NDArray[np.float64]":
    """Return half the width of the confidence sequence where the estimate has a variance."""
    import numpy as np

    ratio = (np.asarray(variance) + mixing) / variance
    return np.sqrt(2 * variance * ratio * variance / mixing * np.log(np.sqrt(ratio) / alpha))
