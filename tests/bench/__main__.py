"""Measure what this project claims beside what its users would take instead: `make bench`.

python -m tests.bench [--quick] [--rows PATTERN ...] [--out DIR] [--repeats N] [--again] [--list]

Prints one table of ratios, and writes it as bench.md, bench.json and bench.svg under DIR after each
comparison. What is there is not measured again unless --again says so: a run that was stopped goes
on. A pattern is a group, a comparison or a row, with * for anything: statistics, drift/1m,
'*/*/pandas'; the comparison that a row is of is measured as a whole.
"""

import argparse
import fnmatch
import importlib
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench import picture, processes, results, table
from tests.bench.frame import Comparison, Group, Size, ids

NAMES = (
    "pipelines", "steps", "imports", "statistics", "validation", "drift", "training", "batch",
    "serving", "building", "explanation",
)  # fmt: skip
QUICK_SECONDS = 150
# QUICK says nothing of times, so two processes may disturb each other.
QUICK_LANES = 2


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return 1 where a row could be measured, and failed."""
    options = parsed(arguments)
    size = Size(options.quick, 1 if options.quick else options.repeats)
    chosen = list(selected(options.rows, size))
    if not chosen:
        print(f"--rows must name rows; --list shows them. Found: {options.rows}", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(name for name in ids(chosen)))
        return 0
    processes.pin()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if options.quick:
        processes.stop_after(QUICK_SECONDS)
    try:
        found = measure_all(chosen, size, options.out, options.again)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    print((options.out / "bench.md").read_text(encoding="utf-8"))
    print(f"written: bench.md, bench.json and bench.svg in {options.out}")
    failed = [row["id"] for each in found for row in each["rows"] if row["failed"]]
    if failed:
        print(f"ran and failed (--again tries anew): {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser("python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="see that everything works: 3 minutes")
    parser.add_argument("--rows", nargs="*", default=[], metavar="PATTERN")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: output/bench[-quick]")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="turns, without quick")
    parser.add_argument("--again", action="store_true", help="measure what was measured before")
    parser.add_argument("--list", action="store_true", help="print the rows' ids and end")
    options = parser.parse_args(arguments)
    default = Path("output") / ("bench-quick" if options.quick else "bench")
    options.out = (options.out or default).resolve()
    return options


def groups() -> list[Group]:
    """Return all groups, in the order of the table."""
    return [importlib.import_module(f"tests.bench.groups.{name}").GROUP for name in NAMES]


def selected(patterns: Sequence[str], size: Size) -> Iterator[tuple[Group, Comparison]]:
    """Yield the comparisons that any pattern names, all without one."""
    for group in groups():
        for comparison in group.comparisons(size):
            rows = ids([(group, comparison)])
            known = [group.name, f"{group.name}/{comparison.name}", *rows]
            if not patterns or any(fnmatch.filter(known, pattern) for pattern in patterns):
                yield group, comparison


def measure_all(
    chosen: Sequence[tuple[Group, Comparison]], size: Size, out: Path, again: bool
) -> list[results.Document]:
    """Measure one comparison after the other, and write the table after each."""
    found: dict[str, results.Document] = {}

    def one(pair: tuple[Group, Comparison]) -> None:
        group, comparison = pair
        name = f"{group.name}/{comparison.name}"
        print(f"{results.now()} {name}", file=sys.stderr, flush=True)
        found[name] = results.keep(group, comparison, size, out, again)

    with ThreadPoolExecutor(QUICK_LANES) as lanes:
        try:
            for _ in (lanes.map if size.quick else map)(one, chosen):
                write(found, out)
        except BaseException:
            processes.stop_all()
            raise
    return list(found.values())


def write(found: dict[str, results.Document], out: Path) -> None:
    """Write what is known: of this call, and what other calls have left in the folder."""
    known = dict(found)
    for file in sorted((out / "state").glob("*/*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        known.setdefault(document["id"], document)
    place = {name: number for number, name in enumerate(NAMES)}
    ordered = sorted(known, key=lambda name: place.get(name.partition("/")[0], len(NAMES)))
    whole = table.table([known[name] for name in ordered])
    results.write(out / "bench.json", json.dumps(whole, indent=1))
    results.write(out / "bench.md", table.markdown(whole))
    results.write(out / "bench.svg", picture.picture(whole))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
