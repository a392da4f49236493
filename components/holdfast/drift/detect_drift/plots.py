"""The distributions of what moved, over those of the reference."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from holdfast.drift.detect_drift.findings import Finding
from holdfast.drift.effects import shares_of
from holdfast.plots import BLUE, GREY, figure_of, short, svg_of
from holdfast.profiles.columns import NumberColumn

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    Floats: TypeAlias = npt.NDArray[np.float64]

BINS = 40
# The tails would squeeze the rest into a few bars.
SHOWN_QUANTILES = (0.005, 0.995)
MOST_VALUES = 12


def draw(found: Finding) -> str:
    """Draw a column of the table over that of the reference, as shares of the rows."""
    figure, (axes,) = figure_of(1, 3)
    now, before = found.now, found.before
    if found.judged.kind == "category":
        _bars(axes, found)
    elif isinstance(now, NumberColumn) and isinstance(before, NumberColumn):
        _histogram(axes, now.sample.values, before.sample.values)
    axes.set(xlabel=short(found.judged.name), ylabel="share of the values")
    axes.legend()
    return svg_of(figure)


def _histogram(axes: "Axes", now: "Floats", before: "Floats") -> None:
    both = [values[np.isfinite(values)] for values in (before, now)]
    ends = [np.quantile(values, SHOWN_QUANTILES) for values in both if len(values)]
    if not ends:
        return
    low, high = min(e[0] for e in ends), max(e[1] for e in ends)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    for values, color, label in zip(both, (GREY, BLUE), ("reference", "now"), strict=True):
        shares = np.histogram(values, edges)[0] / max(1, len(values))
        axes.stairs(shares, edges, color=color, fill=True, alpha=0.4, label=label)
        axes.stairs(shares, edges, color=color)


def _bars(axes: "Axes", found: Finding) -> None:
    """Draw the categories that changed most."""
    shares = shares_of(found.now, found.before)
    before, now = (part / max(1.0, part.sum()) for part in (shares.before, shares.now))
    changed = np.argsort(-np.abs(before - now), kind="stable")[:MOST_VALUES]
    places = np.arange(len(changed))
    axes.bar(places - 0.2, before[changed], 0.4, color=GREY, label="reference")
    axes.bar(places + 0.2, now[changed], 0.4, color=BLUE, label="now")
    names = [short(shares.values[place], 16) for place in changed.tolist()]
    axes.set_xticks(places, names, rotation=30, ha="right")
