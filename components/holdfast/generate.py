"""Write what is derived: compiled YAML, the components' READMEs and the README's catalog.

``python -m holdfast.generate`` in a checkout writes; ``texts`` returns the same for the test that
compares.
"""

import tempfile
from pathlib import Path
from typing import Any

from kfp import compiler

import holdfast.catalog
from holdfast.images import family_of
from holdfast.local import files

CATALOG_START = "<!-- catalog: written by make generate -->"
CATALOG_END = "<!-- end of catalog -->"
# What is longer does not fit beside a page's margins.
LINE = 88


def components() -> dict[str, Any]:
    """Return the components of the catalog by name."""
    return {name: getattr(holdfast.catalog, name) for name in holdfast.catalog.__all__}


def pipelines() -> dict[str, Any]:
    """Return the pipelines by name: each module of pipelines/ that defines one of its own name."""
    import importlib

    found = {}
    for file in sorted((files.root() / "pipelines").glob("[!_]*.py")):
        module = importlib.import_module(f"pipelines.{file.stem}")
        if hasattr(module, file.stem):
            found[file.stem] = getattr(module, file.stem)
    return found


def texts() -> dict[Path, str]:
    """Return every derived file as text, by its path in the checkout."""
    root = files.root()
    result: dict[Path, str] = {}
    for name, component in components().items():
        compiled = _compile(component)
        result[root / "compiled" / "components" / f"{name}.yaml"] = compiled
        family = _family(component)
        readme = root / "components" / "holdfast" / family / name / "README.md"
        result[readme] = _component_readme(name, family, component)
    for name, pipeline in pipelines().items():
        result[root / "compiled" / "pipelines" / f"{name}.yaml"] = _compile(pipeline)
    result[root / "README.md"] = _readme((root / "README.md").read_text(encoding="utf-8"))
    return result


def main() -> None:
    """Write every derived file; delete compiled YAML that nothing stands behind any more."""
    wanted = texts()
    for stale in set((files.root() / "compiled").glob("*/*.yaml")) - set(wanted):
        stale.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(files.root()))


def _compile(component: Any) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "compiled.yaml"
        compiler.Compiler().compile(component, str(path))
        return path.read_text(encoding="utf-8")


def _family(component: Any) -> str:
    family = family_of(component.component_spec.implementation.container.image)
    if family is None:
        raise ValueError(f"{component.name} runs in an image of no family")
    return family


def _inputs(component: Any) -> list[tuple[str, str, str]]:
    spec = component.component_spec
    rows = []
    for name, entry in (spec.inputs or {}).items():
        kind = entry.type.removesuffix("@0.0.1") if "@" in entry.type else entry.type.lower()
        default = f" = `{entry.default!r}`" if entry.optional else ""
        rows.append((name, f"{kind}{default}", entry.description or ""))
    return rows


def _outputs(component: Any) -> list[tuple[str, str, str]]:
    spec = component.component_spec
    return [
        (name, entry.type.removesuffix("@0.0.1"), entry.description or "")
        for name, entry in (spec.outputs or {}).items()
    ]


def _table(rows: list[tuple[str, str, str]]) -> str:
    if not rows:
        return "None."
    lines = [f"| `{name}` | {kind} | {' '.join(text.split())} |" for name, kind, text in rows]
    return "\n".join(["| name | type | |", "|---|---|---|", *lines])


def _use(name: str, component: Any) -> tuple[str, str]:
    """Return a call with what must be given, and the command that runs it, if one can."""
    inputs = component.component_spec.inputs or {}
    # Where nothing must be given alone, something must be given all the same.
    needed = {k: v for k, v in inputs.items() if not v.optional} or dict([*inputs.items()][:1])
    given = {key: _argument(key, entry) for key, entry in needed.items()}
    call = f"{name}({', '.join(f'{key}={value}' for key, value in given.items())})"
    if len(call) > LINE:
        call = "\n".join([f"{name}(", *(f"    {k}={v}," for k, v in given.items()), ")"])
    if set(given.values()) != {"..."}:
        return call, ""
    command = " ".join(["holdfast run", name, *(f"-p {key}=..." for key in given)])
    return call, f"\n\nor, by itself, on this machine:\n\n```\n{command}\n```"


def _argument(name: str, entry: Any) -> str:
    if "@" not in entry.type:
        return "..."
    other = f'OTHER.outputs["{name}"]'
    return f"dsl.Collected({other})" if entry.is_artifact_list else other


def _component_readme(name: str, family: str, component: Any) -> str:
    spec = component.component_spec
    call, command = _use(name, component)
    return f"""<!-- Written by make generate from component.py. -->
# {name}

{spec.description}

## Inputs

{_table(_inputs(component))}

## Outputs

{_table(_outputs(component))}

## Use it

```python
from holdfast.catalog import {name}

{call}
```

or, with only kfp installed:

```python
path = "compiled/components/{name}.yaml"
{name} = components.load_component_from_file(path)
```{command}

Image: that of the family {family}. Logic: [logic.py](logic.py). Tests:
[tests/{family}](../../../../tests/{family}).
"""


def _readme(text: str) -> str:
    before, found, rest = text.partition(CATALOG_START)
    _, ended, after = rest.partition(CATALOG_END)
    if not found or not ended:
        raise ValueError(f"README.md must hold {CATALOG_START} and {CATALOG_END}")
    lines = ["| family | component | |", "|---|---|---|"]
    by_family = sorted(components().items(), key=lambda item: (_family(item[1]), item[0]))
    for name, component in by_family:
        family = _family(component)
        link = f"components/holdfast/{family}/{name}/README.md"
        summary = component.component_spec.description.splitlines()[0]
        lines.append(f"| {family} | [{name}]({link}) | {summary} |")
    for name, pipeline in pipelines().items():
        summary = pipeline.pipeline_spec.pipeline_info.description or pipeline.description
        lines.append(f"| pipeline | [{name}](pipelines/{name}.py) | {summary.splitlines()[0]} |")
    return f"{before}{CATALOG_START}\n" + "\n".join(lines) + f"\n{CATALOG_END}{after}"


if __name__ == "__main__":
    main()
