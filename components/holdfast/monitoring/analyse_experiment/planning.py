"""How many units an experiment needs before it is begun."""

import math
from dataclasses import dataclass

from holdfast.errors import InputError
from holdfast.monitoring.analyse_experiment.estimates import Look
from holdfast.monitoring.analyse_experiment.request import Metric, Plan, Request
from holdfast.monitoring.analyse_experiment.sequential import Design


@dataclass(frozen=True)
class Need:
    """Units of each arm: of a test with one look at its end, and of one that is looked at daily.

    The second is on the safe side: it has the power at its last look alone.
    """

    control: int
    treatment: int
    sequential_control: int
    sequential_treatment: int


def design_of(plan: Plan) -> Design:
    """Return what the metric that decides is planned for: improvement beyond the minimum."""
    return Design(plan.effect - plan.min_effect, plan.alpha, plan.power)


def need_of(plan: Plan, control: float, treatment: float) -> Need:
    """Return the units that are needed where a unit's variance in each arm is known."""
    design = design_of(plan)
    shares = 1 - plan.share, plan.share
    spread = control / shares[0] + treatment / shares[1]
    totals = spread / design.variance, spread / design.sequential_variance
    return Need(*(max(2, math.ceil(total * share)) for total in totals for share in shares))


def planned(request: Request) -> Need:
    """Return the units that are needed, by what is known before any data.

    Raises:
        InputError: The baseline does not fit the metric's kind.
    """
    baseline, metric = request.baseline, request.metric
    if metric.share:
        raise InputError(
            f"`table` must be given to plan for a percentile: only data tell how sure it is. "
            f"Found: kind {metric.kind}. Pass some days without a treatment, in two arms."
        )
    if metric.kind == "proportion":
        after = baseline + metric.sign * request.plan.effect
        if not 0 < baseline < 1 or not 0 < after < 1:
            raise InputError(
                f"`baseline` must be the control's proportion, and stay between 0 and 1 with "
                f"`effect`. Found: {baseline} and {after}. Pass what was seen before."
            )
        return need_of(request.plan, baseline * (1 - baseline), after * (1 - after))
    if not 0 < baseline < float("inf"):
        raise InputError(
            f"`baseline` must be the standard deviation of a unit's value, above 0, or `table` be "
            f"given. Found: {baseline}. Pass what was seen before."
        )
    return need_of(request.plan, baseline**2, baseline**2)


def seen(plan: Plan, metric: Metric, look: Look) -> Need | None:
    """Return the units that are needed, by the control of a look; None where it shows nothing."""
    control = look.control.variance * look.control.units
    if not control:
        return None
    after = look.control.value + metric.sign * plan.effect
    binary = metric.kind == "proportion" and look.control.events >= 0 and 0 < after < 1
    return need_of(plan, control, after * (1 - after) if binary else control)
