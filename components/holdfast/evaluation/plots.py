"""Plots as inline SVG, the same bytes for the same numbers."""

from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from holdfast.evaluation.evaluate_model.logic import Predictions

MAX_POINTS = 1000


def roc(points: Sequence[tuple[float, float, float]]) -> str:
    """Draw recall against the false positive rate."""
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], color="#888", linewidth=1, linestyle="--", label="chance")
    axes.plot([p[0] for p in points], [p[1] for p in points], color="#0969da", label="model")
    axes.set(xlabel="false positive rate", ylabel="recall", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(loc="lower right")
    return _svg(figure)


def scatter(predicted: "Predictions") -> str:
    """Draw predictions against the truth for up to 1,000 evenly chosen rows."""
    figure, axes = _figure()
    step = max(1, -(-len(predicted.truth) // MAX_POINTS))
    truth, answers = predicted.truth[::step], predicted.answers[::step]
    ends = [min(truth.min(), answers.min()), max(truth.max(), answers.max())]
    axes.plot(ends, ends, color="#888", linewidth=1, linestyle="--")
    axes.scatter(truth, answers, s=6, color="#0969da", alpha=0.5, linewidths=0)
    axes.set(xlabel="true value", ylabel="predicted value")
    return _svg(figure)


def _figure() -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(color="#ddd", linewidth=0.5)
    return figure, axes


def _svg(figure: "Figure") -> str:
    from matplotlib import rc_context

    text = StringIO()
    # Ids would be random and the date today's; text stays text, which is small and can be read out.
    with rc_context({"svg.hashsalt": "holdfast", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]
