"""What is inside of a compiled file: its steps, through all its nested DAGs."""

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from holdfast.diff.changes import Change, joined
from holdfast.ir import Compiled

# Parts of a task or of its executor, and what to call a change of them.
_PARTS = {
    "inputs": "changes behaviour: other inputs",
    "condition": "changes behaviour: another condition",
    "loop": "changes behaviour: another loop",
    "order": "waits for other steps",
    "retry": "another retry policy",
    "caching": "changes behaviour: other caching",
    "component": "other inputs or outputs are declared",
    "outputs": "changes behaviour: outputs come from other steps",
    "resources": "other resources",
    "env": "other environment variables",
    "command": "another command",
    "source": "another source",
    "rest": "other settings of the executor",
    "platform": "other platform settings (secrets, ConfigMaps, nodes)",
}
DOCSTRING = "another docstring or other comments"
# What compares the file's own inputs and outputs has told of these.
_SEEN_OUTSIDE = ("inputs", "component", "outputs")
_SHOWN = 6


@dataclass(frozen=True)
class Step:
    """A step: its image, the rest of it by part, and its docstring."""

    image: str
    parts: Mapping[str, Any]
    words: str


def compare_steps(old: Compiled, new: Compiled) -> Iterator[Change]:
    """Yield the changes of steps; the same change of several is told once."""
    before, after = dict(_steps(old)), dict(_steps(new))
    for name in _outermost(after.keys() - before.keys()):
        yield Change("compatible", f"step {name}", "new")
    for name in _outermost(before.keys() - after.keys()):
        yield Change("compatible", f"step {name}", "changes behaviour: removed")
    yield from _compare_ends(*(spec.pipeline["root"]["dag"] for spec in (old, new)))
    known = _SEEN_OUTSIDE if _is_component(old) and _is_component(new) else ()
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in sorted(before.keys() & after.keys()):
        for level, text in _compare(before[name], after[name], known):
            alike[level, text].append(name)
    for (level, text), names in alike.items():
        shown = names if len(names) <= _SHOWN else [*names[:_SHOWN], f"{len(names) - _SHOWN} more"]
        several = len(names) > 1
        yield Change(
            "cosmetic" if level == "cosmetic" else "compatible",
            f"{len(names)} steps" if several else f"step {names[0]}",
            f"{text}: {joined(shown)}" if several else text,
        )


def images(compiled: Compiled) -> list[str]:
    """Return the images of all steps."""
    found = (_container(executor) for executor in _executors(compiled.pipeline).values())
    return sorted({str(container["image"]) for container in found if "image" in container})


def _outermost(names: AbstractSet[str]) -> list[str]:
    """Return steps without those that are inside of another of them."""
    return [
        name
        for name in sorted(names)
        if not any(name[:end] in names for end, letter in enumerate(name) if letter == "/")
    ]


def _compare_ends(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the outputs that other steps make now."""
    for kind in ("parameters", "artifacts"):
        before, after = (dag.get("outputs", {}).get(kind, {}) for dag in (old, new))
        for name in sorted(before.keys() & after.keys()):
            if before[name] != after[name]:
                text = "changes behaviour: another step makes it"
                yield Change("compatible", f"output {name}", text)


def _is_component(compiled: Compiled) -> bool:
    """Tell whether a file is of one component, whose inputs and outputs are the file's."""
    root = compiled.pipeline["root"]
    tasks = list(root["dag"]["tasks"].values())
    component = _component(tasks[0], compiled.pipeline)
    sides = ("inputDefinitions", "outputDefinitions")
    return len(tasks) == 1 and all(_bare(root.get(s)) == _bare(component.get(s)) for s in sides)


def _compare(old: Step, new: Step, known: Collection[str]) -> Iterator[tuple[str, str]]:
    if old.image != new.image:
        yield "compatible", _other_image(old.image, new.image)
    for part, text in _PARTS.items():
        if part not in known and old.parts.get(part) != new.parts.get(part):
            yield "compatible", text
    if old.words != new.words and old.parts["source"] == new.parts["source"]:
        yield "cosmetic", DOCSTRING


def _other_image(old: str, new: str) -> str:
    name, _, tag = old.rpartition(":")
    if name and new.startswith(f"{name}:"):
        return f"image tag changed from {tag} to {new.removeprefix(f'{name}:')}"
    first, second = (re.fullmatch(r"(.*/)?([^/]*):([^:/]*)", image) for image in (old, new))
    if first and second and first[2] == second[2] and first[3] == second[3]:
        return f"image comes from {second[1] or 'the default registry'}, not {first[1] or 'there'}"
    return f"image changed from {old or 'none'} to {new or 'none'}"


def _steps(compiled: Compiled) -> Iterator[tuple[str, Step]]:
    """Yield the steps by their path through the DAGs."""
    spec = compiled.pipeline
    waiting = [("", spec.get("root", {}).get("dag", {}))]
    while waiting:
        prefix, dag = waiting.pop()
        for name, task in dag.get("tasks", {}).items():
            component = _component(task, spec)
            yield f"{prefix}{name}", _step(task, component, compiled)
            if "dag" in component:
                waiting.append((f"{prefix}{name}/", component["dag"]))


def _step(task: Mapping[str, Any], component: Mapping[str, Any], compiled: Compiled) -> Step:
    label = component.get("executorLabel", "")
    executor = _executors(compiled.pipeline).get(label, {})
    container = _container(executor)
    source, words = _source(container)
    platforms = compiled.platform.get("platforms", {})
    parts = {
        "inputs": task.get("inputs"),
        "condition": task.get("triggerPolicy"),
        "loop": [
            task.get(key) for key in ("parameterIterator", "artifactIterator", "iteratorPolicy")
        ],
        "order": sorted(task.get("dependentTasks", [])),
        "retry": task.get("retryPolicy"),
        "caching": task.get("cachingOptions"),
        "component": [_bare(component.get(f"{side}Definitions")) for side in ("input", "output")],
        "outputs": component.get("dag", {}).get("outputs"),
        "resources": container.get("resources"),
        "env": container.get("env"),
        "command": [*container.get("args", []), *_other_words(container)],
        "source": source,
        "rest": [
            {k: v for k, v in executor.items() if k != "container"},
            {k: v for k, v in container.items() if k not in _KNOWN},
        ],
        "platform": {name: _of_platform(p, label) for name, p in platforms.items()},
    }
    return Step(str(container.get("image", "")), parts, words)


_KNOWN = ("image", "command", "args", "env", "resources")


def _component(task: Mapping[str, Any], spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return spec.get("components", {}).get(task.get("componentRef", {}).get("name"), {})


def _executors(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return spec.get("deploymentSpec", {}).get("executors", {})


def _container(executor: Mapping[str, Any]) -> Mapping[str, Any]:
    return executor.get("container", {})


def _of_platform(platform: Mapping[str, Any], label: str) -> Any:
    return platform.get("deploymentSpec", {}).get("executors", {}).get(label)


def _bare(definitions: Any) -> Any:
    """Return definitions without what people read."""
    if isinstance(definitions, Mapping):
        return {k: _bare(v) for k, v in definitions.items() if k != "description"}
    return definitions


def _other_words(container: Mapping[str, Any]) -> list[str]:
    return [str(word) for word in container.get("command", []) if not _is_source(str(word))]


def _is_source(word: str) -> bool:
    return "\ndef " in f"\n{word}"


def _source(container: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the source of a component does, and all that it says.

    Comments, blanks and docstrings of functions do nothing.
    """
    sources = [str(word) for word in container.get("command", []) if _is_source(str(word))]
    text = "\n".join(sources)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text, ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree), text
