"""HF1: a file that the server refuses, or reads otherwise than it was meant."""

import json
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from holdfast.lint.findings import Path
from holdfast.lint.pipeline import KUBERNETES, Dag, Pipeline, Task, entries, part
from holdfast.lint.rule import Place, rule

# Linux takes no longer argument (MAX_ARG_STRLEN).
MOST_ARGUMENT = 128 * 1024
STATIC_LOOP = (
    "kfp 2.17 compiles a field of an item wrongly where the loop is over a literal list and below "
    "dsl.If, dsl.ExitHandler or the like: give the list as the default of a pipeline's parameter."
)
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


@rule(
    "HF104",
    "broken-reference",
    "error",
    why="Something names a component, an executor, a task, an input or an output that is not "
    "there, or tasks wait for one another in a circle.",
    remedy="Compile the pipeline again; in YAML written by hand, correct the name.",
)
def broken_reference(pipeline: Pipeline) -> Iterator[Place]:
    """Find names of what is not there."""
    for name, component in sorted(pipeline.components.items()):
        label = part(component).get("executorLabel")
        if label and label not in pipeline.executors:
            yield Place(f"no executor `{label}`", ("components", name, "executorLabel"))
    components = {
        dag.name: [_runs(task) for task in pipeline.tasks_of(dag)] for dag in pipeline.dags
    }
    yield from _circle(components, "components contain one another", ())
    for dag in pipeline.dags:
        waits = {name: entries(spec, "dependentTasks") for name, spec in dag.tasks.items()}
        yield from _circle(waits, "tasks wait for one another", (*dag.path, "dag", "tasks"))
        tasks = {task.name: task for task in pipeline.tasks_of(dag)}
        for task in tasks.values():
            yield from _broken_task(pipeline, task, tasks)
        yield from _broken_outputs(dag, tasks)


def _circle(graph: Mapping[str, Any], what: str, path: Path) -> Iterator[Place]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield Place(f"{what}: {', '.join(map(str, error.args[1]))}", (*path, str(error.args[1][0])))


def _runs(task: Task) -> str:
    return str(part(task.spec, "componentRef").get("name"))


def _broken_task(pipeline: Pipeline, task: Task, tasks: Mapping[str, Task]) -> Iterator[Place]:
    component = part(task.spec, "componentRef").get("name")
    if component not in pipeline.components:
        yield Place(f"no component `{component}`", (*task.path, "componentRef", "name"))
    for index, name in enumerate(entries(task.spec, "dependentTasks")):
        if name not in tasks:
            path = (*task.path, "dependentTasks", index)
            yield Place(f"`{task.name}` waits for `{name}`, which is no task beside it", path)
    for kind, single in (("parameters", "Parameter"), ("artifacts", "Artifact")):
        for name, source in part(task.spec, "inputs", kind).items():
            path = (*task.path, "inputs", kind, name)
            needed = part(source).get(f"componentInput{single}")
            if needed and needed not in task.dag.inputs(kind):
                remedy = STATIC_LOOP if "loop-item-param-" in needed else ""
                yield Place(f"`{task.dag.name}` has no input `{needed}`", path, remedy=remedy)
            output = part(source, f"taskOutput{single}")
            if output:
                key = str(output.get(f"output{single}Key"))
                yield from _broken_output(str(output.get("producerTask")), kind, key, tasks, path)


def _broken_outputs(dag: Dag, tasks: Mapping[str, Task]) -> Iterator[Place]:
    """Find outputs of a DAG that no task of it gives."""
    base = (*dag.path, "dag", "outputs")
    for name, output in part(dag.component, "dag", "outputs", "artifacts").items():
        for selector in entries(output, "artifactSelectors"):
            task, key = str(selector.get("producerSubtask")), str(selector.get("outputArtifactKey"))
            yield from _broken_output(task, "artifacts", key, tasks, (*base, "artifacts", name))
    for name, output in part(dag.component, "dag", "outputs", "parameters").items():
        selectors = entries(output, "valueFromOneof", "parameterSelectors")
        one = part(output, "valueFromParameter")
        for selector in [*selectors, *([one] if one else [])]:
            task = str(selector.get("producerSubtask"))
            key = str(selector.get("outputParameterKey"))
            yield from _broken_output(task, "parameters", key, tasks, (*base, "parameters", name))


def _broken_output(
    name: str, kind: str, key: str, tasks: Mapping[str, Task], path: Path
) -> Iterator[Place]:
    if name not in tasks:
        yield Place(f"no task `{name}` beside it", path)
    # A component that is not there has been found already.
    elif tasks[name].component and key not in _given(tasks[name], kind):
        yield Place(f"`{name}` has no output `{key}`", path)


def _given(task: Task, kind: str) -> Mapping[str, Any]:
    return part(task.component, "outputDefinitions", kind)


@rule(
    "HF105",
    "missing-input",
    "warning",
    why="A task does not give its component an input that is not optional: the driver stops there.",
    remedy="Give the input, or give it a default in the component.",
)
def missing_input(pipeline: Pipeline) -> Iterator[Place]:
    """Find inputs that a component needs and a task does not give."""
    for task in pipeline.tasks:
        iterators = (part(task.spec, "parameterIterator"), part(task.spec, "artifactIterator"))
        items = {iterator.get("itemInput") for iterator in iterators}
        missing = [
            name
            for kind in ("parameters", "artifacts")
            for name, spec in part(task.component, "inputDefinitions", kind).items()
            if name not in part(task.spec, "inputs", kind)
            and name not in items
            and not part(spec).get("isOptional")
            and "defaultValue" not in part(spec)
        ]
        if missing:
            yield Place(f"`{task.name}` is not given {_listed(missing)}", task.path)


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


@rule(
    "HF106",
    "unused-platform-config",
    "warning",
    why="The second document configures an executor that the first does not have: it is ignored.",
    remedy="Compile the pipeline again, so that both documents are of one piece.",
)
def unused_platform_config(pipeline: Pipeline) -> Iterator[Place]:
    """Find configuration of executors that are not there."""
    for label in sorted(pipeline.kubernetes):
        if label not in pipeline.executors:
            yield Place(f"no executor `{label}`", (*KUBERNETES, label), document=1)


@rule(
    "HF108",
    "long-argument",
    "error",
    why="Linux takes no argument of 128 KiB or more: the step fails with `Argument list too long`. "
    "Servers older than 2026 also pass the whole container and component as one argument each "
    "(kubeflow/pipelines#12453).",
    remedy="Put the code into the image, and pass large values as artifacts.",
)
def long_argument(pipeline: Pipeline) -> Iterator[Place]:
    """Find arguments that no process can be started with."""
    for step in pipeline.steps:
        longest = max(((len(w.encode()), path) for path, w in step.words), default=(0, step.path))
        if longest[0] >= MOST_ARGUMENT:
            message = f"{step.name} has an argument of {longest[0]:,} bytes"
            yield Place(message, longest[1])
        elif (size := _size(step.container)) >= MOST_ARGUMENT:
            message = f"the container of {step.name} has {size:,} bytes, too much for older servers"
            yield Place(message, step.path, severity="warning")
    for name, component in sorted(pipeline.components.items()):
        if (size := _size(component)) >= MOST_ARGUMENT:
            message = f"component `{name}` has {size:,} bytes, too much for older servers"
            yield Place(message, ("components", name), severity="warning")


def _size(value: object) -> int:
    return len(json.dumps(value))


@rule(
    "HF109",
    "not-ascii",
    "warning",
    why="KFP's server keeps the specification in its database, escapes resolved. MySQL with the "
    "character set of many installations refuses letters beyond ASCII: `Incorrect string value`.",
    remedy="Write names, descriptions, defaults and code in ASCII, or try the upload once.",
)
def not_ascii(pipeline: Pipeline) -> Iterator[Place]:
    """Find the first text with letters beyond ASCII."""
    found = [(document, path) for document, path, text in pipeline.texts if not text.isascii()]
    if found:
        document, path = found[0]
        what = "text" if len(found) == 1 else f"first of {len(found)} texts"
        yield Place(f"{what} with letters beyond ASCII", path, document)


@rule(
    "HF111",
    "pipeline-name",
    "warning",
    why="The server makes names of Kubernetes objects from the pipeline's: small letters, digits, "
    "- and . only. A file without a name is refused.",
    remedy="Give the pipeline such a name: @dsl.pipeline(name=...).",
)
def pipeline_name(pipeline: Pipeline) -> Iterator[Place]:
    """Find a name that the server refuses."""
    name = str(part(pipeline.compiled.pipeline, "pipelineInfo").get("name") or "")
    if not name:
        yield Place("the pipeline has no name", ("pipelineInfo",), severity="error")
    elif not NAME.fullmatch(name):
        yield Place(f"the pipeline is named `{name}`", ("pipelineInfo", "name"))
