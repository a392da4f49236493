"""Measure what a fit costs: python -m tests.bench.training [REPEATS].

Plain XGBoost with 1, 2 and its default of threads against train_xgboost's fit, in turns, each in a
process of its own; on the machine as it is, and beside programs that burn every CPU.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.conftest import REAL_DATA
from tests.support import ROOT, family_python

WAYS = ("1", "2", "default", "ours")


def main(repeats: int) -> None:
    """Measure both tables on both machines."""
    for table in (REAL_DATA / "adult.parquet", None):
        for burners in (0, os.cpu_count() or 1):
            with burning(burners):
                measure(table, repeats, burners)


def measure(table: Path | None, repeats: int, burners: int) -> None:
    """Print medians and spreads of all ways, taken in turns."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(repeats):
        for way in WAYS:
            seconds[way].append(fit(way, table))
    print(
        f"{table.name if table else '500,000 x 20'}, {burners} burners, load {os.getloadavg()[0]}"
    )
    base = median(seconds["1"])
    for way, found in seconds.items():
        middle, spread = median(found), f"{min(found):.2f} to {max(found):.2f}"
        print(f"  {way:8} {middle:7.2f} s  ({spread}) {middle / base:6.2f} x", flush=True)


def fit(way: str, table: Path | None) -> float:
    """Return the seconds of one fit."""
    command = [
        family_python("training"),
        "-m",
        "tests.bench.fit_once",
        way,
        *([table] if table else []),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


@contextmanager
def burning(count: int) -> Iterator[None]:
    """Keep so many CPUs busy."""
    # They end with this program, however it ends.
    burn = f"import os\nwhile os.getppid() == {os.getpid()}: sum(range(100_000))"
    command = [sys.executable, "-c", burn]
    burners = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
