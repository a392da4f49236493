"""Plots of performance over time and against the reference, as inline SVG."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

from holdfast.monitoring.baseline import Reliability
from holdfast.performance.bootstrap import Interval
from holdfast.plots import BLUE, GREY, ORANGE, figure_of, svg_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

RED = "#cf222e"
BINS = 40


def over_time(
    starts: Sequence[int],
    values: Sequence[Interval],
    decisions: Sequence[str],
    reference: Interval | None,
    limit: float | None,
    label: str,
) -> str:
    """Draw a metric by window with its intervals, beside the reference's and the tolerance.

    Args:
        starts: Of the windows, as microseconds since 1970.
        values: The metric of each.
        decisions: What each would decide alone; fail is drawn red, warn orange.
        reference: The reference's metric.
        limit: The value at which the tolerance ends.
        label: The metric's name.
    """
    figure, (axes,) = figure_of(1, height=3.6)
    figure.set_size_inches(9.5, 3.6)
    colors = {"fail": RED, "warn": ORANGE, "pass": BLUE}
    moments = [datetime.fromtimestamp(start / 1e6, UTC) for start in starts]
    # matplotlib knows no zones in limits: all of it is UTC.
    places = [moment.replace(tzinfo=None) for moment in moments]
    axes.plot(places, [v.value for v in values], color="#ccc", linewidth=1, zorder=1)
    for place, value, decision in zip(places, values, decisions, strict=True):
        color = colors.get(decision, GREY)
        axes.vlines(place, value.low, value.high, color=color, linewidth=1.5)
        axes.scatter([place], [value.value], s=18, color=color, zorder=3)
    if reference:
        axes.axhspan(reference.low, reference.high, color=BLUE, alpha=0.12, label="reference")
        axes.axhline(reference.value, color=BLUE, linewidth=1, linestyle="--")
    if limit is not None:
        axes.axhline(limit, color=RED, linewidth=1, linestyle=":", label="tolerance")
    if reference:
        axes.legend(loc="best", fontsize=8)
    axes.set(ylabel=label, xlabel="start of the window (UTC)")
    axes.tick_params(axis="x", labelsize=8, rotation=20)
    return svg_of(figure)


def beside(labels: Sequence[str], values: Sequence[Interval], label: str) -> str:
    """Draw a metric of the reference and of now with their intervals, one below the other."""
    figure, (axes,) = figure_of(1, height=1.2 + 0.35 * len(labels))
    places = range(len(labels))
    colors = [BLUE, ORANGE, GREY][: len(labels)]
    axes.hlines(places, [v.low for v in values], [v.high for v in values], colors=colors)
    axes.scatter([v.value for v in values], places, s=28, c=colors, zorder=3)
    axes.set_yticks(places, list(labels))
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set(xlabel=label)
    return svg_of(figure)


def reliability(now: Reliability | None, reference: Reliability | None) -> str:
    """Draw the share that came true against the probability, now and in the reference."""
    figure, (axes,) = figure_of(1)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="as it should be")
    for bins, color, name in ((reference, BLUE, "reference"), (now, ORANGE, "now")):
        if bins:
            points = (bins.expected, bins.observed)
            axes.plot(*points, color=color, marker="o", markersize=4, label=name)
    axes.set(xlabel="mean probability", ylabel="share that came true", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(loc="upper left", fontsize=8)
    return svg_of(figure)


def spread(now: "Floats | None", reference: "Floats | None", label: str) -> str:
    """Draw how errors are spread, now and in the reference; one of them may be missing."""
    import numpy as np

    figure, (axes,) = figure_of(1)
    every = ((reference, BLUE, "reference"), (now, ORANGE, "now"))
    shown = [(part, color, name) for part, color, name in every if part is not None]
    # A few wild errors would leave one bar of all the others.
    low = min(float(np.quantile(part, 0.005)) for part, _, _ in shown)
    high = max(float(np.quantile(part, 0.995)) for part, _, _ in shown)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    for part, color, name in shown:
        shares = np.histogram(part, edges)[0] / len(part)
        axes.stairs(shares, edges, color=color, fill=True, alpha=0.35, label=name)
    axes.set(xlabel=label, ylabel="share of the rows")
    axes.legend(fontsize=8)
    return svg_of(figure)
