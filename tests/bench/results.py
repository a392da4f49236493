"""Measure comparisons, keep what was found, and go on where a run was stopped.

Under the given folder: state/<group>/<comparison>.json with every single measurement, written when
the comparison is done. One that is there, and was measured with the same settings, is not measured
again unless that is asked for.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from holdfast.errors import HoldfastError
from tests.bench import peers
from tests.bench.frame import Case, Comparison, Group, Size, measured
from tests.bench.processes import TooLongError
from tests.support import ROOT

Document = dict[str, Any]
LEFT_OUT = "QUICK leaves it out; `make bench` measures it."


def keep(group: Group, comparison: Comparison, size: Size, out: Path, again: bool) -> Document:
    """Return what is known of a comparison; measure it if that is nothing yet."""
    file = out / "state" / group.name / f"{comparison.name}.json"
    if file.is_file() and not again:
        known = json.loads(file.read_text(encoding="utf-8"))
        if known["settings"] == settings(comparison, size):
            return known
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix="inputs-") as folder:
        found = measure(group, comparison, size, Path(folder))
    write(file, json.dumps(found, indent=1))
    return found


def settings(comparison: Comparison, size: Size) -> Document:
    """Return what two measurements must have in common for one to stand for the other."""
    calls = {case.name: case.call for case in comparison.cases(Path("folder"))}
    cpus = len(os.sched_getaffinity(0))
    return {"quick": size.quick, "repeats": size.repeats, "cpus": cpus,
            "title": comparison.title, "calls": calls}  # fmt: skip


def measure(group: Group, comparison: Comparison, size: Size, folder: Path) -> Document:
    """Measure all cases in turns."""
    name = f"{group.name}/{comparison.name}"
    kept = ("title", "note", "judged", "scale")
    found = {
        "id": name, "about": group.about, **{key: getattr(comparison, key) for key in kept},
        "settings": settings(comparison, size), "commit": commit(), "began": now(), "rows": [],
    }  # fmt: skip
    cases = comparison.cases(folder)
    rows = {case.name: _row(f"{name}/{case.name}", case) for case in cases}
    try:
        _prepare(comparison, cases, folder)
        _measure(comparison, cases, rows, size)
    except (HoldfastError, OSError) as error:
        for row in rows.values():
            row["missing"] = row["missing"] or str(error)
    return {**found, "rows": list(rows.values()), "ended": now()}


def _row(identity: str, case: Case) -> Document:
    empty = {"with": "", "runs": [], "said": {}, "missing": "", "failed": False}
    return {"id": identity, "call": case.call, "own": not case.distribution, **empty}


def _prepare(comparison: Comparison, cases: Sequence[Case], folder: Path) -> None:
    """Make the inputs, with the first case's environment there."""
    peers.require(cases[0].environment, quick=False)
    comparison.prepare(folder)


def _measure(
    comparison: Comparison, cases: Sequence[Case], rows: dict[str, Document], size: Size
) -> None:
    with comparison.around():
        for number in range(-1 if comparison.warm and not size.quick else 0, size.repeats):
            for case in cases:
                row = rows[case.name]
                if not row["missing"]:
                    _once(case, row, size.quick, number >= 0)


def _once(case: Case, row: Document, quick: bool, counts: bool) -> None:
    ready = False
    try:
        if not row["with"]:
            _make_ready(case, row, quick)
        ready = True
        found = measured(case)
    except (HoldfastError, OSError) as error:
        # What this machine lacks is no failure, and a time is none.
        row |= {"missing": str(error), "failed": ready and not isinstance(error, TooLongError)}
        return
    row["said"] = dict(found.said)
    if counts:
        row["runs"].append(dict(found.quantities))


def _make_ready(case: Case, row: Document, quick: bool) -> None:
    if quick and not case.quick:
        raise HoldfastError(LEFT_OUT)
    peers.require(case.environment, quick)
    row["with"] = peers.version(case.environment, case.distribution)


def write(file: Path, text: str) -> None:
    """Write a file at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    half = file.with_suffix(file.suffix + ".half")
    half.write_text(text, encoding="utf-8")
    half.replace(file)


def now() -> str:
    """Return the time, in seconds, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def commit() -> str:
    """Return the commit that is measured, with a mark where files differ from it."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout.strip()
