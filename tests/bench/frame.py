"""What all benchmarks are made of: cases that do the same work, measured in turns.

A comparison is a table's few rows that belong together. Its first case is the yardstick; the others
are measured beside it A B C A B C, so that what else the machine does meets all of them, and each
ratio is of two measurements of the same turn. Each is a process of its own (processes.py).
"""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.processes import Found

# Quantities by name, with their units; of all of them less is better.
WORK, WALL, CPU, PEAK = "work s", "wall s", "CPU s", "peak MB"


@dataclass(frozen=True)
class Case:
    """One way to do the work.

    Args:
        name: The end of the row's id.
        call: The exact call, as its user writes it.
        measure: Does the work once.
        environment: Where it runs: a family, a peer, or another of peers.ENVIRONMENTS.
        distribution: Whose version the row names; empty for another way of this project's, of
            which the table does not say who is ahead.
        quick: Whether QUICK measures it: light, and without an index of packages.
    """

    name: str
    call: str
    measure: Callable[[], Found]
    environment: str = ""
    distribution: str = ""
    quick: bool = True


@dataclass(frozen=True)
class Comparison:
    """Cases that do the same work; `cases` is given a folder with what `prepare` put there.

    Args:
        name: The middle of the rows' ids.
        title: What is done.
        cases: Returns the cases; does no work.
        judged: The quantities whose ratios are shown, the one that counts most first.
        prepare: Makes the inputs.
        around: What holds while cases are measured.
        warm: Each case is done once before it is measured, so that files are in memory.
        scale: The first case is no claim but a measure: the others are told as multiples of it, and
            nothing is said of who is ahead.
        note: What must be known to judge the rows.
    """

    name: str
    title: str
    cases: Callable[[Path], Sequence[Case]]
    judged: tuple[str, ...] = (WALL, WORK, CPU, PEAK)
    prepare: Callable[[Path], object] = lambda _: None
    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    warm: bool = True
    scale: bool = False
    note: str = ""


@dataclass(frozen=True)
class Size:
    """How much is measured: everything, or only so much that the benchmarks are seen to work."""

    quick: bool = False
    repeats: int = 5

    def rows(self, wanted: int) -> int:
        """Return how many rows a table has."""
        return min(wanted, 5_000) if self.quick else wanted


@dataclass(frozen=True)
class Group:
    """Comparisons of one subject, in the order of the table.

    Args:
        name: The beginning of the rows' ids.
        about: What is measured and how, in a sentence and a paragraph; the table shows it.
        comparisons: Returns the comparisons.
    """

    name: str
    about: str
    comparisons: Callable[[Size], Sequence[Comparison]]


def measured(case: Case) -> Found:
    """Measure a case once, with the load of the machine before it."""
    load = os.getloadavg()[0]
    found = case.measure()
    return Found({**found.quantities, "load": load}, found.said)


def ids(chosen: Iterable[tuple[Group, Comparison]]) -> dict[str, str]:
    """Return the calls of all rows by the rows' ids; nothing is measured."""
    return {
        f"{group.name}/{comparison.name}/{case.name}": case.call
        for group, comparison in chosen
        for case in comparison.cases(Path("folder"))
    }
