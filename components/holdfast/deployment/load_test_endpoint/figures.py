"""Quantiles of latencies with their intervals, and what a page shows of a load."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.deployment.load_test_endpoint.load import Request
from holdfast.plots import BLUE, GREY, ORANGE, figure_of, svg_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from holdfast.deployment.load_test_endpoint.load import Run

OK, TIMEOUT = "ok", "timeout"
BATCHES = 20
MIN_BATCH = 10
MOST_BINS = 60


@dataclass(frozen=True)
class Quantile:
    """A quantile in milliseconds and its 95 % interval; `high` is inf where rows are too few."""

    value: float
    low: float
    high: float


def latencies(requests: Sequence[Request]) -> "npt.NDArray[np.float64]":
    """Return the milliseconds of what was answered well or given up, in order of time.

    An error that came at once would make the endpoint look fast; one that was given up after the
    timeout was as slow as that at least.
    """
    import numpy as np

    return np.array([1000 * r.seconds for r in requests if r.outcome in (OK, TIMEOUT)])


def quantile(times: "npt.NDArray[np.float64]", share: float, level: float = 0.95) -> Quantile:
    """Return a quantile with its interval from order statistics.

    The ranks are those of a binomial (David & Nagaraja 2003, Order Statistics, section 7.1).
    Latencies that follow one another are alike: their number is divided by what the variance of
    means of 20 batches shows of that (Heidelberger & Lewis 1984, Quantile estimation in dependent
    sequences).
    """
    import numpy as np

    ordered = np.sort(times)
    count = len(times)
    value = float(ordered[max(0, math.ceil(share * count) - 1)])
    alone = max(1, int(count / _inflation(times > value, share)))
    low, high = _ranks(alone, share, level)
    first = max(0, math.floor(low / alone * count) - 1)
    last = math.ceil(high / alone * count) - 1
    ends = float(ordered[first]), float(ordered[last]) if high <= alone else math.inf
    return Quantile(value, ends[0], ends[1])


def _inflation(beyond: "npt.NDArray[np.bool_]", share: float) -> float:
    size = len(beyond) // BATCHES
    if size < MIN_BATCH:
        return 1.0
    means = beyond[: size * BATCHES].reshape(BATCHES, size).mean(axis=1)
    return max(1.0, float(means.var(ddof=1)) * size / (share * (1 - share)))


def _ranks(count: int, share: float, level: float) -> tuple[int, int]:
    """Return the ranks, from 1, between which the quantile lies; beyond `count` there is none."""
    import numpy as np

    k = np.arange(count + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1)))])
    chance = logs[count] - logs - logs[::-1] + k * math.log(share)
    below = np.cumsum(np.exp(chance + (count - k) * math.log(1 - share)))
    tail = (1 - level) / 2
    low = int(np.searchsorted(below, tail))
    return max(1, low), int(np.searchsorted(below, 1 - tail)) + 1


def errors_of(requests: Sequence[Request]) -> dict[str, int]:
    """Return how many errors there were, by kind, the most frequent first."""
    found = Counter(r.outcome for r in requests if r.outcome != OK)
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def over_time(run: "Run", objective: float) -> str:
    """Draw median and 95th percentile of the latency, and the errors, by time."""
    import numpy as np

    due = np.array([r.due for r in run.requests])
    times = np.array([1000 * r.seconds for r in run.requests])
    good = np.array([r.outcome in (OK, TIMEOUT) for r in run.requests])
    failed = np.array([r.outcome != OK for r in run.requests])
    bins = int(min(MOST_BINS, max(1, len(due) // 20)))
    edges = np.linspace(0, max(float(due.max()), 1e-3) * 1.0001, bins + 1)
    at = np.digitize(due, edges) - 1
    figure, (left, right) = figure_of(2)
    full = [b for b in range(bins) if (good & (at == b)).any()]
    middles = [(edges[b] + edges[b + 1]) / 2 for b in full]
    for share, colour in ((0.5, BLUE), (0.95, ORANGE)):
        shown = [np.quantile(times[good & (at == b)], share) for b in full]
        left.plot(middles, shown, color=colour, marker="o", markersize=3, label=f"p{100 * share:g}")
    left.axhline(objective, color=GREY, linewidth=1, linestyle="--", label="objective")
    left.set(xlabel="seconds since the start", ylabel="latency (ms)")
    left.set_ylim(bottom=0)
    left.legend()
    right.stairs(np.bincount(at, minlength=bins), edges, color=BLUE, fill=True, alpha=0.3)
    right.stairs(np.bincount(at[failed], minlength=bins), edges, color=ORANGE, fill=True)
    right.set(xlabel="seconds since the start", ylabel="requests (orange: errors)")
    return svg_of(figure)


def histogram(times: "npt.NDArray[np.float64]", objective: float, p95: Quantile) -> str:
    """Draw how the latencies are spread, on a logarithmic scale."""
    import numpy as np

    low, high = max(0.01, float(times.min())), max(float(times.max()), objective)
    edges = np.geomspace(0.9 * low, 1.1 * high, 61)
    figure, (axes,) = figure_of(1)
    axes.stairs(np.histogram(times, edges)[0], edges, color=BLUE, fill=True, alpha=0.5)
    axes.axvline(objective, color=GREY, linestyle="--", label="objective of the p95")
    axes.axvspan(p95.low, min(p95.high, edges[-1]), color=ORANGE, alpha=0.25)
    axes.axvline(p95.value, color=ORANGE, label="p95 and its interval")
    axes.set(xlabel="latency (ms)", ylabel="requests", xscale="log")
    axes.legend()
    return svg_of(figure)
