"""Tasks of compiled YAML one by one: what they are given, when they run, and how often."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from holdfast.lint.findings import Path
from holdfast.lint.table_contracts.conditions import holds
from holdfast.lint.table_contracts.facts import Facts, unknown
from holdfast.lint.table_contracts.values import Value, item_of

# Items of a constant list that are each looked at; of a longer one, none is.
MOST_ITEMS = 50


@dataclass(frozen=True)
class Scope:
    """A DAG that is walked through, and what it was given.

    Attributes:
        parameters: Its parameters.
        artifacts: Its artifacts.
        path: Where its tasks are in the document.
        name: What tells it from other walks through the same DAG.
        certain: Whether every run has it.
        defaults: Whether the defaults of the pipeline count in it.
    """

    parameters: Mapping[str, Value]
    artifacts: Mapping[str, Facts]
    path: Path
    name: str = ""
    certain: bool = True
    defaults: bool = True

    def trusted(self, facts: Facts) -> Facts:
        """Return what is known of an artifact here."""
        if self.defaults:
            return facts
        told = {f: getattr(facts, f).trusted(False) for f in ("target", "task", "role", "kind")}
        return replace(facts, **told, columns=facts.columns.trusted(False))


def branch(task: Mapping[str, Any], parameters: Mapping[str, Value], scope: Scope) -> Scope | None:
    """Return the scope inside of a task's condition; None if it never holds."""
    condition = str(task.get("triggerPolicy", {}).get("condition", ""))
    found = holds(condition, parameters)
    if found is True and not condition:
        return scope
    without = holds(condition, {n: value.trusted(False) for n, value in parameters.items()})
    if without is False:
        return None
    # With the defaults it is not run: what they say does not count in it.
    defaults = scope.defaults and found is not False
    return replace(scope, certain=scope.certain and without is True, defaults=defaults)


def artifact(entry: Mapping[str, Any], done: Mapping[str, Any], scope: Scope, name: str) -> Facts:
    """Return what an artifact is that a task is given; `done` are the outputs of tasks before."""
    if "componentInputArtifact" in entry:
        found = scope.artifacts.get(entry["componentInputArtifact"])
    else:
        source = entry.get("taskOutputArtifact", {})
        made = done.get(source.get("producerTask", "")) or {}
        found = made.get(source.get("outputArtifactKey", ""))
    told = json.dumps(entry, sort_keys=True)
    return found or unknown(f"{scope.name}{told}", f"`{name}`")


def rounds(
    task: Mapping[str, Any], parameters: Mapping[str, Value], name: str, unrolled: bool
) -> Iterator[tuple[str, Mapping[str, Value]]]:
    """Yield the parameters of each round of a loop; once, as they are, where there is none."""
    loop = task.get("parameterIterator")
    if loop is None:
        yield ("" if "artifactIterator" not in task else "[]"), parameters
        return
    item = loop.get("itemInput", "")
    items = _items(loop.get("items", {}), parameters)
    if not unrolled or not items.known or not 0 < len(items.value) <= MOST_ITEMS:
        # A list without items has no round; what is in it is looked at all the same.
        yield "[]", {**parameters, item: Value()}
        return
    for number, value in enumerate(items.value):
        yield f"[{number}]", {**parameters, item: item_of(items, value, item, name)}


def _items(items: Mapping[str, Any], parameters: Mapping[str, Value]) -> Value:
    if "inputParameter" in items:
        found = parameters.get(items["inputParameter"], Value())
        return found if isinstance(found.value, list) else Value()
    try:
        read = json.loads(items.get("raw", ""))
    except (ValueError, RecursionError):
        return Value()
    return Value(True, read) if isinstance(read, list) else Value()


def looped(task: Mapping[str, Any], artifacts: Mapping[str, Facts]) -> Mapping[str, Facts]:
    """Return the artifacts of a round: what is known of a list is known of each of its members."""
    loop = task.get("artifactIterator", {})
    listed = loop.get("items", {}).get("inputArtifact", "")
    if listed not in artifacts:
        return artifacts
    return {**artifacts, loop.get("itemInput", ""): artifacts[listed]}


def in_order(tasks: Mapping[str, Any]) -> list[str]:
    """Return the tasks, each after those that it takes from, else by name."""
    order: dict[str, None] = {}
    open_now: set[str] = set()
    for first in sorted(tasks):
        waiting = [first]
        while waiting:
            name = waiting[-1]
            before = [
                one
                for one in sorted(_producers(tasks[name]))
                if one in tasks and one not in order and one not in open_now
            ]
            if name in order or not before:
                order.setdefault(waiting.pop())
                continue
            open_now.add(name)
            waiting += before
    return list(order)


def _producers(task: Mapping[str, Any]) -> list[str]:
    inputs = task.get("inputs", {})
    artifacts = [e.get("taskOutputArtifact") for e in inputs.get("artifacts", {}).values()]
    return [source.get("producerTask", "") for source in artifacts if source]
