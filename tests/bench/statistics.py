"""Measure profiles: python -m tests.bench.statistics [ROWS [REPEATS]] [csv] [growth].

One generated table of 20 columns (16 of numbers, 4 of words), from Parquet and with `csv` from CSV,
too, is described by us and by others, each in a process of its own (describe.py): seconds of the
work, seconds of the whole process with its imports, seconds of processor time that it took (which
other processes disturb least), and the most memory that it held. `growth` shows ours alone at 1, 5
and 20 million rows.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from holdfast.local import environments, files
from tests.support import ROOT, family_python

HEAD = f"{'':42} {'work s':>7} {'process s':>10} {'(from - to)':>17} {'cpu s':>7} {'peak MB':>8}"
WAYS = (
    ("ours: profile, and written statistics", "profile", "validation"),
    ("ours: the whole step, with its page", "step", "validation"),
    ("Arrow: bare scan", "scan", "validation"),
    ("DuckDB: SUMMARIZE", "duckdb", "validation"),
    ("pandas: describe(include='all')", "pandas", "tfdv"),
    ("TFDV: generate_statistics_from_dataframe", "tfdv_dataframe", "tfdv"),
    ("TFDV: in memory, on Arrow", "tfdv_arrow", "tfdv"),
)
# Rows, and how often each is measured.
DEFAULTS = (1_000_000, 3)
GROWTH = (1_000_000, 5_000_000, 20_000_000)


@dataclass(frozen=True)
class Measure:
    """One process: seconds of the work and of all, of processor time, and its peak memory."""

    work: float
    process: float
    processor: float
    megabytes: float


def main(arguments: list[str]) -> None:
    """Run what is asked for."""
    numbers = [int(each) for each in arguments if each.isdigit()]
    rows, repeats = (*numbers, *DEFAULTS[len(numbers) :])
    with tempfile.TemporaryDirectory() as folder:
        if "growth" in arguments:
            grow(Path(folder))
        else:
            compare(Path(folder), rows, repeats, "csv" in arguments)


def compare(folder: Path, rows: int, repeats: int, csv: bool) -> None:
    """Print a line for each way to describe one table."""
    table = made(folder / f"{rows}.parquet")
    print(f"{rows:,} rows, {table.stat().st_size / 2**20:.0f} MB of Parquet\n{HEAD}")
    base = 0.0
    for name, way, environment in WAYS:
        found = [measure(way, table, environment) for _ in range(repeats)]
        base = report(name, found, base)
    if csv:
        table = made(folder / f"{rows}.csv")
        print(f"\n{rows:,} rows, {table.stat().st_size / 2**20:.0f} MB of CSV\n{HEAD}")
        base = report("ours: ingest_table, then profile_table", [ingested(table)], 0)
        theirs = [measure("tfdv_csv", table, "tfdv")]
        report("TFDV: generate_statistics_from_csv", theirs, base)


def grow(folder: Path) -> None:
    """Print a line for each length of the table."""
    print(HEAD)
    for rows in GROWTH:
        table = made(folder / f"{rows}.parquet")
        report(f"ours: the whole step, {rows:,} rows", [measure("step", table, "validation")], 0)
        table.unlink()


def ingested(csv: Path) -> Measure:
    """Measure the two steps from CSV to statistics, as one."""
    with tempfile.TemporaryDirectory() as folder:
        first = measure("ingest", csv, "data", folder)
        second = measure("step", Path(folder) / "table", "validation")
    return Measure(
        first.work + second.work,
        first.process + second.process,
        first.processor + second.processor,
        max(first.megabytes, second.megabytes),
    )


def report(name: str, found: list[Measure], base: float) -> float:
    """Print the medians of some measures, the work against a base; return the base or set it."""
    work = median(each.work for each in found)
    process = [each.process for each in found]
    ratio = f"{work / base:7.2f} x" if base else ""
    spread = f"({min(process):.2f} - {max(process):.2f})"
    print(
        f"{name:42} {work:7.2f} {median(process):10.2f} {spread:>17} "
        f"{median(each.processor for each in found):7.2f} "
        f"{max(each.megabytes for each in found):8.0f} {ratio}",
        flush=True,
    )
    return base or work


def made(table: Path) -> Path:
    """Make the table of a file's name and kind."""
    measure("make", table, "validation")
    return table


def measure(way: str, table: Path, environment: str, folder: str | None = None) -> Measure:
    """Describe a table in a process of its own."""
    if folder is None:
        with tempfile.TemporaryDirectory() as own:
            return measure(way, table, environment, own)
    command = [python(environment), "-m", "tests.bench.describe", way, table, folder]
    variables = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{files.PACKAGE.parent}"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=variables, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    printed = process.stdout.read().split()
    _, code, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    assert code == 0, f"{way} failed: {' '.join(map(str, command))}"
    processor = used.ru_utime + used.ru_stime
    return Measure(float(printed[-1]), seconds, processor, used.ru_maxrss / 1024)


def python(environment: str) -> Path:
    """Return the Python of a family, or of the whole of TFDV (which has pandas, too)."""
    if environment == "tfdv":
        lock = ROOT / "tests" / "tfdv" / "requirements.txt"
        return environments.make("tfdv", lock, print) / "bin" / "python"
    return family_python(environment)


if __name__ == "__main__":
    main(sys.argv[1:])
