"""Charts of groups and of disturbed rows, as inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.performance.bootstrap import Interval
from holdfast.plots import BLUE, GREY, figure_of, short, svg_of

COLORS = (BLUE, "#cf222e", "#1a7f37", "#9a6700", "#8250df", "#bf3989")


@dataclass(frozen=True)
class Panel:
    """Intervals beside those of other panels, one for each label; faint ones are grey."""

    title: str
    intervals: tuple[Interval, ...]
    faint: tuple[bool, ...]


@dataclass(frozen=True)
class Line:
    """A line with its points, and the ends of their intervals where they have one."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


def panels(labels: Sequence[str], shown: Sequence[Panel]) -> str:
    """Draw intervals by label, a panel for each measure."""
    figure, grid = figure_of(len(shown), height=1.1 + 0.28 * len(labels))
    places = range(len(labels))
    for axes, panel in zip(grid, shown, strict=True):
        colors = [GREY if pale else BLUE for pale in panel.faint]
        lows, highs = [found.low for found in panel.intervals], [f.high for f in panel.intervals]
        axes.hlines(places, lows, highs, colors=colors, linewidth=2)
        axes.scatter([found.value for found in panel.intervals], places, s=25, c=colors)
        axes.set_title(panel.title, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.margins(x=0.08)
        axes.set_yticks(places, [""] * len(labels))
        axes.set_ylim(len(labels) - 0.5, -0.5)
    grid[0].set_yticks(places, [short(label) for label in labels])
    return svg_of(figure)


def lines(drawn: Sequence[Line], x: str, y: str, diagonal: bool = False) -> str:
    """Draw lines; a diagonal stands for what would be perfect."""
    figure, (axes,) = figure_of(1)
    if diagonal:
        axes.plot([0, 1], [0, 1], color="#888", linewidth=1, linestyle="--")
    for number, line in enumerate(drawn):
        color = COLORS[number % len(COLORS)]
        # A legend leaves out what begins with an underscore.
        label = " " + short(line.label)
        axes.plot(line.x, line.y, color=color, marker="o", markersize=4, label=label)
        if line.low:
            axes.fill_between(line.x, line.low, line.high, color=color, alpha=0.15, linewidth=0)
    axes.set(xlabel=x, ylabel=y)
    if len(drawn) > 1:
        axes.legend(fontsize=8)
    return svg_of(figure)
