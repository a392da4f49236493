"""Measure drift checks: python -m tests.bench.drift [ROWS ...].

A reference of 100,000 rows and 20 columns (16 of numbers, 4 of words) is compared with tables of
100,000 and a million rows by us and by others, each in a process of its own (drifting.py), from
Parquet to an answer: seconds of the work, seconds of the whole process with its imports, seconds of
processor time (which other processes disturb least), and the most memory that it held. Beside them
the columns that are said to have drifted: where nothing has changed, and where one column has moved
by 0.2 standard deviations.

Ours starts from the stored detector, as each check of a running model does; others start from the
reference, as they must. Where a library can't be installed, its row says so.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from holdfast.errors import MachineError
from tests.bench import peers
from tests.bench.drifting import MOVED
from tests.bench.peers import Measure
from tests.support import family_python

REFERENCE_ROWS = 100_000
CURRENT_ROWS = (100_000, 1_000_000)
SHIFT = 0.2
REPEATS = 3
# Seconds above which a way is measured once.
QUICK = 20.0
COLUMNS = 20
HEAD = (
    f"{'':36} {'work s':>7} {'process s':>10} {'(from - to)':>17} {'cpu s':>7} {'peak MB':>8} "
    f"{'ratio':>9}   drifted: nothing moved | {MOVED} moved by {SHIFT} sd"
)


@dataclass(frozen=True)
class Way:
    """One way to compare: its name, where it runs, and its arguments beside the current table.

    `before` come in front of the table, `after` behind it.
    """

    name: str
    environment: str
    way: str
    before: tuple[object, ...]
    after: tuple[object, ...] = ()

    def measure(self, current: Path) -> Measure:
        """Compare in a process of its own."""
        arguments = (self.way, *self.before, current, *self.after)
        return peers.measure(interpreter(self.environment), "tests.bench.drifting", *arguments)


def main(arguments: list[str]) -> None:
    """Measure tables of these numbers of rows."""
    sizes = [int(each) for each in arguments] or CURRENT_ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reference = made(folder / "reference.parquet", REFERENCE_ROWS, 1)
        ways = (*own(folder, reference), *others(reference))
        print(f"reference: {REFERENCE_ROWS:,} rows x {COLUMNS} columns; {quiet()}")
        for rows in sizes:
            same = made(folder / f"same_{rows}.parquet", rows, 2)
            moved = made(folder / f"moved_{rows}.parquet", rows, 2, SHIFT)
            print(f"\n{rows:,} rows\n{HEAD}")
            base = 0.0
            for way in ways:
                base = report(way, same, moved, base)


def own(folder: Path, reference: Path) -> tuple[Way, ...]:
    """Fit our detectors, which is done once for many checks, and return the ways to use them."""
    ways = []
    print(HEAD[: HEAD.index("ratio")])
    for label, fitted, tested in (("", (), ()), (", sample: all rows", (0,), (0,))):
        detector = folder / f"detector{len(ways)}"
        found = run_drift("fit", reference, detector, *fitted)
        print(line(f"fit_drift_detector, once{label}", [found]))
        after = (folder / f"answer{len(ways)}", *tested)
        ways.append(Way(f"detect_drift{label}", "drift", "ours", (detector,), after))
    return tuple(ways)


def others(reference: Path) -> tuple[Way, ...]:
    """Return the ways of others."""
    return (
        Way("NannyML 0.13.1: univariate", "nannyml", "nannyml", (reference,)),
        Way("Evidently 0.7.23: DataDriftPreset", "evidently", "evidently", (reference,)),
        Way("SciPy: ks_2samp, chi2_contingency", "alibi", "scipy", (reference,)),
        Way("Alibi Detect 0.11.4: TabularDrift", "alibi", "alibi", (reference,)),
    )


def report(way: Way, same: Path, moved: Path, base: float) -> float:
    """Measure one way and print it; return the seconds that ratios are of."""
    try:
        found = [way.measure(same)]
        while len(found) < REPEATS and found[0].process < QUICK:
            found.append(way.measure(same))
        flagged = " | ".join(named(each) for each in (found[0], way.measure(moved)))
    except MachineError as error:
        print(f"{way.name:36} not measured: {str(error).splitlines()[-1][-200:]}", flush=True)
        return base
    seconds = median(each.process for each in found)
    if not base and way.way == "ours":
        base = seconds
    ratio = f"{seconds / base:7.2f} x" if base else " " * 9
    print(f"{line(way.name, found)} {ratio}   {flagged}", flush=True)
    return base


def line(name: str, found: list[Measure]) -> str:
    """Return the medians of some measures."""
    process = [each.process for each in found]
    spread = f"({min(process):.2f} - {max(process):.2f})"
    return (
        f"{name:36} {median(each.work for each in found):7.2f} {median(process):10.2f} "
        f"{spread:>17} {median(each.processor for each in found):7.2f} "
        f"{max(each.megabytes for each in found):8.0f}"
    )


def named(found: Measure) -> str:
    """Return the columns that drifted, in few words."""
    drifted = found.found["drifted"]
    return f"{len(drifted)}: {', '.join(drifted)}" if drifted else "none"


def made(file: Path, rows: int, seed: int, shift: float = 0.0) -> Path:
    """Make a table."""
    run_drift("make", file, rows, seed, shift)
    return file


def run_drift(way: str, *arguments: object) -> Measure:
    """Run what needs the drift family's environment."""
    return peers.measure(interpreter("drift"), "tests.bench.drifting", way, *arguments)


def interpreter(environment: str) -> Path:
    """Return the Python of the drift family or of a peer."""
    return family_python("drift") if environment == "drift" else peers.python(environment)


def quiet() -> str:
    """Say how it is made sure that nobody calls home."""
    known = ", ".join(f"{name}={value}" for name, value in peers.SILENT.items())
    return f"processes without a network; {known}" if peers.offline() else known


if __name__ == "__main__":
    main(sys.argv[1:])
