"""Draw what strategies did on one history."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from holdfast.monitoring.backtest_retraining.history import History
from holdfast.monitoring.backtest_retraining.replay import Replayed
from holdfast.plots import BLUE, ORANGE, svg_of

# More dots than this are one on another, and a large page.
DOTS = 500


def plot(history: History, results: Sequence[Replayed], costs: Sequence[float]) -> str:
    """Return retrainings and drops by strategy over time, and the costs beside them, as SVG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 0.9 + 0.6 * len(results)), layout="constrained")
    over_time, cost = figure.subplots(1, 2, sharey=True, width_ratios=(4, 1))
    starts = [window.start for window in history.windows]
    width = _width(starts)
    for place, result in enumerate(results):
        drawn = ((result.missed, ORANGE), (_repaired(result), "#ddd"))
        for windows, colour in drawn:
            bars = [(starts[first], width * (last - first + 1)) for first, last in _runs(windows)]
            over_time.broken_barh(bars, (place - 0.3, 0.6), color=colour, linewidth=0)
        step = max(1, len(result.retrained) // DOTS)
        fired = [starts[at] for at in result.retrained[::step]]
        over_time.plot(fired, [place] * len(fired), "o", color=BLUE, markersize=4)
    over_time.set_yticks(range(len(results)), [result.name for result in results])
    over_time.set_ylim(len(results) - 0.5, -0.5)
    over_time.set_xlim(starts[0], starts[-1] + width)
    over_time.tick_params(axis="x", labelrotation=30)
    if history.lost is not None:
        cost.barh(range(len(results)), costs, color=BLUE)
    cost.set_xlabel("cost")
    return svg_of(figure)


def _width(starts: Sequence[datetime]) -> timedelta:
    """Return how long a window lasts: the median from one to the next."""
    gaps = sorted(later - earlier for earlier, later in pairwise(starts))
    return gaps[len(gaps) // 2] if gaps else timedelta(days=1)


def _repaired(result: Replayed) -> list[int]:
    missed = set(result.missed)
    inside = (place for drop in result.drops for place in range(drop.first, drop.last + 1))
    return [place for place in inside if place not in missed]


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last of each run of places in a row."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs
