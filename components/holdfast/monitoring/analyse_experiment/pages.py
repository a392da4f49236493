"""The page: the decision, the arms, the differences and how they came about, and the plan."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from holdfast.monitoring.analyse_experiment.arms import Counts
from holdfast.monitoring.analyse_experiment.compare import (
    Comparison,
    always_valid,
    one_look,
    ratio,
)
from holdfast.monitoring.analyse_experiment.deciding import Rail
from holdfast.monitoring.analyse_experiment.planning import Need
from holdfast.monitoring.analyse_experiment.request import Plan, Request
from holdfast.plots import BLUE, GREY, ORANGE, figure_of, short, svg_of
from holdfast.report import Block, Figure, Paragraph, Report, Rows
from holdfast.verdict import Reason

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_DRAWN = 4
METHOD = (
    "The always valid interval is a confidence sequence of the normal mixture (Johari et al. "
    "2022): it may be looked at on any day, and holds at all looks together. The interval of one "
    "look holds only where the day of that look was fixed before. Guardrails share one alpha."
)


def finding_rows(reasons: Sequence[Reason]) -> Rows:
    """Return the findings, of which the first decides."""
    rows = tuple((r.effect or "none", r.code, r.subject, r.message) for r in reasons)
    return Rows("Findings", ("effect", "code", "subject", "finding"), rows)


def need_rows(need: Need | None, plan: Plan) -> Rows:
    """Return the plan: units of each arm."""
    heading = (
        f"Units needed to find {plan.effect:g} over {plan.min_effect:g} with power "
        f"{plan.power:g} at alpha {plan.alpha:g}"
    )
    rows: tuple[tuple[str, int, int], ...] = ()
    if need:
        rows = (
            ("one look at the end", need.control, need.treatment),
            ("looked at daily", need.sequential_control, need.sequential_treatment),
        )
    return Rows(heading, ("test", "control", "treatment"), rows)


def analysis(
    request: Request,
    choice: str,
    reasons: Sequence[Reason],
    main: Comparison,
    rails: Sequence[Rail],
    counts: Counts,
    srm: float,
    need: Need | None,
) -> Report:
    """Return the page of an experiment that has data."""
    every = [main, *(rail.compared for rail in rails)]
    split = (
        f"{counts.control:,} units of the control, {request.columns.control!r}, and "
        f"{counts.treatment:,} of the treatment, {counts.treatment_label!r}; planned for it: "
        f"{100 * request.plan.share:g} %, chi-square test of the split: p = {srm:.4g}. Intervals "
        f"of {100 * (1 - request.plan.alpha):g} %. {METHOD}"
    )
    verdict = {"ship": "pass", "stop": "fail", "continue": "warn"}[choice]
    blocks: list[Block] = [
        Paragraph(f"Decision: {choice}. {reasons[0].message}"),
        Paragraph(split),
        finding_rows(reasons),
        _arm_rows(every),
        _difference_rows(every),
    ]
    tolerances = [None, *(rail.tolerance for rail in rails)]
    for compared, tolerance in list(zip(every, tolerances, strict=True))[:MOST_DRAWN]:
        if any(compared.enough(look) and look.variance for look in compared.looks):
            caption = f"{compared.metric.label}: treatment less control"
            caption += f", {len(compared.looks)} looks" if len(compared.looks) > 1 else ""
            blocks.append(Figure(caption, _drawn(compared, request.plan, tolerance)))
    blocks.append(need_rows(need, request.plan))
    return Report("Experiment", verdict, tuple(blocks))


def _arm_rows(every: Sequence[Comparison]) -> Rows:
    rows = tuple(
        (c.metric.label, c.metric.kind, name, arm.units, arm.value, math.sqrt(arm.variance))
        for c in every
        for name, arm in (("control", c.last.control), ("treatment", c.last.treatment))
    )
    columns = ("metric", "kind", "arm", "units", "value", "standard error")
    return Rows("Arms", columns, rows)


def _difference_rows(every: Sequence[Comparison]) -> Rows:
    rows = []
    for compared in every:
        last = compared.last
        if not min(last.control.units, last.treatment.units):
            continue
        always = always_valid(last, compared.design)
        fixed = one_look(last, compared.metric, compared.design.alpha)
        times = ratio(last, compared.design.alpha)
        shown = f"{times.value:.4g} ({times.low:.4g} to {times.high:.4g})" if times else ""
        rows.append(
            (compared.metric.label, always.value, always.low, always.high, fixed.low, fixed.high,
             shown)
        )  # fmt: skip
    columns = (
        "metric", "difference", "always valid from", "to", "one look from", "one look to",
        "ratio (one look)",
    )  # fmt: skip
    return Rows("Treatment less control", columns, tuple(rows))


def _drawn(compared: Comparison, plan: Plan, tolerance: float | None) -> str:
    """Draw the difference and its confidence sequence by look, and the limits that decide."""
    figure, (axes,) = figure_of(1)
    kept = [(n, k) for n, k in enumerate(compared.looks) if compared.enough(k) and k.variance]
    places = [number for number, _ in kept]
    always = [always_valid(look, compared.design) for _, look in kept]
    fixed = [one_look(look, compared.metric, compared.design.alpha) for _, look in kept]
    lows, highs = [a.low for a in always], [a.high for a in always]
    if len(kept) > 1:
        axes.fill_between(places, lows, highs, color=BLUE, alpha=0.2, label="always valid")
        for ends in ([f.low for f in fixed], [f.high for f in fixed]):
            axes.plot(places, ends, color=GREY, linewidth=1, linestyle=":")
    else:
        axes.vlines(places, lows, highs, color=BLUE, alpha=0.4, linewidth=6, label="always valid")
    axes.plot(places, [a.value for a in always], color=BLUE, marker="o", markersize=3)
    sign = compared.metric.sign
    limits = (
        {"minimum effect": plan.min_effect, "planned effect": plan.effect}
        if tolerance is None
        else {"tolerance": -tolerance}
    )
    axes.axhline(0, color="#333", linewidth=1)
    for (name, limit), style in zip(limits.items(), ("--", ":"), strict=False):
        axes.axhline(sign * limit, color=ORANGE, linewidth=1, linestyle=style, label=name)
    _days(axes, [look.day for look in compared.looks])
    axes.set(ylabel=short(f"difference of {compared.metric.label}"))
    axes.legend(fontsize=8)
    return svg_of(figure)


def _days(axes: "Axes", days: Sequence[str]) -> None:
    step = max(1, -(-len(days) // 6))
    axes.set_xticks(range(0, len(days), step), [day or "now" for day in days[::step]], fontsize=7)
    axes.set_xlim(-0.5, len(days) - 0.5)


def planning(request: Request, need: Need) -> Report:
    """Return the page of an experiment that has none yet."""
    known = "proportion" if request.metric.kind == "proportion" else "standard deviation"
    text = (
        f"Planned for {request.metric.label}: a {known} of {request.baseline:g}, and a share of "
        f"the treatment of {request.plan.share:g}. A test that is looked at daily needs more "
        f"units at its end, and mostly ends sooner."
    )
    return Report("Experiment", "no_baseline", (Paragraph(text), need_rows(need, request.plan)))
