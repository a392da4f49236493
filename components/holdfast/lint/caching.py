"""HF5: what KFP's cache takes for unchanged, and volumes."""

import re
from collections.abc import Iterator

from holdfast.lint.pipeline import KUBERNETES, Pipeline, Task, entries, part, words
from holdfast.lint.rule import Place, rule

ADDRESS = re.compile(
    r"(?:https?|s3a?|gs|minio|abfss?|wasbs?|az|adl|hdfs|ftp|sftp|postgres(?:ql)?|mysql)://", re.I
)
# An address with one of these is of one state of the content.
STATE_IN_ADDRESS = re.compile(
    r"@sha256:|[?&#](?:versionid|generation|snapshot)=|#\d{10,}$|/[0-9a-f]{32,64}(?:[/.]|$)", re.I
)
STATE_WORDS = frozenset(
    {"fingerprint", "hash", "digest", "checksum", "etag", "sha", "sha256", "md5", "version"}
    | {"revision", "generation", "snapshot", "commit"}
)
# Names of what is called or written to, not read.
CALLED = frozenset(
    {"tracking", "endpoint", "callback", "webhook", "index", "registry", "api", "server"}
)
LONGEST_NAME = 22


@rule(
    "HF501",
    "cached-address",
    "warning",
    why="KFP's cache compares the parameters, not what is behind an address: once the content "
    "changes, the old outputs are taken all the same. A warning where the file itself says the "
    "address, a note where only the parameter's name (uri, url) does.",
    remedy="Pass a fingerprint of the content as another parameter (resolve_source gives one), or "
    "task.set_caching_options(False).",
    of_tasks=True,
)
def cached_address(pipeline: Pipeline) -> Iterator[Place]:
    """Find cached steps that are given an address, and nothing that tells its state."""
    for step in pipeline.steps:
        for task in step.tasks:
            inputs = part(task.component, "inputDefinitions", "parameters")
            if not task.cached or any(STATE_WORDS & set(words(name)) for name in inputs):
                continue
            told = [name for name in sorted(inputs) if _is_address(task.literal(name))]
            named = [name for name in sorted(inputs) if _is_named(task, name)]
            if told or named:
                message = f"`{task.name}` is cached by the text of `{(told or named)[0]}`"
                yield Place(message, task.path, severity="warning" if told else "note")


def _is_address(value: object) -> bool:
    """Tell whether a value is an address whose content can change."""
    return isinstance(value, str) and bool(
        ADDRESS.match(value) and not STATE_IN_ADDRESS.search(value)
    )


def _is_named(task: Task, name: str) -> bool:
    """Tell whether a parameter is named as an address that is read."""
    value = task.literal(name)
    if value is not None and not (value == "" and name in task.parameters):
        return False
    return words(name)[-1:] in (["uri"], ["url"]) and not CALLED & set(words(name))


@rule(
    "HF502",
    "importer-reimport",
    "note",
    why="Without reimport=True an importer takes the artifact that was registered for the address "
    "first. Its identity stays, so the steps after it are cached, whatever is behind the address.",
    remedy="dsl.importer(..., reimport=True), or an address that changes with the content.",
)
def importer_reimport(pipeline: Pipeline) -> Iterator[Place]:
    """Find importers of addresses whose content can change."""
    for task in pipeline.tasks:
        importer = pipeline.importer(task)
        if not importer or importer.get("reimport"):
            continue
        uri = _imported(pipeline, task)
        if uri is None or _is_address(uri):
            yield Place(f"`{task.name}` imports without reimport", task.path)


def _imported(pipeline: Pipeline, task: Task) -> str | None:
    """Return the address that is imported, or None if only the run knows it."""
    source = part(pipeline.importer(task), "artifactUri")
    constant = source.get("constant")
    found = constant if constant is not None else task.literal("uri")
    return None if found is None else str(found)


@rule(
    "HF503",
    "cached-exit-task",
    "warning",
    why="An exit task must run each time. One that is cached, and is not given the status of the "
    "run (dsl.PipelineTaskFinalStatus), is left out where its inputs are those of an earlier run.",
    remedy="exit_task.set_caching_options(False).",
)
def cached_exit_task(pipeline: Pipeline) -> Iterator[Place]:
    """Find exit tasks that may be left out."""
    for task in pipeline.tasks:
        exits = part(task.spec, "triggerPolicy").get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED"
        before = entries(task.spec, "dependentTasks")
        after = any(str(name).startswith("exit-handler-") for name in before)
        status = any(part(given, "taskFinalStatus") for given in task.parameters.values())
        if exits and after and task.cached and not status:
            yield Place(f"the exit task `{task.name}` is cached", task.path)


@rule(
    "HF504",
    "cached-volume",
    "warning",
    why="CreatePVC with a fixed name is cached: the second run takes the volume for made, though "
    "DeletePVC of the first run removed it, and its pods wait for ever (kubeflow/pipelines#5844).",
    remedy="pvc_name_suffix in place of pvc_name, or set_caching_options(False) on both.",
)
def cached_volume(pipeline: Pipeline) -> Iterator[Place]:
    """Find volumes of one name that are made by a cached task, and deleted."""
    for dag in pipeline.dags:
        tasks = pipeline.tasks_of(dag)
        deletes = any(pipeline.image(task) == "argostub/deletepvc" for task in tasks)
        for task in tasks:
            makes = pipeline.image(task) == "argostub/createpvc"
            if deletes and makes and task.cached and task.literal("pvc_name"):
                yield Place(f"`{task.name}` makes one volume by name, and is cached", task.path)


@rule(
    "HF505",
    "volume-without-name",
    "error",
    why="A volume claim without a name can be neither made nor mounted.",
    remedy="Give pvc_name or pvc_name_suffix to CreatePVC, and pvc_name to mount_pvc.",
)
def volume_without_name(pipeline: Pipeline) -> Iterator[Place]:
    """Find volume claims that are made or mounted without a name."""
    for task in pipeline.tasks:
        if pipeline.image(task) == "argostub/createpvc":
            names = ("pvc_name", "pvc_name_suffix")
            given = [name for name in names if name in task.parameters]
            if not given or all(task.literal(name) == "" for name in given):
                yield Place(f"`{task.name}` makes a volume without a name", task.path)
    for step in pipeline.steps:
        for index, mount in enumerate(entries(step.kubernetes, "pvcMount")):
            path = (*KUBERNETES, step.label, "pvcMount", index)
            by = part(mount, "pvcNameParameter", "runtimeValue")
            ways = ("taskOutputParameter", "componentInputParameter", "constant")
            if by.get("constant") == "" or not (
                part(mount, "pvcNameParameter") or any(mount.get(way) for way in ways)
            ):
                yield Place(f"{step.name} mounts a volume without a name", path, document=1)


@rule(
    "HF506",
    "long-name-with-volume",
    "note",
    why="CreatePVC fails on servers older than 2026 where the pipeline's name has more than 22 "
    "letters (kubeflow/pipelines#11235, #12350).",
    remedy="Shorten the pipeline's name, if such servers are to run it.",
)
def long_name_with_volume(pipeline: Pipeline) -> Iterator[Place]:
    """Find volumes in pipelines with long names."""
    name = pipeline.compiled.name
    makes = [t for t in pipeline.tasks if pipeline.image(t) == "argostub/createpvc"]
    if makes and len(name) > LONGEST_NAME:
        message = f"`{name}` has {len(name)} letters, and `{makes[0].name}` makes a volume"
        yield Place(message, ("pipelineInfo", "name"))
