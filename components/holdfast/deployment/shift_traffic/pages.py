"""What shift_traffic tells people."""

from typing import TYPE_CHECKING, Any

from holdfast.report import Figure, Paragraph, Report, Rows

if TYPE_CHECKING:
    from holdfast.deployment.shift_traffic.logic import Shift

NONE = "none"


def report(shift: "Shift") -> Report:
    """Return the page."""
    plan = shift.plan
    objectives = plan.objectives
    blocks: list[Any] = [Paragraph(shift.told)]
    reasons = (reason.message for reason in shift.verdict.reasons)
    blocks += [Paragraph(message) for message in reasons if message != shift.told]
    blocks.append(
        Paragraph(
            f"Each step lasts {objectives.seconds:g} s and sends {objectives.requests} requests to "
            f"each target. Objectives: p95 at most {objectives.p95_ms:g} ms, errors at most "
            f"{objectives.error_share:.2%}."
        )
    )
    rows = tuple(
        (
            step.share, health.target, health.requests, health.errors,
            NONE if health.p95_ms is None else f"{health.p95_ms:.1f}",
            ", ".join(f"{count} x {fault}" for fault, count in health.faults) or "none",
            ", ".join(f"{name}: {count}" for name, count in health.versions) or "not told",
        )
        for step in shift.steps
        for health in step.healths
    )  # fmt: skip
    columns = (
        "share, %",
        "target",
        "requests",
        "errors",
        "p95, ms",
        "faults",
        "answers by version",
    )
    blocks.append(Rows("Steps", columns, rows))
    if shift.steps:
        caption = f"Share of the traffic of {shift.revision}, latency and errors"
        blocks.append(Figure(caption, _picture(shift)))
    return Report(f"Traffic of {plan.name}", shift.verdict.decision, tuple(blocks))


def _picture(shift: "Shift") -> str:
    """Return the share over time, and latency and errors by step, as SVG."""
    from holdfast.plots import BLUE, GREY, ORANGE, figure_of, svg_of

    figure, (share, latency, errors) = figure_of(3, 3.2)
    times = [step.at / 60 for step in shift.steps]
    # The last share holds for as long as its step lasted.
    share.step(
        [*times, times[-1] + shift.plan.objectives.seconds / 60],
        [*(step.share for step in shift.steps), shift.steps[-1].share],
        where="post", color=BLUE,
    )  # fmt: skip
    share.set(title="share of the traffic, %", xlabel="minutes", ylim=(-5, 105))
    looked = [step for step in shift.steps if step.healths]
    names = [f"{step.share} %" for step in looked]
    for target, color in (("service", BLUE), ("canary", ORANGE)):
        found = [next((h for h in s.healths if h.target == target), None) for s in looked]
        if not any(found):
            continue
        slow = [float("nan") if h is None or h.p95_ms is None else h.p95_ms for h in found]
        latency.plot(names, slow, "o-", color=color, label=target)
        errors.plot(
            names, [float("nan") if h is None else 100 * h.error_share for h in found],
            "o-", color=color, label=target,
        )  # fmt: skip
    objectives = shift.plan.objectives
    latency.axhline(objectives.p95_ms, color=GREY, linestyle="--", label="objective")
    errors.axhline(100 * objectives.error_share, color=GREY, linestyle="--", label="objective")
    latency.set(title="p95, ms", xlabel="share of the traffic", ylim=(0, None))
    errors.set(title="errors, %", xlabel="share of the traffic", ylim=(0, None))
    latency.legend(frameon=False)
    return svg_of(figure)
