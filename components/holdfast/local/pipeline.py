"""Run a compiled pipeline with kfp.local's orchestrator and one of our runners.

This module alone replaces internals of kfp.local (kfp 2.17): the orchestrator asks
`subprocess_task_handler.SubprocessTaskHandler` to run a command and `task_executor` to run a task,
and both are replaced while a pipeline runs. A task then goes to our runner, and each start and end
is seen, with the task's outputs. A condition on an output with a name, which kfp.local would take
for false without a word, is looked up. Tasks run in the same order each time, which is by chance in
kfp.local. A task is tried again as its retry policy says, unless it ended with an answer of ours:
the same inputs on the same machine would get the same one.
"""

import contextlib
import io
import itertools
import logging
import math
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Literal

from google.protobuf import json_format
from kfp import dsl, local
from kfp.local import graph_utils, pipeline_orchestrator, status, subprocess_task_handler
from kfp.local.orchestrator import task_executor
from kfp.local.orchestrator.enhanced_dag_orchestrator import ConditionEvaluator
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec, PipelineTaskSpec

from holdfast.errors import InputError
from holdfast.local.answers import code_of, is_answer, waits, why
from holdfast.local.runner import Places, Runner, Task, variables_of

Status = Literal["RUNNING", "SUCCEEDED", "FAILED"]
# On a cluster the driver puts the time of the run, or of its schedule, in their place.
TIMES = ("{{$.pipeline_job_create_time_utc}}", "{{$.pipeline_job_schedule_time_utc}}")


@dataclass
class TaskRun:
    """A task of a run; `outputs` holds parameters as values and artifacts as described."""

    name: str
    status: Status = "RUNNING"
    seconds: float = 0.0
    outputs: dict[str, Any] = field(default_factory=dict)
    log: Path = Path()
    exit_code: int = 0
    # Whether the last try ended with an answer to the user.
    answered: bool = False


@dataclass
class Run:
    """A run of a pipeline, while it goes and when it has ended."""

    pipeline: str
    steps: int
    output: Path
    status: Status = "RUNNING"
    seconds: float = 0.0
    tasks: list[TaskRun] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    # The outputs as kfp has them.
    returned: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()
    error: str = ""
    exit_code: int = 0

    def document(self) -> dict[str, Any]:
        """Return the run as JSON data."""
        kept = ("name", "status", "seconds", "outputs")
        document = {
            "pipeline": self.pipeline,
            "status": self.status,
            "seconds": self.seconds,
            "tasks": [{key: getattr(task, key) for key in kept} for task in self.tasks],
            "outputs": self.outputs,
        }
        return document | ({"error": self.error} if self.error else {})


Observe = Callable[[Run, TaskRun], None]


def run_pipeline(
    spec: PipelineSpec,
    arguments: Mapping[str, Any],
    runner: Runner,
    output: Path,
    places: Places,
    observe: Observe,
) -> Run:
    """Run a pipeline to its end.

    Args:
        spec: The compiled pipeline.
        arguments: Its parameters, of the types it declares, and its artifacts as kfp's own.
        runner: Runs the tasks.
        output: Absolute path of the folder for artifacts, logs and the local tracking store.
        places: What else of this machine tasks read and write.
        observe: Is told of each task at its start and at its end.
    """
    taken = spec.root.input_definitions.artifacts
    artifacts = sorted(name for name in taken if arguments.get(name) is None)
    if not all(taken[name].is_optional for name in artifacts):
        raise InputError(
            f"{spec.pipeline_info.name} must take parameters alone to run by itself. Found: the "
            f"artifacts {artifacts}. Put it into a pipeline."
        )
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output must be a folder. Found: {error}. Choose another.") from error
    executors = json_format.MessageToDict(spec.deployment_spec)["executors"]
    images = {e["container"]["image"] for e in executors.values() if "container" in e}
    run = Run(spec.pipeline_info.name, len(executors), output)
    start = time.monotonic()
    runner.prepare(sorted(images))
    local.init(
        local.SubprocessRunner(use_venv=False),
        pipeline_root=str(output / "runs"),
        raise_on_error=False,
    )
    with _Session(run, runner, places, observe).in_place():
        # kfp.local knows an artifact that is left out by its None.
        given = dict.fromkeys(artifacts) | dict(arguments)
        outputs = pipeline_orchestrator.run_local_pipeline(_at_this_time(spec), given)
    run.seconds = round(time.monotonic() - start, 3)
    ends = spec.root.output_definitions
    _conclude(run, outputs, [*ends.parameters, *ends.artifacts])
    return run


def _at_this_time(spec: PipelineSpec) -> PipelineSpec:
    """Return the pipeline with the time of this run where it asks for it."""
    text = json_format.MessageToJson(spec)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for placeholder in TIMES:
        text = text.replace(placeholder, now)
    return json_format.Parse(text, PipelineSpec())


@dataclass(frozen=True)
class _Session:
    """What stands in kfp.local's place while a pipeline runs."""

    run: Run
    runner: Runner
    places: Places
    observe: Observe
    here: threading.local = field(default_factory=threading.local)
    naming: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Replace kfp's task handler and watch its tasks; send its own words nowhere."""
        execute = task_executor.execute_single_task
        look_up = ConditionEvaluator._resolve_pipeline_channel
        channel = staticmethod(partial(value_of, look_up))
        with (
            _replaced(subprocess_task_handler, "SubprocessTaskHandler", self.handler),
            _replaced(task_executor, "execute_single_task", partial(self.execute, execute)),
            _replaced(ConditionEvaluator, "_resolve_pipeline_channel", channel),
            _replaced(graph_utils, "topological_sort_tasks", last_first),
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
        ):
            # Resources are the cluster's business.
            warnings.filterwarnings("ignore", ".*no effect in the current local runner")
            logging.disable(logging.WARNING)
            try:
                yield
            finally:
                logging.disable(logging.NOTSET)

    def execute(self, execute: Callable[..., Any], **kwargs: Any) -> Any:
        """Do what kfp's execute_single_task does, and keep what is seen of the task."""
        run = self.run
        # Loops and nested pipelines lie deeper.
        place = Path(kwargs["pipeline_root"], kwargs["pipeline_resource_name"])
        run.folder = run.output / "runs" / place.relative_to(run.output / "runs").parts[0]
        # Iterations of a loop run at the same time, each in a thread of its own.
        with self.naming:
            name = unused(kwargs["task_name"], {task.name for task in run.tasks})
            task = TaskRun(name, log=run.folder / "logs" / f"{name}.log")
            run.tasks.append(task)
        self.here.task = task
        self.observe(run, task)
        start = time.monotonic()
        try:
            outputs, state = self.try_again(execute, kwargs, task)
            if state == status.Status.SUCCESS:
                task.status = "SUCCEEDED"
                task.outputs = {key: describe(value) for key, value in outputs.items()}
            return outputs, state
        finally:
            task.seconds = round(time.monotonic() - start, 3)
            if task.status == "RUNNING":
                task.status = "FAILED"
            self.observe(run, task)

    def try_again(
        self, execute: Callable[..., Any], kwargs: Mapping[str, Any], task: TaskRun
    ) -> tuple[Any, Any]:
        """Try a task as often as its policy says, in kfp's place, which would not see answers."""
        once = PipelineTaskSpec()
        once.CopyFrom(kwargs["task_spec"])
        once.ClearField("retry_policy")
        for wait in [*waits(kwargs["task_spec"].retry_policy), None]:
            outputs, state = execute(**{**kwargs, "task_spec": once})
            if wait is None or state == status.Status.SUCCESS or task.answered:
                break
            with task.log.open("a", encoding="utf-8") as log:
                log.write(f"\nThe step failed, and is tried again after {wait:g} s.\n")
            time.sleep(wait)
        return outputs, state

    def handler(
        self, image: str, full_command: list[str], env_vars: Mapping[str, str] | None, **_: Any
    ) -> "_Handler":
        """Make what kfp asks to run one task's command."""
        variables = {**variables_of(self.run.output), **(env_vars or {})}
        task = Task(image, full_command, variables, self.run.output, self.places)
        return _Handler(self.runner, task, self.here.task)


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def last_first(tasks: Mapping[str, PipelineTaskSpec]) -> list[str]:
    """Return tasks as kfp pops them, those that wait for nothing last; each time the same."""
    waits_for = {
        name: [other for other in sorted(tasks[name].dependent_tasks) if other in tasks]
        for name in sorted(tasks)
    }
    return list(TopologicalSorter(waits_for).static_order())[::-1]


def value_of(look_up: Callable[..., Any], channel: str, store: Any) -> Any:
    """Return what a condition compares: a parameter, or the output of a task by its name."""
    value = look_up(channel, store)
    task, found, output = channel.removeprefix("pipelinechannel--").rpartition("-")
    if value is not None or not found:
        return value
    # Names of tasks hold dashes, those of outputs do not.
    with contextlib.suppress(ValueError, KeyError):
        return store.get_task_output(task, output)
    return None


@dataclass(frozen=True)
class _Handler:
    runner: Runner
    task: Task
    seen: TaskRun

    def run(self) -> status.Status:
        """Run the task and keep its log and exit code."""
        seen = self.seen
        seen.log.parent.mkdir(parents=True, exist_ok=True)
        with seen.log.open("a", encoding="utf-8") as log:
            start = seen.log.stat().st_size
            seen.exit_code = self.runner.run(self.task, log)
        seen.answered = is_answer(seen.exit_code, seen.log, start)
        return status.Status.FAILURE if seen.exit_code else status.Status.SUCCESS


def unused(name: str, taken: Collection[str]) -> str:
    """Return a name that is not taken, numbered as KFP numbers tasks."""
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return name if name not in taken else next(n for n in numbered if n not in taken)


def describe(value: object) -> Any:
    """Return an output as JSON data: an artifact by type, place and metadata."""
    if isinstance(value, dsl.Artifact):
        return {
            "type": value.schema_title,
            "uri": value.uri,
            "metadata": describe(value.metadata),
        }
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [describe(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _conclude(run: Run, outputs: Mapping[str, Any], declared: Collection[str]) -> None:
    failed = next((task for task in run.tasks if task.status == "FAILED"), None)
    run.status = "FAILED" if failed else "SUCCEEDED"
    run.returned = outputs
    for name, value in outputs.items():
        run.outputs[name] = describe(value)
        if isinstance(value, dsl.Metrics):
            run.outputs |= describe(value.metadata)
    if not failed and declared and not outputs:
        # kfp.local takes an error outside a task for an end without outputs.
        run.status, run.exit_code = "FAILED", 1
        run.error = f"{run.pipeline} ended without its outputs {sorted(declared)}."
    if failed:
        run.exit_code = code_of(failed.exit_code)
        run.error = f"{failed.name}: {why(failed.log)}"
