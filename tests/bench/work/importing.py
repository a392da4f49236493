"""Import all that a component may import: python -m tests.bench.work.importing FAMILY COMPONENT.

What that is, is read from the sources: every import in the component's modules and in ours that
they import, inside functions, too, where heavy libraries are imported. So it is what a step pays at
most; one that needs no database imports no driver. Prints the seconds, as JSON; reading the sources
is not timed.
"""

import ast
import importlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import holdfast

SOURCE = Path(holdfast.__file__).resolve().parents[1]


def main(family: str, component: str) -> None:
    """Import, and say how long that took and what is not installed."""
    ours, others = reachable(f"holdfast.{family}.{component}")
    missing = []
    start = time.perf_counter()
    for name in [*others, *ours]:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    print(json.dumps({"work s": time.perf_counter() - start, "missing": missing}))


def reachable(component: str) -> tuple[list[str], list[str]]:
    """Return our modules that a component needs, and others' that these name."""
    folder = SOURCE.joinpath(*component.split("."))
    waiting = [f"{component}.{file.stem}" for file in sorted(folder.glob("[!_]*.py"))]
    ours: dict[str, None] = {}
    others: dict[str, None] = {}
    while waiting:
        module = waiting.pop()
        if module in ours:
            continue
        ours[module] = None
        for name in imported(file_of(module)):
            if name.partition(".")[0] != "holdfast":
                others[name] = None
            elif file_of(name).is_file():
                waiting.append(name)
    # Stubs are kfp's to import: at run time it is there already.
    kept = [name for name in ours if not name.endswith(".component")]
    return kept, ["kfp.dsl.executor_main", *(n for n in others if n.partition(".")[0] != "kfp")]


def imported(file: Path) -> Iterator[str]:
    """Yield what a file imports, and what may be a module of ours in `from package import it`."""
    waiting: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module.startswith("holdfast"):
                yield from (f"{node.module}.{each.name}" for each in node.names)
        waiting.extend(ast.iter_child_nodes(node))


def file_of(module: str) -> Path:
    """Return the file of a module of ours, whether it is there or not."""
    return SOURCE.joinpath(*module.split(".")).with_suffix(".py")


if __name__ == "__main__":
    main(*sys.argv[1:])
