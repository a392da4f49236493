"""Call components with planted artifacts: python -m tests.security.sweep FOLDER < COMPONENTS.

Runs in a family's environment. COMPONENTS is JSON: name, source, inputs by name and type, and
parameters. Prints a JSON line for each call: what was planted where, and what came of it.
"""

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

from kfp import dsl

from holdfast.errors import HoldfastError
from tests.security import planted


def main(folder: Path, components: list[dict[str, Any]]) -> None:
    """Call each component with each planted artifact in the place of each of its inputs."""
    canary = folder / "canary"
    assert planted.works(canary)
    plants = {
        "pickle": folder / "pickle",
        "text": folder / "text",
        "folder": planted.folder(folder / "folder", canary, described=False),
        "model": planted.folder(folder / "model", canary, described=True),
    }
    plants["pickle"].write_bytes(planted.pickled(canary))
    plants["text"].write_bytes(planted.pickled(canary, 0))
    table = small_table(folder / "table")
    for number, component in enumerate(components):
        function = load(folder / f"program_{number}.py", component)
        for name in component["inputs"]:
            for plant, path in plants.items():
                out = folder / f"{number}-{name}-{plant}"
                found = call(function, component, {name: path}, table, out)
                told = {"component": component["name"], "input": name, "plant": plant}
                print(json.dumps({**told, **found, "ran": canary.exists()}), flush=True)
                canary.unlink(missing_ok=True)


def small_table(path: Path) -> Path:
    """Write a table with a target, where the environment can."""
    if importlib.util.find_spec("pyarrow") is None:
        return path
    import pyarrow as pa

    from holdfast.table import TableWriter

    rows = pa.table({"x": [float(n) for n in range(40)], "y": ["a", "b"] * 20})
    with TableWriter(path, rows.schema, "y", "classification") as writer:
        for batch in rows.to_batches():
            writer.write(batch)
    return path


def load(file: Path, component: dict[str, Any]) -> Any:
    """Return the function, loaded as KFP's executor loads it."""
    file.write_text(component["source"])
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, component["name"])


def call(
    function: Any, component: dict[str, Any], given: dict[str, Path], table: Path, out: Path
) -> dict[str, Any]:
    """Call a component; other inputs that must be given are a good table, or as bad."""
    out.mkdir()
    bad = next(iter(given.values()))
    arguments: dict[str, Any] = dict(component["parameters"])
    for name, (kind, optional, several) in component["inputs"].items():
        if name not in given and optional:
            arguments[name] = None
            continue
        path = given.get(name, table if kind == "system.Dataset" else bad)
        artifact = dsl.Artifact(name=name, uri=str(path), metadata={})
        arguments[name] = [artifact] if several else artifact
    for name in component["artifacts"]:
        arguments[name] = dsl.Artifact(name=name, uri=str(out / name), metadata={})
    os.chdir(out)
    try:
        function(**arguments)
    except HoldfastError as error:
        return {"came": "refused", "said": str(error)[:400]}
    except BaseException as error:  # noqa: BLE001  # that is what is looked for
        return {"came": type(error).__name__, "said": str(error)[:400]}
    return {"came": "taken", "said": ""}


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.load(sys.stdin))
