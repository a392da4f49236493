"""Small plots as inline SVG; an image with a plotting library would be a sixth larger for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 28, 40
COLOURS = ("#0969da", "#cf222e", "#57606a")
MAX_POINTS = 400


@dataclass(frozen=True)
class Series:
    """Points from left to right, joined by a line unless they are dots."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dots: bool = False


def draw(series: Sequence[Series], x_label: str, y_label: str) -> str:
    """Draw series over the same axes; x is counted."""
    xs = [value for one in series for value in one.x]
    ys = [value for one in series for value in one.y]
    across, up = _Scale.over(xs, LEFT, WIDTH - RIGHT), _Scale.over(ys, HEIGHT - BOTTOM, TOP)
    parts = [_axes(across, up, x_label, y_label)]
    for number, one in enumerate(series):
        colour = COLOURS[number % len(COLOURS)]
        step = max(1, -(-len(one.x) // MAX_POINTS))
        points = [(across(x), up(y)) for x, y in zip(one.x[::step], one.y[::step], strict=True)]
        parts.append(_dots(points, colour) if one.dots else _line(points, colour))
        legend = f'x="{LEFT + 8 + 150 * number}" y="16" fill="{colour}"'
        parts.append(f"<text {legend}>{escape(one.name)}</text>")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" font-family="sans-serif" font-size="12">{"".join(parts)}</svg>'
    )


@dataclass(frozen=True)
class _Scale:
    """Places numbers between two ends of the picture."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> "_Scale":
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        return cls(low, high if high > low else low + 1, start, end)

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        return [self.low + part * (self.high - self.low) / 4 for part in range(5)]


def _axes(across: _Scale, up: _Scale, x_label: str, y_label: str) -> str:
    parts = []
    for tick in up.ticks():
        y = up(tick)
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{tick:.4g}</text>')
    for tick in across.ticks():
        place = f'x="{across(tick)}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle"'
        # Rounds and trials are counted.
        parts.append(f"<text {place}>{tick:.0f}</text>")
    middle = (LEFT + WIDTH - RIGHT) // 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>'
    )
    turned = f'transform="translate(12 {HEIGHT // 2}) rotate(-90)" text-anchor="middle"'
    parts.append(f"<text {turned}>{escape(y_label)}</text>")
    return "".join(parts)


def _line(points: Sequence[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _dots(points: Sequence[tuple[float, float]], colour: str) -> str:
    return "".join(f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>' for x, y in points)
