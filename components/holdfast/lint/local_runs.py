"""HF3: what kfp.local does otherwise than a cluster, silently or with an error."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.lint.pipeline import Dag, Pipeline, Task, entries, part
from holdfast.lint.rule import Place, rule

CHANNEL = "pipelinechannel--"
REFERENCE = re.compile(r"inputs\.parameter_values\['([^']+)'\]")
LIMIT = "Seen in kfp 2.17's kfp.local; a cluster does as the pipeline says."


@dataclass(frozen=True)
class Scope:
    """A DAG, and those that it is in: kfp.local looks names up from the inside out."""

    dag: Dag
    outer: "Scope | None" = None

    def has_input(self, name: str) -> bool:
        """Tell whether this DAG or one around it has an input of the name."""
        if name in self.dag.inputs("parameters"):
            return True
        return self.outer is not None and self.outer.has_input(name)


def scopes(pipeline: Pipeline) -> Iterator[Scope]:
    """Yield each DAG in its first place, the root first."""
    waiting, seen = [Scope(pipeline.root)], {""}
    dags = {dag.name: dag for dag in pipeline.dags[1:]}
    while waiting:
        scope = waiting.pop()
        yield scope
        for task in pipeline.tasks_of(scope.dag):
            name = str(part(task.spec, "componentRef").get("name"))
            if name in dags and name not in seen:
                seen.add(name)
                waiting.append(Scope(dags[name], scope))


@rule(
    "HF301",
    "condition-skipped-locally",
    "warning",
    why="kfp.local knows the output of a task by the name Output only: a condition on a named "
    "output, on a dsl.OneOf or on an item of a loop over an output is skipped without a word, and "
    f"the run succeeds. {LIMIT}",
    remedy="Let the condition hang on a component with one single output (task.output).",
)
def condition_skipped_locally(pipeline: Pipeline) -> Iterator[Place]:
    """Find conditions that kfp.local takes for false."""
    for scope in scopes(pipeline):
        for task in pipeline.tasks_of(scope.dag):
            condition = str(part(task.spec, "triggerPolicy").get("condition") or "")
            for name in REFERENCE.findall(condition):
                what = _unknown(name.replace(CHANNEL, ""), task, name, scope)
                if what:
                    path = (*task.path, "triggerPolicy", "condition")
                    yield Place(f"the condition of `{task.name}` is on {what}", path)
                    break


def _unknown(reference: str, task: Task, name: str, scope: Scope) -> str:
    """Return what a condition is on, if kfp.local does not find it; else nothing."""
    if "-Output" in reference:
        return f"an item of `{reference}`" if "-loop-item" in reference else ""
    if scope.has_input(reference) or scope.has_input(CHANNEL + reference):
        return ""
    source = part(task.parameters, name, "taskOutputParameter")
    output = f"`{source.get('outputParameterKey')}` of `{source.get('producerTask')}`"
    return f"the output {output}" if source else ""


@rule(
    "HF302",
    "loop-fails-locally",
    "warning",
    why="A dsl.ParallelFor over a named output is a ValueError in kfp.local; over a field of an "
    f"item it is one, too, or runs over the wrong items. {LIMIT}",
    remedy="Let the loop run over a component's one single output (task.output).",
)
def loop_fails_locally(pipeline: Pipeline) -> Iterator[Place]:
    """Find loops whose items kfp.local does not find."""
    for scope in scopes(pipeline):
        for task in pipeline.tasks_of(scope.dag):
            name = part(task.spec, "parameterIterator", "items").get("inputParameter") or ""
            reference = name.replace(CHANNEL, "").replace("-loop-item", "")
            known = scope.has_input(reference) or scope.has_input(CHANNEL + reference)
            # What looks like the output of a task is looked up as all of it.
            known = known or ("-Output" in reference and "-subvar-" not in reference)
            if known or not name.startswith(CHANNEL):
                continue
            path = (*task.path, "parameterIterator", "items")
            yield Place(f"`{task.name}` loops over `{reference}`", path)


@rule(
    "HF303",
    "artifact-oneof",
    "warning",
    why=f"A dsl.OneOf of artifacts is a ValueError in kfp.local. {LIMIT}",
    remedy="Let the branches write their artifact through one component after them, or run the "
    "pipeline on a cluster only.",
)
def artifact_oneof(pipeline: Pipeline) -> Iterator[Place]:
    """Find outputs that are the artifact of one of several branches."""
    for dag in pipeline.dags:
        for name, output in part(dag.component, "dag", "outputs", "artifacts").items():
            if len(entries(output, "artifactSelectors")) > 1:
                path = (*dag.path, "dag", "outputs", "artifacts", name)
                yield Place(f"`{name}` is the artifact of one of several branches", path)


@rule(
    "HF304",
    "importer-remote",
    "note",
    why="kfp.local does not fetch what an importer names: a step that opens the artifact finds no "
    f"file. {LIMIT}",
    remedy="For local runs pass a path of this machine.",
)
def importer_remote(pipeline: Pipeline) -> Iterator[Place]:
    """Find importers of addresses that kfp.local does not fetch."""
    for task in pipeline.tasks:
        uri = part(pipeline.importer(task), "artifactUri").get("constant")
        uri = uri if isinstance(uri, str) else task.literal("uri") if uri is None else ""
        if pipeline.importer(task) and "://" in str(uri):
            yield Place(f"`{task.name}` imports an address of another machine", task.path)
