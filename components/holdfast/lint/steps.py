"""HF2, the pod: what a step asks of Kubernetes, and what Kubernetes refuses."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.lint.pipeline import KUBERNETES, Pipeline, Task, entries, part
from holdfast.lint.rule import Place, rule

UNITS = {
    "": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip
QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([mkMGTPE]?|[KMGTPE]i)")
MANY_ITEMS = 30
# `{{workflow.status}}` and the like; KFP's own begin with `{{$`.
ARGO = re.compile(r"\{\{\s*(?:workflow|pod|node|steps|tasks|inputs|outputs)\.[\w.\-]+\s*\}\}")


@rule(
    "HF204",
    "no-resources",
    "warning",
    why="Without requests Kubernetes places the pod anywhere and evicts it first; without a memory "
    "limit one step can take the whole node. A quota of the namespace may refuse such a pod.",
    remedy="task.set_cpu_request(...), set_memory_request(...), set_memory_limit(...), or "
    "holdfast.presets.",
    of_tasks=True,
)
def no_resources(pipeline: Pipeline) -> Iterator[Place]:
    """Find steps that ask for no CPU and no memory."""
    for step in pipeline.steps:
        if any(_takes_resources(task) for task in step.tasks):
            continue
        given = {
            _plain(key) for key, value in part(step.container, "resources").items() if value
        } - {"accelerator"}
        if not given:
            yield Place(f"{step.name} has no requests and no limits", step.path)
        elif not given & {"memoryRequest", "memoryLimit"}:
            message = f"{step.name} neither requests nor limits memory"
            yield Place(message, (*step.path, "resources"), severity="note")


def _plain(key: str) -> str:
    """Return the older of a resource's two names: memoryLimit for resourceMemoryLimit."""
    bare = key.removeprefix("resource")
    return bare[:1].lower() + bare[1:]


def _takes_resources(task: Task) -> bool:
    """Tell whether a component hands the task's resources to what it starts."""
    fields = entries(task.component, "taskConfigPassthroughs")
    return any(part(entry).get("field") == "RESOURCES" for entry in fields)


@rule(
    "HF208",
    "limit-below-request",
    "error",
    why="Kubernetes refuses a pod whose limit is below its request.",
    remedy="Raise the limit, or lower the request.",
)
def limit_below_request(pipeline: Pipeline) -> Iterator[Place]:
    """Find limits below requests."""
    for step in pipeline.steps:
        resources = part(step.container, "resources")
        for kind in ("Cpu", "Memory"):
            request, limit = _asked(resources, kind, "Request"), _asked(resources, kind, "Limit")
            if request is not None and limit is not None and limit < request:
                message = f"{step.name} limits {kind.lower()} below what it requests"
                yield Place(message, (*step.path, "resources"))


def _asked(resources: Mapping[str, Any], kind: str, end: str) -> float | None:
    """Return a quantity in cores or bytes; None if it is not given, or only when the run begins."""
    text = resources.get(f"resource{kind}{end}")
    if text is None:
        # The older field holds cores, or gigabytes.
        number = resources.get(f"{kind.lower()}{end}")
        return None if number is None else float(number)
    found = QUANTITY.fullmatch(text)
    return float(found[1]) * UNITS[found[2]] if found else None


@rule(
    "HF209",
    "same-mount-path",
    "error",
    why="Kubernetes refuses a container with two volumes mounted at one path.",
    remedy="Give each volume a path of its own.",
)
def same_mount_path(pipeline: Pipeline) -> Iterator[Place]:
    """Find volumes that are mounted at one path."""
    for step in pipeline.steps:
        mounts = Counter(
            str(mount["mountPath"]).rstrip("/")
            for volumes in step.kubernetes.values()
            if isinstance(volumes, list)
            for mount in volumes
            if part(mount).get("mountPath")
        )
        twice = sorted(path for path, times in mounts.items() if times > 1)
        if twice:
            path = (*KUBERNETES, step.label)
            yield Place(f"{step.name} mounts two volumes at `{twice[0]}`", path, document=1)


@rule(
    "HF210",
    "repeated-variable",
    "warning",
    why="A variable of the environment is set twice, and Kubernetes takes one of the values.",
    remedy="Set it once: in the container, or from the secret or ConfigMap.",
)
def repeated_variable(pipeline: Pipeline) -> Iterator[Place]:
    """Find variables that are set twice."""
    for step in pipeline.steps:
        names = [part(entry).get("name") for entry in entries(step.container, "env")]
        for key in ("secretAsEnv", "configMapAsEnv"):
            for source in entries(step.kubernetes, key):
                names += [part(to).get("envVar") for to in entries(source, "keyToEnv")]
        names += [part(e).get("name") for e in entries(step.kubernetes, "fieldPathAsEnv")]
        times = Counter(str(name) for name in names if name)
        for name in sorted(name for name in times if times[name] > 1):
            yield Place(f"{step.name} sets `{name}` twice", step.path)


@rule(
    "HF211",
    "argo-variable",
    "warning",
    why="KFP v2 does not promise Argo's variables: {{workflow.status}} is `Running` in an exit "
    "task, and {{workflow.failures}} stays as it is (kubeflow/pipelines#10917).",
    remedy="Take dsl.PipelineTaskFinalStatus in exit tasks, and dsl.PIPELINE_JOB_NAME_PLACEHOLDER "
    "and its like elsewhere.",
)
def argo_variable(pipeline: Pipeline) -> Iterator[Place]:
    """Find variables of Argo Workflows."""
    for document, path, text in pipeline.texts:
        found = ARGO.search(text)
        if found and path[-1] != "description":
            yield Place(f"`{found[0]}` is Argo's", path, document)


@rule(
    "HF212",
    "wide-loop",
    "note",
    why="Each item of a dsl.ParallelFor is at least two pods, a driver and a step. Without a limit "
    "all start at once; drivers time out, and the state of the workflow outgrows its object "
    "(kubeflow/pipelines#11422, #4175). Seen where the items are in the file: 30 or more.",
    remedy="dsl.ParallelFor(items, parallelism=10).",
)
def wide_loop(pipeline: Pipeline) -> Iterator[Place]:
    """Find loops over many literal items without a limit."""
    for task in pipeline.tasks:
        items = part(task.spec, "parameterIterator", "items").get("raw")
        if part(task.spec, "iteratorPolicy").get("parallelismLimit") or not items:
            continue
        try:
            count = len(json.loads(items))
        except (ValueError, TypeError, RecursionError):
            continue  # A placeholder, which the run fills in.
        if count >= MANY_ITEMS:
            message = f"`{task.name}` starts {count} items at once"
            yield Place(message, (*task.path, "parameterIterator"))
