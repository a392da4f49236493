"""What the README says in figures, and the row of the table that each rests on.

In the README's section Figures every line with a ratio, such as 2.4 x, names the rows that it is of
by their ids in backticks: `drift/1m/nannyml`. The ratios are those of figures.json, which is the
bench.json of the last full run (`make bench`), to the digits that are printed. Seconds are said
nowhere: they are this machine's.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIGURES = Path(__file__).with_name("figures.json")
RATIO = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?) x\b(?! ?\d)")
ROW = re.compile(r"`([a-z0-9_-]+/[a-z0-9_-]+/[a-z0-9_-]+)`")
SECONDS = re.compile(r"(?<![\w.])\d+(?:\.\d+)? (?:ms|s|seconds|milliseconds)\b")


@dataclass(frozen=True)
class Claim:
    """A line with ratios, as printed, and the ids of their rows."""

    line: str
    ratios: tuple[str, ...]
    rows: tuple[str, ...]


def claims(readme: str) -> list[Claim]:
    """Return the lines of the section Figures that hold a ratio."""
    section = readme.partition("\n## Figures\n")[2].partition("\n## ")[0]
    found = [
        Claim(line, tuple(RATIO.findall(line)), tuple(ROW.findall(line)))
        for line in section.splitlines()
    ]
    return [claim for claim in found if claim.ratios]


def unfounded(
    found: Sequence[Claim], known: Collection[str], table: Mapping[str, Any] | None
) -> Iterator[str]:
    """Yield what is wrong with claims.

    Args:
        found: The claims.
        known: The ids of all rows that `make bench` measures.
        table: bench.json of a full run; None to look for the rows alone.
    """
    measured = {r["id"]: r for c in (table or {}).get("comparisons", ()) for r in c["rows"]}
    for claim in found:
        if not claim.rows:
            yield f"names no row: {claim.line}"
        for row in claim.rows:
            if row not in known:
                yield f"{row} is no row: {claim.line}"
        if table is None or not set(claim.rows) <= set(known):
            continue
        ratios = [r["median"] for i in claim.rows for r in _ratios(measured, i)]
        for text in claim.ratios:
            if not any(_printed(ratio, text) for ratio in ratios):
                yield f"{text} x is not what was measured: {claim.line}"


def _ratios(measured: Mapping[str, Any], row: str) -> list[Mapping[str, float]]:
    return list(measured[row]["ratios"].values()) if row in measured else []


def _printed(value: float, text: str) -> bool:
    digits = len(text.partition(".")[2])
    return f"{value:.{digits}f}" == text


def seconds(readme: str) -> list[str]:
    """Return the lines that say seconds, outside code."""
    prose = re.sub(r"^```.*?^```", "", readme, flags=re.DOTALL | re.MULTILINE)
    return [line for line in prose.splitlines() if SECONDS.search(line)]


def kept() -> Mapping[str, Any] | None:
    """Return the table of the last full run that was kept, None where there is none."""
    return json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else None
