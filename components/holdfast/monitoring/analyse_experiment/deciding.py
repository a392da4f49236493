"""Ship, stop or continue: what the confidence sequences, the split and the guardrails allow."""

from dataclasses import dataclass
from typing import Literal

from holdfast.monitoring.analyse_experiment.arms import Counts
from holdfast.monitoring.analyse_experiment.compare import (
    MIN_EVENTS,
    MIN_UNITS,
    Comparison,
)
from holdfast.monitoring.analyse_experiment.request import Plan
from holdfast.verdict import Decision, Reason

Choice = Literal["ship", "stop", "continue"]
VERDICTS: dict[Choice, Decision] = {"ship": "pass", "stop": "fail", "continue": "warn"}
# Units in both arms beyond this share say that the assignment itself is broken.
MOST_IN_BOTH = 0.01


@dataclass(frozen=True)
class Rail:
    """A guardrail: its comparison, and by how much it may get worse."""

    compared: Comparison
    tolerance: float


def decide(
    main: Comparison, rails: tuple[Rail, ...], counts: Counts, plan: Plan, srm: float
) -> tuple[Choice, tuple[Reason, ...]]:
    """Decide, and say why: the first reason decides.

    Args:
        main: The metric that decides.
        rails: The guardrails.
        counts: Units and rows.
        plan: What the experiment is planned for.
        srm: The p-value of the split.
    """
    notes = _notes(counts)
    broken = _broken(counts, plan, srm)
    if broken:
        return "stop", (*broken, *notes)
    harmed = tuple(reason for rail in rails for reason in _harm(rail))
    if harmed:
        return "stop", (*harmed, *notes)
    choice, reason = _main(main, plan)
    open_rails = (r for rail in rails for r in _open(rail))
    found = (reason, *open_rails, *_before(main, plan, reason.code), *notes)
    if choice == "ship" and any(r.code == "guardrail_open" for r in found):
        choice = "continue"
    if choice == "continue" and 0 < plan.max_units <= counts.units:
        text = f"The experiment has its {plan.max_units} units, and still can't tell."
        most = Reason("maximum_reached", "units", str(counts.units),
                      f"below {plan.max_units}", text, "fail")  # fmt: skip
        return "stop", (most, *found)
    return choice, found


def _broken(counts: Counts, plan: Plan, srm: float) -> tuple[Reason, ...]:
    """Return why the arms can't be compared at all."""
    found = []
    if srm < plan.srm_alpha:
        seen = f"{counts.treatment} of {counts.units}"
        text = (
            f"The treatment has {counts.treatment} of {counts.units} units where "
            f"{100 * plan.share:g} % were planned (p = {srm:.3g}): the arms differ by more than "
            f"the treatment. Find out who is missing before anything else is read."
        )
        expected = f"p of at least {plan.srm_alpha:g}"
        found.append(Reason("sample_ratio_mismatch", "arms", seen, expected, text, "fail"))
    share = counts.in_both / (counts.units + counts.in_both)
    if share > MOST_IN_BOTH:
        text = f"{100 * share:.3g} % of the units are in both arms: the assignment does not hold."
        expected = f"at most {100 * MOST_IN_BOTH:g} %"
        found.append(
            Reason("units_in_both_arms", "arms", str(counts.in_both), expected, text, "fail")
        )
    return tuple(found)


def _notes(counts: Counts) -> tuple[Reason, ...]:
    found = []
    if 0 < counts.in_both <= MOST_IN_BOTH * (counts.units + counts.in_both):
        text = f"{counts.in_both} units are in both arms; they are left out."
        found.append(Reason("units_in_both_arms", "arms", str(counts.in_both), "0", text, "warn"))
    if counts.left_out:
        text = f"{counts.left_out} rows have no arm, unit or time; they are left out."
        found.append(Reason("rows_left_out", "table", str(counts.left_out), "0", text, "warn"))
    return tuple(found)


def _main(main: Comparison, plan: Plan) -> tuple[Choice, Reason]:
    """Judge the metric that decides by its confidence sequence."""
    name, least = main.metric.label, plan.min_effect
    if main.constant or not main.enough(main.last):
        return "continue", _early(main)
    seen = main.improvement
    shown = f"{seen.value:.4g} ({seen.low:.4g} to {seen.high:.4g})"
    between = f"The improvement of {name} is {shown}"
    if seen.low > least:
        text = f"{between}: beyond {least:g}."
        return "ship", Reason("better", name, shown, f"above {least:g}", text)
    if seen.high < 0:
        text = f"{between}: the treatment does harm."
        return "stop", Reason("harm", name, shown, f"above {least:g}", text, "fail")
    if seen.high < plan.effect:
        text = f"{between}: below the {plan.effect:g} that it was planned to find."
        return "stop", Reason("futile", name, shown, f"up to {plan.effect:g}", text, "fail")
    text = f"{between}, which does not tell yet."
    return "continue", Reason("undecided", name, shown, f"above {least:g}", text, "warn")


def _before(main: Comparison, plan: Plan, now: str) -> tuple[Reason, ...]:
    """Return that an earlier look would have decided otherwise: an effect may fade."""
    for look in main.looks[:-1]:
        if not look.variance or not main.enough(look):
            continue
        seen = main.improvement_at(look)
        code = "better" if seen.low > plan.min_effect else "harm" if seen.high < 0 else now
        if code != now:
            shown = f"{seen.value:.4g} ({seen.low:.4g} to {seen.high:.4g})"
            text = f"On {look.day} the improvement was {shown}: {code}. The effect may have faded."
            return (Reason("decided_before", main.metric.label, shown, now, text, "warn"),)
    return ()


def _early(compared: Comparison) -> Reason:
    last, name = compared.last, compared.metric.label
    if compared.constant and min(last.control.units, last.treatment.units):
        text = f"{name} is the same for every unit, which shows nothing."
        return Reason("constant_metric", name, f"{last.control.value:.6g}", "values that differ",
                      text, "warn")  # fmt: skip
    events = last.control.events + last.treatment.events
    found = f"{last.control.units} and {last.treatment.units} units"
    found += f", {events} of the rarer outcome" if events >= 0 else ""
    expected = f"{MIN_UNITS} units in each arm, {MIN_EVENTS} of a rarer outcome"
    text = f"{name} has {found}: too few to be judged."
    return Reason("too_few_units", name, found, expected, text, "warn")


def _harm(rail: Rail) -> tuple[Reason, ...]:
    """Return that a guardrail got worse beyond its tolerance, for certain."""
    compared = rail.compared
    if compared.constant or not compared.enough(compared.last):
        return ()
    seen, name = compared.improvement, compared.metric.label
    if seen.high >= -rail.tolerance:
        return ()
    shown = f"{-seen.value:.4g} ({-seen.high:.4g} to {-seen.low:.4g})"
    text = f"{name} got worse by {shown}, more than the {rail.tolerance:g} that it may."
    expected = f"at most {rail.tolerance:g} worse"
    return (Reason("guardrail_harmed", name, shown, expected, text, "fail"),)


def _open(rail: Rail) -> tuple[Reason, ...]:
    """Return that a guardrail is not shown to keep to its tolerance."""
    compared, name = rail.compared, rail.compared.metric.label
    early = not compared.enough(compared.last)
    seen = compared.improvement
    if not early and (compared.constant or seen.low > -rail.tolerance):
        return ()
    shown = "too few units" if early else f"{-seen.value:.4g} (up to {-seen.low:.4g})"
    text = f"{name} may be worse by more than {rail.tolerance:g}: {shown}."
    expected = f"at most {rail.tolerance:g} worse"
    return (Reason("guardrail_open", name, shown, expected, text, "warn"),)
