"""What importing costs: all that each component may import, beside kfp's executor alone.

Each in the environment of its image (work/importing.py): `warm`, with the files in memory, and
`cold`, after the kernel has dropped what it kept of files, which only root can ask it to. kfp's
executor is the least that any step imports; components are told as multiples of it. `libraries`
puts ours beside the libraries whose parts it loads: TFDV's extension without TensorFlow, and Alibi
Detect's tabular detectors without the rest.
"""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from holdfast.errors import MachineError
from holdfast.images import FAMILIES
from holdfast.local import files
from tests.bench import peers
from tests.bench.frame import PEAK, WALL, Case, Comparison, Group, Size
from tests.bench.processes import Found, module, run

DROP = Path("/proc/sys/vm/drop_caches")
EXECUTOR = "import kfp.dsl.executor_main"
JUDGED = (WALL, PEAK)
# Of the other families' components QUICK measures none: they go the same way.
QUICK = ("split_table", "infer_schema")


def comparisons(size: Size) -> Sequence[Comparison]:
    """Return both libraries, then each family, warm and cold."""
    found = [library(*each) for each in LIBRARIES]
    for family in FAMILIES[:2] if size.quick else FAMILIES:
        for state in ("warm",) if size.quick else ("warm", "cold"):
            cold = state == "cold"
            title = f"import of the components of {family}, {state}"
            found.append(
                Comparison(f"{family}-{state}", title, partial(cases, family, cold), JUDGED,
                           warm=not cold, scale=True)
            )  # fmt: skip
    return found


def cases(family: str, cold: bool, _folder: Path) -> list[Case]:
    """Return the executor, and each component of a family."""
    names = sorted(file.parent.name for file in (files.PACKAGE / family).glob("*/component.py"))
    return [
        Case("executor", f"python -c '{EXECUTOR}'", partial(python, family, EXECUTOR, cold),
             family, "kfp"),
        *(
            Case(name, f"all imports of {name}", partial(component, family, name, cold), family,
                 quick=name in QUICK)
            for name in names
        ),
    ]  # fmt: skip


# Name, title, our family and code, the peer's environment, distribution and code.
LIBRARIES = (
    ("tfdv", "TFDV's inference and validation", "validation",
     "from holdfast.validation import tfdv; tfdv._extension()",
     "tfdv", "tensorflow-data-validation", "import tensorflow_data_validation"),
    ("alibi", "Alibi Detect's TabularDrift", "drift",
     "from holdfast.drift.alibi import detector_class as c; c('cd.tabular', 'TabularDrift')",
     "alibi", "alibi-detect", "from alibi_detect.cd import TabularDrift"),
)  # fmt: skip


def library(
    name: str, title: str, family: str, ours: str, peer: str, distribution: str, theirs: str
) -> Comparison:
    """Return the comparison of ours with a library."""

    def pair(_folder: Path) -> list[Case]:
        own = Case("ours", ours, partial(python, family, ours), family)
        return [own, Case("whole", theirs, partial(python, peer, theirs), peer, distribution)]

    return Comparison(name, f"import of {title}", pair, JUDGED)


def python(environment: str, code: str, cold: bool = False) -> Found:
    """Run code in a bare interpreter."""
    drop(cold)
    more = {"_KFP_RUNTIME": "true"}
    return run([peers.python(environment), "-W", "ignore", "-c", code], more)


def component(family: str, name: str, cold: bool) -> Found:
    """Import what a component may import."""
    drop(cold)
    program, more = "tests.bench.work.importing", {"_KFP_RUNTIME": "true"}
    return module(peers.python(family), program, family, name, more=more)


def drop(wanted: bool) -> None:
    """Let the kernel forget files."""
    if not wanted:
        return
    os.sync()
    try:
        DROP.write_text("1")
    except OSError as error:
        raise MachineError(f"Only root can drop the kernel's caches. Found: {error}.") from error


GROUP = Group("imports", __doc__, comparisons)
