"""Plots of what a model answers, as inline SVG."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from holdfast.plots import BLUE, GREY, ORANGE, figure_of, short, svg_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from holdfast.performance.bootstrap import Interval
    from holdfast.performance.predictions import Predictions

    Points: TypeAlias = Sequence[tuple[float, float]]
    Floats: TypeAlias = npt.NDArray[np.float64]

MAX_POINTS = 1000


def curves(roc: "Points", precision_recall: "Points", share: float) -> str:
    """Draw recall against the false positive rate, and precision against recall.

    Args:
        roc: False positive rate and recall.
        precision_recall: Recall and precision.
        share: The share of positive rows, which is the precision of chance.
    """
    figure, (left, right) = figure_of(2)
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="chance")
    left.plot([p[0] for p in roc], [p[1] for p in roc], color=BLUE, label="model")
    left.set(xlabel="false positive rate", ylabel="recall", xlim=(0, 1), ylim=(0, 1.01))
    left.legend(loc="lower right")
    right.axhline(share, color=GREY, linewidth=1, linestyle="--", label="chance")
    right.plot(*zip(*precision_recall, strict=True), color=BLUE, label="model")
    right.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.01))
    right.legend(loc="lower left")
    return svg_of(figure)


def calibration(expected: "Floats", observed: "Floats", sizes: "Floats") -> str:
    """Draw the share that came true against the probability, by bin, and the rows of all bins.

    `expected` and `observed` are of the bins that hold rows, `sizes` of all.
    """
    import numpy as np

    figure, (left, right) = figure_of(2)
    left.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="as it should be")
    left.plot(expected, observed, color=BLUE, marker="o", markersize=4, label="model")
    left.set(xlabel="mean probability", ylabel="share that came true", xlim=(0, 1), ylim=(0, 1.01))
    left.legend(loc="upper left")
    edges = np.linspace(0, 1, len(sizes) + 1)
    right.stairs(sizes / sizes.sum(), edges, color=BLUE, fill=True, alpha=0.5)
    right.set(xlabel="probability", ylabel="share of the rows", xlim=(0, 1))
    return svg_of(figure)


def score_histogram(
    scores: "npt.NDArray[Any]", members: "npt.NDArray[np.bool_]", names: Sequence[str], cut: float
) -> str:
    """Draw how the probabilities of the second class are spread in either class."""
    import numpy as np

    figure, (axes,) = figure_of(1)
    edges = np.linspace(0, 1, 41)
    for chosen, name, colour in ((~members, names[0], ORANGE), (members, names[1], BLUE)):
        shares = np.histogram(scores[chosen], edges)[0] / max(1, int(chosen.sum()))
        label = short(f"true class {name}")
        axes.stairs(shares, edges, color=colour, fill=True, alpha=0.35, label=label)
    axes.axvline(cut, color="#333", linewidth=1, linestyle=":", label="threshold")
    axes.set(xlabel=short(f"probability of {names[1]}"), ylabel="share of the class", xlim=(0, 1))
    axes.legend()
    return svg_of(figure)


def matrix(counts: "Floats", names: Sequence[str]) -> str:
    """Draw a confusion matrix; the shade is the share of the true class."""
    import numpy as np

    figure, (axes,) = figure_of(1)
    truth = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, truth, out=np.zeros_like(counts), where=truth > 0)
    axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=1)
    places = np.arange(len(names)) + 0.5
    labels = [short(name, 18) for name in names]
    axes.set_xticks(places, labels, rotation=90 if len(names) > 4 else 0)
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set(xlabel="predicted class", ylabel="true class")
    for row, column in np.ndindex(counts.shape):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = f"{counts[row, column]:.0f}"
        place = (column + 0.5, row + 0.5)
        size = 11 if len(names) < 5 else 8
        axes.text(*place, text, ha="center", va="center", color=colour, fontsize=size)
    return svg_of(figure)


def scatter(predicted: "Predictions") -> str:
    """Draw predictions against the truth for up to 1,000 evenly chosen rows."""
    figure, (axes,) = figure_of(1)
    step = max(1, -(-len(predicted.truth) // MAX_POINTS))
    truth, answers = predicted.truth[::step], predicted.answers[::step]
    ends = [min(truth.min(), answers.min()), max(truth.max(), answers.max())]
    axes.plot(ends, ends, color=GREY, linewidth=1, linestyle="--")
    axes.scatter(truth, answers, s=6, color=BLUE, alpha=0.5, linewidths=0)
    axes.set(xlabel="true value", ylabel="predicted value")
    return svg_of(figure)


def residuals(errors: "Floats", answers: "Floats") -> str:
    """Draw how the errors are spread, and their quartiles along the predictions."""
    import numpy as np

    figure, (left, right) = figure_of(2)
    # A few wild errors would leave one bar of all the others.
    ends = np.quantile(errors, [0.005, 0.995])
    shares, edges = np.histogram(errors[(errors >= ends[0]) & (errors <= ends[1])], 40)
    left.stairs(shares / len(errors), edges, color=BLUE, fill=True, alpha=0.5)
    left.axvline(0, color=GREY, linewidth=1, linestyle="--")
    left.set(xlabel="prediction less truth (middle 99 %)", ylabel="share of the rows")
    parts = np.array_split(np.argsort(answers, kind="stable"), min(20, len(answers)))
    middles = [float(answers[part].mean()) for part in parts]
    low, middle, high = np.array([np.quantile(errors[p], [0.25, 0.5, 0.75]) for p in parts]).T
    right.fill_between(middles, low, high, color=BLUE, alpha=0.25, label="middle half")
    right.plot(middles, middle, color=BLUE, label="median")
    right.axhline(0, color=GREY, linewidth=1, linestyle="--")
    right.set(xlabel="predicted value", ylabel="prediction less truth")
    right.legend()
    return svg_of(figure)


def intervals(
    rows: "Sequence[tuple[str, Interval]]", line: float, label: str, dotted: float | None = None
) -> str:
    """Draw values with their intervals, one below another, and lines to hold them against."""
    figure, (axes,) = figure_of(1, height=1.2 + 0.28 * len(rows))
    for place, (_, found) in enumerate(rows):
        axes.plot([found.low, found.high], [place, place], color=BLUE, linewidth=2)
        axes.plot([found.value], [place], color=BLUE, marker="o", markersize=5)
    axes.axvline(line, color=GREY, linewidth=1, linestyle="--")
    if dotted is not None and dotted != line:
        axes.axvline(dotted, color="#333", linewidth=1, linestyle=":")
    axes.set_yticks(range(len(rows)), [short(name) for name, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set(xlabel=label)
    return svg_of(figure)
