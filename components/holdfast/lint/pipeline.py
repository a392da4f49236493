"""Compiled YAML as rules see it: DAGs, tasks, steps, and the texts that are in it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from holdfast.ir import Compiled
from holdfast.lint.findings import Path

EXECUTORS: Path = ("deploymentSpec", "executors")
KUBERNETES: Path = ("platforms", "kubernetes", "deploymentSpec", "executors")

# KFP's server makes and deletes volumes itself; these images are never pulled.
STAND_INS = ("argostub/createpvc", "argostub/deletepvc")


def part(mapping: object, *keys: str) -> Mapping[str, Any]:
    """Return the mapping at nested keys, or an empty one."""
    for key in keys:
        mapping = mapping.get(key) if isinstance(mapping, Mapping) else None
    return mapping if isinstance(mapping, Mapping) else {}


def entries(mapping: object, *keys: str) -> list[Any]:
    """Return the list at nested keys, or an empty one."""
    found = part(mapping, *keys[:-1]).get(keys[-1])
    return found if isinstance(found, list) else []


def words(name: str) -> list[str]:
    """Return the words of a name: trackingURI and tracking_uri are tracking and uri."""
    return [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


@dataclass(frozen=True)
class Dag:
    """A DAG: the root, or a component that is one (a loop, a branch, a nested pipeline)."""

    name: str
    path: Path
    component: Mapping[str, Any]

    @property
    def tasks(self) -> Mapping[str, Any]:
        """The tasks by name."""
        return part(self.component, "dag", "tasks")

    def inputs(self, kind: str) -> Mapping[str, Any]:
        """What the DAG takes: `kind` is parameters or artifacts."""
        return part(self.component, "inputDefinitions", kind)


@dataclass(frozen=True)
class Task:
    """A task of a DAG.

    Attributes:
        component: What it runs; empty if that is not in the file.
        label: Of its executor; empty if it is a DAG.
    """

    name: str
    dag: Dag
    spec: Mapping[str, Any]
    component: Mapping[str, Any]
    label: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return (*self.dag.path, "dag", "tasks", self.name)

    @property
    def cached(self) -> bool:
        """Whether KFP may take its outputs from an earlier run."""
        return part(self.spec, "cachingOptions").get("enableCache") is True

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The input parameters that it is given, by name."""
        return part(self.spec, "inputs", "parameters")

    def literal(self, name: str) -> Any:
        """Return the value of a parameter where the file says it, or None."""
        given = part(self.parameters, name)
        runtime = part(given, "runtimeValue")
        if "constant" in runtime:
            return runtime["constant"]
        if "constantValue" in runtime:  # kfp 1.8's v2 compiler
            return next(iter(part(runtime, "constantValue").values()), None)
        source = self.component if not given else self.dag.component
        key = name if not given else str(given.get("componentInputParameter"))
        return part(source, "inputDefinitions", "parameters", key).get("defaultValue")


@dataclass(frozen=True)
class Step:
    """What a container runs.

    Attributes:
        container: Its image, command, arguments, environment and resources.
        kubernetes: What kfp-kubernetes says of it.
        tasks: The tasks that run it.
    """

    label: str
    container: Mapping[str, Any]
    kubernetes: Mapping[str, Any]
    tasks: tuple[Task, ...]

    @property
    def path(self) -> Path:
        """Where it is."""
        return (*EXECUTORS, self.label, "container")

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"`{self.tasks[0].name}`" if self.tasks else f"`{self.label}`"

    @property
    def words(self) -> list[tuple[Path, str]]:
        """Command and arguments, each with its place."""
        return [
            ((*self.path, part_of, index), word)
            for part_of in ("command", "args")
            for index, word in enumerate(entries(self.container, part_of))
        ]


class Pipeline:
    """A valid compiled file."""

    def __init__(self, compiled: Compiled):
        self.compiled = compiled
        self.components = part(compiled.pipeline, "components")
        self.executors = part(compiled.pipeline, *map(str, EXECUTORS))
        self.kubernetes = part(compiled.platform, *map(str, KUBERNETES))
        self.root = Dag("root", ("root",), part(compiled.pipeline, "root"))

    @cached_property
    def dags(self) -> list[Dag]:
        """The root and every component that is a DAG."""
        others = sorted(name for name, spec in self.components.items() if part(spec, "dag"))
        return [
            self.root,
            *(Dag(n, ("components", n), part(self.components, n)) for n in others),
        ]

    @cached_property
    def is_component(self) -> bool:
        """Whether it is a component's own YAML: one task of its name that is handed every input.

        Resources, retries and caching are said of tasks, so there is no place for them in it.
        """
        tasks = self.tasks_of(self.root)
        return (
            len(tasks) == 1
            and tasks[0].name == self.compiled.name
            and not part(tasks[0].component, "dag")
            and all(
                part(given).get(f"componentInput{kind}") == name
                for field, kind in (("parameters", "Parameter"), ("artifacts", "Artifact"))
                for name, given in part(tasks[0].spec, "inputs", field).items()
            )
        )

    @cached_property
    def tasks(self) -> list[Task]:
        """Every task of every DAG."""
        return [task for dag in self.dags for task in self.tasks_of(dag)]

    def tasks_of(self, dag: Dag) -> list[Task]:
        """Return the tasks of a DAG."""
        tasks = []
        for name, spec in sorted(dag.tasks.items()):
            component = part(self.components, str(part(spec, "componentRef").get("name")))
            label = str(component.get("executorLabel") or "")
            tasks.append(Task(name, dag, spec or {}, component, label))
        return tasks

    @cached_property
    def steps(self) -> list[Step]:
        """Every container that is pulled and run."""
        found = []
        running: dict[str, list[Task]] = {}
        for task in self.tasks:
            running.setdefault(task.label, []).append(task)
        for label, executor in sorted(self.executors.items()):
            container = part(executor, "container")
            if container and container.get("image") not in STAND_INS:
                tasks = tuple(running.get(label, ()))
                found.append(Step(label, container, part(self.kubernetes, label), tasks))
        return found

    def importer(self, task: Task) -> Mapping[str, Any]:
        """Return what a task imports; empty if it is no importer."""
        return part(self.executors, task.label, "importer")

    def image(self, task: Task) -> str:
        """Return the image that a task runs in."""
        return str(part(self.executors, task.label, "container").get("image", ""))

    @cached_property
    def texts(self) -> list[tuple[int, Path, str]]:
        """Every text in both documents, with its document and place."""
        documents = (self.compiled.pipeline, self.compiled.platform)
        return [(n, *found) for n, document in enumerate(documents) for found in _texts(document)]


def _texts(value: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from _texts(below, (*path, str(key)))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _texts(below, (*path, index))
