"""Plots by matplotlib as inline SVG, the same bytes for the same numbers."""

from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#0969da", "#bc4c00", "#888"
LABEL_LENGTH = 40


def short(text: str, length: int = LABEL_LENGTH) -> str:
    """Return a label that fits beside a plot."""
    # A dollar sign would start a formula.
    shown = text if len(text) <= length else text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return shown.replace("$", r"\$")


def figure_of(columns: int, height: float = 4) -> "tuple[Figure, Sequence[Axes]]":
    """Return a figure and its axes, side by side."""
    from matplotlib.figure import Figure

    width = 9.5 if columns > 1 else 5.5
    figure = Figure(figsize=(width, height), layout="constrained")
    every = figure.subplots(1, columns, squeeze=False)[0]
    for axes in every:
        axes.grid(color="#ddd", linewidth=0.5)
        axes.set_axisbelow(True)
    return figure, every


def svg_of(figure: "Figure") -> str:
    """Return a figure as SVG to be put into a page."""
    from matplotlib import rc_context

    text = StringIO()
    # Ids would be random and the date today's; text stays text, which is small and can be read out.
    with rc_context({"svg.hashsalt": "holdfast", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
