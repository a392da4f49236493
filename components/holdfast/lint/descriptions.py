"""HF7: what people who are to use the pipeline would miss."""

from collections.abc import Iterator

from holdfast.lint.pipeline import Pipeline, part
from holdfast.lint.rule import Place, rule

SHOWN_NAMES = 8


@rule(
    "HF701",
    "no-description",
    "note",
    why="The UI shows the description beside the name; without one nobody knows what is run.",
    remedy="Write a docstring for the pipeline's function, or @dsl.pipeline(description=...).",
    of_tasks=True,
)
def no_description(pipeline: Pipeline) -> Iterator[Place]:
    """Find a pipeline without a description."""
    if not part(pipeline.compiled.pipeline, "pipelineInfo").get("description"):
        yield Place("the pipeline has no description", ("pipelineInfo",))


@rule(
    "HF702",
    "undescribed-parameter",
    "note",
    why="The form of a run shows the descriptions of the parameters; without, their users guess.",
    remedy="Describe each parameter under Args: in the docstring of the pipeline's function.",
)
def undescribed_parameter(pipeline: Pipeline) -> Iterator[Place]:
    """Find parameters of the pipeline without a description."""
    inputs = pipeline.root.inputs("parameters")
    bare = sorted(name for name, spec in inputs.items() if not part(spec).get("description"))
    if bare:
        path = ("root", "inputDefinitions", "parameters", bare[0])
        yield Place(f"no description of {_listed(bare)}", path)


@rule(
    "HF703",
    "unused-parameter",
    "note",
    why="A parameter that no task reads: who sets it sees no effect.",
    remedy="Remove it, or pass it on.",
)
def unused_parameter(pipeline: Pipeline) -> Iterator[Place]:
    """Find parameters of the pipeline that no task reads."""
    used = {
        part(given).get("componentInputParameter")
        for task in pipeline.tasks_of(pipeline.root)
        for given in task.parameters.values()
    }
    used |= {
        part(task.spec, "parameterIterator", "items").get("inputParameter")
        for task in pipeline.tasks_of(pipeline.root)
    }
    inputs = pipeline.root.inputs("parameters")
    # What kfp-kubernetes and placeholders read is in the texts.
    texts = {text for number, path, text in pipeline.texts if number == 1}
    unused = sorted(name for name in inputs if name not in used and name not in texts)
    if unused:
        path = ("root", "inputDefinitions", "parameters", unused[0])
        yield Place(f"no task reads {_listed(unused)}", path)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(f"`{name}`" for name in names[:SHOWN_NAMES]) + more
