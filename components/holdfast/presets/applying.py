"""Apply presets to a task, or to every task of a pipeline."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kfp import dsl
from kfp.dsl.pipeline_context import Pipeline  # private in kfp 2.17

from holdfast.errors import InputError

# It is told the task, and whether what the task has already stays as it is.
Preset = Callable[[dsl.PipelineTask, bool], None]


def apply(task: dsl.PipelineTask, *presets: Preset) -> dsl.PipelineTask:
    """Apply presets to a task, the later over the earlier, and return the task.

    Raises:
        InputError: The task is a pipeline or an importer, which have no container.
    """
    if task.container_spec is None:
        raise InputError(
            f"Presets are for tasks with a container. Found: {task.name}, a pipeline or an "
            f"importer. Put `with presets.defaults(...):` into the pipeline's own body."
        )
    for preset in presets:
        preset(task, False)
    return task


@contextmanager
def defaults(*presets: Preset) -> Iterator[None]:
    """Apply presets to every task that is made in a block, or in a decorated pipeline function.

    What a task was given by itself stays; of nested blocks the inner one counts. Tasks of pipelines
    that are used as components have their own.

    Raises:
        InputError: It is used outside a pipeline's body.
    """
    pipeline = Pipeline.get_default_pipeline()
    if pipeline is None:
        raise InputError(
            "`presets.defaults` must stand in the body of a @dsl.pipeline function, or below that "
            "decorator. Found: no pipeline that is being made. For one task use presets.apply."
        )
    before = set(pipeline.tasks)
    yield
    for name, task in pipeline.tasks.items():
        if name not in before and task.container_spec is not None:
            for preset in presets:
                preset(task, True)


def together(*presets: Preset) -> Preset:
    """Return presets as one."""

    def put(task: dsl.PipelineTask, stays: bool) -> None:
        for preset in presets:
            preset(task, stays)

    return put
