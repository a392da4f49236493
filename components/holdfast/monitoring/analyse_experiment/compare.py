"""Treatment against control: differences and ratios with intervals, and the confidence sequence."""

import math
from dataclasses import dataclass

from holdfast.monitoring.analyse_experiment.arms import Counts
from holdfast.monitoring.analyse_experiment.estimates import Arm, Look
from holdfast.monitoring.analyse_experiment.request import Metric
from holdfast.monitoring.analyse_experiment.sequential import Design, half_width

# Below these the mean of an arm's units is not yet normal, and a sequence does not hold.
MIN_UNITS, MIN_EVENTS = 100, 20


@dataclass(frozen=True)
class Interval:
    """A value and the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """A metric of both arms at each look, held against what it is planned for."""

    metric: Metric
    looks: tuple[Look, ...]
    design: Design

    @property
    def last(self) -> Look:
        """Return the look that decides."""
        return self.looks[-1]

    @property
    def improvement(self) -> Interval:
        """Return the improvement with its confidence sequence, of the last look."""
        return self.improvement_at(self.last)

    def improvement_at(self, look: Look) -> Interval:
        """Return the improvement with its confidence sequence, of a look."""
        found = always_valid(look, self.design)
        if self.metric.sign > 0:
            return found
        return Interval(-found.value, -found.high, -found.low)

    def enough(self, look: Look) -> bool:
        """Tell whether a look rests on enough units, and enough of the rarer outcome."""
        arms = look.control, look.treatment
        events = sum(arm.events for arm in arms)
        return min(arm.units for arm in arms) >= MIN_UNITS and (
            min(arm.events for arm in arms) < 0 or events >= MIN_EVENTS
        )

    @property
    def constant(self) -> bool:
        """Tell whether no unit differs from another, which shows nothing."""
        return self.last.variance == 0


def always_valid(look: Look, design: Design) -> Interval:
    """Return the difference with the interval that holds at all looks together."""
    width = float(half_width(look.variance, design.mixing, design.alpha)) if look.variance else 0.0
    return Interval(look.difference, look.difference - width, look.difference + width)


def one_look(look: Look, metric: Metric, alpha: float) -> Interval:
    """Return the difference with the interval of a test that is looked at once.

    Of proportions that of Newcombe 1998 (method 10), of others the normal one.
    """
    from scipy.stats import norm

    z = float(norm.ppf(1 - alpha / 2))
    first, second, found = look.treatment, look.control, look.difference
    if metric.kind == "proportion" and min(first.events, second.events) >= 0:
        (a, b), (c, d) = _wilson(first, z), _wilson(second, z)
        low = math.hypot(first.value - a, d - second.value)
        high = math.hypot(b - first.value, second.value - c)
        return Interval(found, found - low, found + high)
    width = z * math.sqrt(look.variance)
    return Interval(found, found - width, found + width)


def _wilson(arm: Arm, z: float) -> tuple[float, float]:
    middle = arm.value + z * z / (2 * arm.units)
    spread = z * math.sqrt(
        arm.value * (1 - arm.value) / arm.units + z * z / (4 * arm.units * arm.units)
    )
    below = 1 + z * z / arm.units
    return (middle - spread) / below, (middle + spread) / below


def ratio(look: Look, alpha: float) -> Interval | None:
    """Return treatment over control with its interval of one look, by the delta method on logs.

    None where an arm is not above 0 with its own interval: nothing is a multiple of that.
    """
    from scipy.stats import norm

    first, second, z = look.treatment, look.control, float(norm.ppf(1 - alpha / 2))
    if any(arm.value <= z * math.sqrt(arm.variance) for arm in (first, second)):
        return None
    found = first.value / second.value
    spread = first.variance / first.value**2 + second.variance / second.value**2
    factor = math.exp(z * math.sqrt(spread))
    return Interval(found, found / factor, found * factor)


def sample_ratio(counts: Counts, share: float) -> float:
    """Return the p-value of the units' split against the planned one (Fabijan et al. 2019).

    Pearson's chi-square; a strict alpha lets it be looked at daily.
    """
    from scipy.stats import chisquare

    total = counts.units
    expected = [total * (1 - share), total * share]
    return float(chisquare([counts.control, counts.treatment], expected).pvalue)
