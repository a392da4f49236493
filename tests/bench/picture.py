"""The table as a picture: python -m tests.bench.picture BENCH.json PICTURE.svg [GROUP ...].

For each comparison that is a claim, how many times as much time and memory the others take as this
project does: the median as a dot, the smallest and the largest ratio of a turn as a line, on a
logarithmic scale. What takes more lies to the right of the line at 1.
"""

import json
import math
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from tests.bench import results
from tests.bench.table import judge, short

Row = Mapping[str, Any]
WIDTH, LINE, TOP = 980, 19, 58
LABELS = 320
PANELS = {"time (or what is named)": (LABELS + 20, 620), "peak memory": (680, 940)}
# Ratios beyond are drawn at the edge; their number is true.
LEAST, MOST = 1 / 8, 64
TICKS = (0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32)
LEGEND = (
    "Right of 1: takes more than this project. Dot: median of the turns; line: all of them. "
    "Light grey: another way of this project's."
)
# Told apart by those who do not see red and green, too.
COLOURS = {"ahead": "#1a6fb0", "behind": "#c4540a", "level": "#555", "measured once": "#555",
           "own": "#aaa"}  # fmt: skip
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#222}.head{font-weight:600}"
    ".quiet,.tick{fill:#666}.tick{font-size:10px;text-anchor:middle}"
    ".rule{stroke:#ddd}.one{stroke:#222}.range{stroke-width:2}"
)


def picture(table: Mapping[str, Any], groups: Sequence[str] = ()) -> str:
    """Return an SVG of the table, or of some of its groups."""
    chosen = [c for c in table["comparisons"] if _shown(c, groups)]
    y, parts = TOP, []
    for comparison in chosen:
        ours = comparison["rows"][0]["id"].rpartition("/")[2]
        quantity = short(comparison["judged"][0])
        parts += _text(8, y + 10, f"{comparison['title']}, against {ours}: {quantity}", "head")
        y += LINE
        for row in _claims(comparison):
            parts += _row(y, comparison, row)
            y += LINE
        y += LINE // 2
    machine = f"{table['machine']['processor']}, {table['machine']['cpus']} CPUs. "
    grid = [*_grid(y), *_text(8, y + 34, machine + LEGEND, "quiet")]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 46}" role="img" '
        f'aria-label="Time and memory of others as multiples of this project\'s">'
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
        + "\n".join([*grid, *parts])
        + "</svg>\n"
    )


def _shown(comparison: Mapping[str, Any], groups: Sequence[str]) -> bool:
    named = comparison["id"].partition("/")[0], comparison["id"]
    wanted = not groups or any(each in groups for each in named)
    return wanted and not comparison["scale"] and any(_claims(comparison))


def _claims(comparison: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the rows that were measured, and are not what they are measured by."""
    yield from (row for row in comparison["rows"][1:] if row["ratios"])


def _row(y: int, comparison: Mapping[str, Any], row: Row) -> Iterator[str]:
    name = row["id"].rpartition("/")[2]
    yield from _text(20, y + 10, name)
    yield from _text(150, y + 10, textwrap.shorten(row["with"], 30, placeholder=" …"), "quiet")
    first, *others = comparison["judged"]
    memory = [quantity for quantity in others if quantity.endswith(" MB")]
    for panel, quantity in zip(PANELS, [first, *memory[:1]], strict=False):
        if quantity in row["ratios"]:
            ratio = row["ratios"][quantity]
            word = "own" if row["own"] else judge(ratio, row["runs"])
            yield from _mark(y, PANELS[panel], ratio, COLOURS[word])


def _mark(y: int, panel: tuple[int, int], ratio: Mapping[str, float], colour: str) -> Iterator[str]:
    low, dot, high = (_x(panel, ratio[which]) for which in ("low", "median", "high"))
    yield (
        f'<line class="range" stroke="{colour}" x1="{low}" x2="{high}" y1="{y + 6}" y2="{y + 6}"/>'
        f'<circle fill="{colour}" cx="{dot}" cy="{y + 6}" r="4"/>'
    )
    number = f"{ratio['median']:.1f} x" if ratio["median"] >= 1 else f"{ratio['median']:.2f} x"
    yield from _text(max(high, dot) + 8, y + 10, number, "quiet")


def _grid(bottom: int) -> Iterator[str]:
    for name, panel in PANELS.items():
        yield from _text(panel[0], 18, f"{name}, as a multiple of ours", "head")
        for tick in TICKS:
            x, kind = _x(panel, tick), "one" if tick == 1 else "rule"
            yield f'<line class="{kind}" x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{bottom}"/>'
            yield from _text(x, TOP - 14, f"{tick:g}" if tick >= 1 else f"1/{1 / tick:g}", "tick")


def _x(panel: tuple[int, int], ratio: float) -> float:
    first, last = panel
    share = math.log(min(MOST, max(LEAST, ratio)) / LEAST) / math.log(MOST / LEAST)
    return round(first + share * (last - first), 1)


def _text(x: float, y: float, text: str, kind: str = "") -> Iterator[str]:
    yield f'<text x="{x}" y="{y}"{f" class={kind!r}" if kind else ""}>{escape(text)}</text>'


def main(source: str, target: str, *groups: str) -> None:
    """Write the picture of a table."""
    table = json.loads(Path(source).read_text(encoding="utf-8"))
    results.write(Path(target), picture(table, groups))


if __name__ == "__main__":
    main(*sys.argv[1:])
