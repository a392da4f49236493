"""What the README says in figures, and the row of the table that each rests on.

python -m tests.bench.claims BENCH.json keeps a full run's table, also as Markdown and as a
picture, as the README's.

In the README's section Figures every line with a ratio, such as 2.4 x, names the row that it is of
by its id in backticks: `drift/1m/nannyml`. The first ratio of a line is that of the quantity that
counts most in the row's comparison, mostly time, the second that of its memory, to the digits that
are printed; a line says so where a first ratio is within the spread. They are those of
figures.json, which is the bench.json of the last full run (`make bench`). Seconds are said nowhere:
they are this machine's.
"""

import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.errors import InputError
from tests.bench import results
from tests.bench.picture import picture
from tests.bench.table import judge, markdown
from tests.support import ROOT

FIGURES = Path(__file__).with_name("figures.json")
LEAST_TURNS = 5
PICTURE = ROOT / "docs" / "figures.svg"
# What a newcomer compares; the table has all.
PICTURED = (
    "pipelines", "steps", "statistics/1m", "statistics/1m-csv", "statistics/20m", "validation",
    "drift/1m", "training/500k-quiet", "training/500k-busy", "batch", "serving/50-per-second",
)  # fmt: skip
RATIO = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?) ?[x\u00d7](?!\w)(?! ?\d)")
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
    for claim in found:
        if len(claim.rows) != 1:
            yield f"names no row, or several: {claim.line}"
            continue
        (row,) = claim.rows
        if row not in known:
            yield f"{row} is no row: {claim.line}"
        elif table is not None:
            yield from (f"{what}: {claim.line}" for what in _untrue(claim, row, table))


def _untrue(claim: Claim, row: str, table: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not as it was measured."""
    both = (
        (comparison["judged"], each)
        for comparison in table["comparisons"]
        for each in comparison["rows"]
        if each["id"] == row
    )
    judged, measured = next(both, ((), {"ratios": {}}))
    memory = [quantity for quantity in judged[1:] if quantity.endswith(" MB")]
    quantities = [*judged[:1], *memory[:1]]
    for place, text in enumerate(claim.ratios):
        ratio = measured["ratios"].get(quantities[place]) if place < len(quantities) else None
        if ratio is None or not _printed(ratio["median"], text):
            yield f"{text} x is not what was measured"
        elif not place and judge(ratio, measured["runs"]) == "level" and "level" not in claim.line:
            yield f"{text} x is within the spread, and the line does not say level"


def _printed(value: float, text: str) -> bool:
    digits = len(text.partition(".")[2])
    return f"{value:.{digits}f}" == text


def unfit(table: Mapping[str, Any]) -> Iterator[str]:
    """Yield what of a table is no measurement to be quoted."""
    for each in table["comparisons"]:
        if each["settings"]["quick"] or each["settings"]["repeats"] < LEAST_TURNS:
            yield f"{each['id']} was measured in less than {LEAST_TURNS} turns"
        if each["commit"].endswith("-dirty"):
            yield f"{each['id']} was measured on files that are in no commit"


def seconds(readme: str) -> list[str]:
    """Return the lines that say seconds, outside code."""
    prose = re.sub(r"^```.*?^```", "", readme, flags=re.DOTALL | re.MULTILINE)
    return [line for line in prose.splitlines() if SECONDS.search(line)]


def keep(source: Path) -> None:
    """Make a table the README's.

    Raises:
        InputError: It is none of a full run.
    """
    text = source.read_text(encoding="utf-8")
    if wrong := list(unfit(json.loads(text))):
        raise InputError(
            f"{source} must be of a full run. Found: {'; '.join(wrong)}. Commit, then make bench."
        )
    results.write(FIGURES, text)
    results.write(FIGURES.with_suffix(".md"), markdown(json.loads(text)))
    results.write(PICTURE, picture(json.loads(text), PICTURED))


def kept() -> Mapping[str, Any] | None:
    """Return the table of the last full run that was kept, None where there is none."""
    return json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else None


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
