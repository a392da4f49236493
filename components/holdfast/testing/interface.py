"""What a component takes, gives and runs, read from what kfp makes of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp import components
from kfp.dsl.structures import InputSpec, OutputSpec
from kfp.dsl.types import type_utils

from holdfast.errors import InputError

# The one argument that KFP's executor reads in a lightweight component's command.
EXECUTOR_INPUT = "--executor_input"
FINAL_STATUS = "PipelineTaskFinalStatus"
TASK_CONFIG = "TaskConfig"
# The backend gives these, and no user.
GIVEN_BY_KFP = (FINAL_STATUS, TASK_CONFIG)


@dataclass(frozen=True)
class Interface:
    """A component as it is run here.

    Attributes:
        name: The component's.
        inputs: What it takes, by name.
        outputs: What it gives, by name.
        image: Its container's image; empty for a pipeline.
        command: The container's command and arguments, with KFP's placeholders.
        variables: The container's environment variables.
        function: Its Python function, where it was made from one in this process.
        made: What kfp made.
    """

    name: str
    inputs: Mapping[str, InputSpec]
    outputs: Mapping[str, OutputSpec]
    image: str
    command: tuple[str, ...]
    variables: Mapping[str, str]
    function: Callable[..., Any] | None
    made: Any

    @property
    def is_pipeline(self) -> bool:
        """Whether it is a pipeline, which has tasks and no container."""
        return not self.image

    @property
    def is_python(self) -> bool:
        """Whether KFP's executor runs it: its command carries the source of a function."""
        return source_of(self.command) is not None


def interface_of(component: Any) -> Interface:
    """Return the interface of a component, a pipeline, or compiled YAML of either.

    Raises:
        InputError: It is none of these.
    """
    if isinstance(component, Path):
        component = components.load_component_from_file(str(component))
    spec = getattr(component, "component_spec", None)
    if spec is None:
        raise InputError(
            "`component` must be what @dsl.component, @dsl.container_component, @dsl.pipeline or "
            "kfp.components.load_component_from_file make, or the pathlib.Path of compiled YAML. "
            f"Found: {type(component).__name__}. Decorate the function with @dsl.component."
        )
    container: dict[str, Any] = {}
    if spec.implementation.container is not None:
        deployment = json_format.MessageToDict(component.pipeline_spec.deployment_spec)
        (executor,) = deployment["executors"].values()
        container = executor["container"]
    return Interface(
        spec.name,
        spec.inputs or {},
        spec.outputs or {},
        container.get("image", ""),
        (*container.get("command", []), *container.get("args", [])),
        {each["name"]: each.get("value", "") for each in container.get("env", [])},
        getattr(component, "python_func", None),
        component,
    )


def source_of(command: tuple[str, ...] | list[str]) -> str | None:
    """Return the source that a lightweight component's command carries, None for other commands."""
    if EXECUTOR_INPUT not in command:
        return None
    before = command[: command.index(EXECUTOR_INPUT)]
    return before[-1] if before and "\ndef " in before[-1] else None


def is_parameter(spec: InputSpec | OutputSpec) -> bool:
    """Return whether an input or output is a parameter, and not an artifact."""
    return "@" not in str(spec.type)


def parameter_type(spec: InputSpec | OutputSpec) -> str:
    """Return a parameter's type in KFP's words, such as List for List[int]."""
    if spec.type in GIVEN_BY_KFP:
        return str(spec.type)
    return str(
        type_utils.IR_TYPE_TO_IN_MEMORY_SPEC_TYPE[type_utils.get_parameter_type_name(spec.type)]
    )


def schema_title(spec: InputSpec | OutputSpec) -> str:
    """Return an artifact's type, such as system.Dataset."""
    return str(spec.type).partition("@")[0]
