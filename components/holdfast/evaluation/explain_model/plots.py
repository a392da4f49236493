"""Plots of an explanation as inline SVG, the same bytes for the same numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from holdfast.plots import BLUE, GREY, ORANGE, svg_of
from holdfast.plots import short as cut

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from holdfast.evaluation.explain_model.dependence import Dependence

    Floats: TypeAlias = npt.NDArray[np.float64]

COLOURS = (BLUE, ORANGE, "#1a7f37", "#8250df", "#cf222e", "#57606a")
# Lines that can be told apart.
MAX_OUTPUTS = len(COLOURS)
SWARM_ROWS = 1000
LETTERS = 28
PANELS = 3


def bars(names: Sequence[str], parts: "Floats", outputs: Sequence[str], scale: str) -> str:
    """Draw mean absolute contributions as bars, one part of a bar for each output.

    Args:
        names: The columns, most important first.
        parts: Importance, columns by outputs.
        outputs: The outputs' names.
        scale: What contributions are measured in.
    """
    import numpy as np

    figure, axes = _figure(len(names))
    left = np.zeros(len(names))
    for index, output in enumerate(outputs[:MAX_OUTPUTS]):
        width = parts[:, index] / len(outputs)
        axes.barh(range(len(names)), width, left=left, color=COLOURS[index], label=short(output))
        left += width
    rest = parts[:, MAX_OUTPUTS:].sum(axis=1) / len(outputs)
    if len(outputs) > MAX_OUTPUTS:
        axes.barh(range(len(names)), rest, left=left, color="#ccc", label="other classes")
    if len(outputs) > 1:
        axes.legend(loc="lower right")
    _name_rows(axes, names)
    axes.set(xlabel=f"mean absolute contribution ({short(scale)})")
    return svg_of(figure)


def swarm(names: Sequence[str], values: "Floats", levels: "Floats", scale: str) -> str:
    """Draw each row's contribution as a dot, coloured by how high the column's value is.

    Args:
        names: The columns, most important first.
        values: Contributions, rows by columns.
        levels: Ranks of the columns' values, 0 to 1, not a number for grey; rows by columns.
        scale: What contributions are measured in.
    """
    import numpy as np

    figure, axes = _figure(len(names))
    axes.axvline(0, color=GREY, linewidth=1)
    values, levels = values[:SWARM_ROWS], levels[:SWARM_ROWS]
    # The jitter only keeps dots apart.
    jitter = np.random.default_rng(0).uniform(-0.32, 0.32, values.shape)
    places = np.broadcast_to(np.arange(len(names)), values.shape) + jitter
    grey = np.isnan(levels)
    # Thousands of dots as one picture: a page stays small.
    look = {"s": 5, "linewidths": 0, "rasterized": True}
    axes.scatter(values[grey], places[grey], color="#aaa", **look)
    dots = axes.scatter(
        values[~grey], places[~grey], c=levels[~grey], cmap="coolwarm", vmin=0, vmax=1, **look
    )
    bar = figure.colorbar(dots, ax=axes, ticks=[0, 1], aspect=40, pad=0.01)
    bar.ax.set_yticklabels(["low value", "high value"])
    _name_rows(axes, names)
    axes.set(xlabel=f"contribution ({short(scale)})")
    return svg_of(figure)


def dependences(found: "Sequence[Dependence]", outputs: Sequence[str], answer: str) -> str:
    """Draw partial dependences side by side: lines of numbers, dots of categories."""
    from matplotlib.figure import Figure

    rows = -(-len(found) // PANELS)
    figure = Figure(figsize=(9.5, 3 * rows + 0.3), layout="constrained")
    grid = figure.subplots(rows, PANELS, squeeze=False)
    for axes in grid.flat[len(found) :]:
        axes.set_visible(False)
    for axes, each in zip(grid.flat, found, strict=False):
        draw = _line if each.ordered else _dots
        for index in range(min(len(each.means), MAX_OUTPUTS)):
            draw(axes, each, index, short(outputs[index]))
        axes.set_title(short(each.name), fontsize=10)
        axes.grid(color="#ddd", linewidth=0.5)
        axes.tick_params(labelsize=8)
    if len(outputs) > 1:
        grid.flat[0].legend(fontsize=8)
    figure.supylabel(answer, fontsize=9)
    return svg_of(figure)


def _line(axes: "Axes", each: "Dependence", index: int, label: str) -> None:
    axes.plot(
        each.values, each.means[index], marker=".", markersize=4, color=COLOURS[index], label=label
    )
    if each.values.dtype.kind == "M":
        axes.tick_params(axis="x", rotation=30)


def _dots(axes: "Axes", each: "Dependence", index: int, label: str) -> None:
    places = range(len(each.values))
    axes.plot(places, each.means[index], "o", markersize=4, color=COLOURS[index], label=label)
    labels = [short(str(value), 14) for value in each.values]
    axes.set_xticks(places, labels, rotation=40, ha="right")


def short(text: str, letters: int = LETTERS) -> str:
    """Return a name on one line that fits beside a plot."""
    return cut(" ".join(text.split()), letters)


def _name_rows(axes: "Axes", names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)


def _figure(rows: int) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1.1 + 0.3 * rows), layout="constrained", dpi=110)
    axes = figure.add_subplot()
    axes.grid(color="#ddd", linewidth=0.5, axis="x")
    axes.set_axisbelow(True)
    return figure, axes
