"""The one table: medians, ratios with their spread, and what they say, as JSON and Markdown."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.results import LEFT_OUT

Document = dict[str, Any]
HEAD = ("row", "with", "ratio (spread)", "also", "ours is", "median", "load", "call")


def table(documents: Sequence[Document]) -> Document:
    """Return all rows with their ratios.

    A ratio is that of a case to the first of its comparison, of the same turn: its `median` over
    the turns, `low` and `high` the smallest and the largest. Beside the first row it is 1.
    """
    return {
        "machine": machine(),
        "comparisons": [
            {**{k: v for k, v in each.items() if k != "rows"}, "rows": _rows(each)}
            for each in documents
        ],
    }


def machine() -> dict[str, Any]:
    """Return what it is measured on."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else ""
    names = [x.partition(":")[2].strip() for x in text.splitlines() if x.startswith("model name")]
    return {"processor": names[0] if names else "", "cpus": len(os.sched_getaffinity(0))}


def _rows(comparison: Document) -> list[Document]:
    first = comparison["rows"][0]
    return [
        {
            **{key: row[key] for key in ("id", "call", "own", "with", "said", "missing", "failed")},
            "medians": {name: spread(values) for name, values in columns(row["runs"]).items()},
            "ratios": {} if row["missing"] else ratios(first["runs"], row["runs"]),
            "runs": pairs(first, row),
            "ours is": _words(comparison, first, row),
        }
        for row in comparison["rows"]
    ]


def columns(runs: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Return the values of each quantity that all runs have."""
    shared = [name for name in (runs[0] if runs else {}) if all(name in run for run in runs)]
    return {name: [run[name] for run in runs] for name in shared}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the smallest and the largest."""
    return {"median": median(values), "low": min(values), "high": max(values)}


def ratios(first: Sequence[Mapping[str, float]], runs: Sequence[Mapping[str, float]]) -> Document:
    """Return for each quantity how its values of each turn stand to the first case's."""
    base, own = columns(first), columns(runs)
    shared = [n for n in own if n in base and n != "load" and min(base[n]) > 0]
    pairs = {name: list(zip(own[name], base[name], strict=False)) for name in shared}
    return {name: spread([x / y for x, y in both]) for name, both in pairs.items() if both}


def pairs(first: Document, row: Document) -> int:
    """Return in how many turns both were measured."""
    return min(len(first["runs"]), len(row["runs"]))


def judge(ratio: Mapping[str, float], runs: int) -> str:
    """Say what a ratio of a case to ours says of ours."""
    if runs < 2:
        return "measured once"
    if ratio["low"] <= 1 <= ratio["high"]:
        return "level"
    return "ahead" if ratio["low"] > 1 else "behind"


def _words(comparison: Document, first: Document, row: Document) -> str:
    """Say of all judged quantities what they say of ours."""
    if row["missing"] or row["own"] or row is first or comparison["scale"]:
        return ""
    found, told = ratios(first["runs"], row["runs"]), defaultdict(list)
    for name in comparison["judged"]:
        if name in found:
            told[judge(found[name], pairs(first, row))].append(short(name))
    return "; ".join(f"{word}: {', '.join(names)}" for word, names in told.items())


def short(quantity: str) -> str:
    """Return the name of a quantity without its unit."""
    return quantity.rpartition(" ")[0] or quantity


def markdown(found: Document) -> str:
    """Return the table as Markdown."""
    lines = [
        "# Benchmarks side by side", "",
        "Ratios of a row to the first row of its comparison, of the same turn (A B C A B C): the "
        "median, and in parentheses the smallest and the largest. Above 1, the first takes less. "
        "Level: the difference is within this spread. Peak is the largest process's.",
        "", f"{found['machine']['processor']}, {found['machine']['cpus']} CPUs used.",
    ]  # fmt: skip
    about = ""
    for each in found["comparisons"]:
        if each["about"] != about:
            about = each["about"]
            lines += ["", f"# {about.strip()}"]
        how = "one turn of small tables" if each["settings"]["quick"] else ""
        turns = how or f"{each['settings']['repeats']} turns"
        lines += ["", f"## {each['id']}: {each['title']}", ""]
        lines += [each["note"], ""] if each["note"] else []
        lines += [f"{turns}, {each['began']}, commit {each['commit']}", ""]
        lines += [_line(HEAD), _line(["---"] * len(HEAD))]
        left = [row["id"] for row in each["rows"] if row["missing"] == LEFT_OUT]
        lines += [_line(_cells(each, row)) for row in each["rows"] if row["id"] not in left]
        lines += ["", f"Left out by QUICK: {', '.join(left)}"] if left else []
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _cells(comparison: Document, row: Document) -> list[str]:
    call = f"`{row['call']}`"
    if row["missing"]:
        return [row["id"], row["with"], f"not measured: {row['missing']}", *[""] * 4, call]
    heads = [name for name in comparison["judged"] if name in row["medians"]]
    told = [_ratio(name, row["ratios"][name]) for name in heads if name in row["ratios"]]
    if row is comparison["rows"][0]:
        told = ["1"]
    absolute = "; ".join(f"{_number(row['medians'][name]['median'])} {name}" for name in heads)
    load = f"{row['medians']['load']['median']:.1f}"
    first, others = (told or [""])[0], "; ".join(told[1:])
    return [row["id"], row["with"], first, others, row["ours is"], absolute, load, call]


def _ratio(name: str, ratio: Mapping[str, float]) -> str:
    ends = "" if ratio["low"] == ratio["high"] else f" ({ratio['low']:.2f} to {ratio['high']:.2f})"
    return f"{short(name)} {_number(ratio['median'])} x{ends}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
