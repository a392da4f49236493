"""The three ways to run one component."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kfp.dsl.executor import Executor
from kfp.dsl.types import artifact_types
from kfp.local import placeholder_utils  # private in kfp 2.17, as the two above

from holdfast.errors import InputError
from holdfast.images import family_of
from holdfast.local import environments
from holdfast.local.runner import variables_of
from holdfast.local.venv import LEFT_OUT
from holdfast.testing.errors import ComponentError
from holdfast.testing.interface import EXECUTOR_INPUT, Interface, source_of


def run(
    interface: Interface, request: Mapping[str, Any], mode: str, folder: Path, store: Path
) -> None:
    """Run a component to its end.

    Args:
        interface: The component.
        request: Its ExecutorInput.
        mode: process, executor or environment.
        folder: Where what the run needs is written, in `work` what the component leaves around.
        store: Where a local MLflow store is that runs share.

    Raises:
        ComponentError: It failed in a process of its own.
        Exception: What it raised in this one.
    """
    if mode == "process":
        in_process(interface, request, folder)
        return
    command = placeholder_utils.replace_placeholders(
        full_command=list(interface.command),
        executor_input_dict=dict(request),
        pipeline_resource_name="test",
        task_resource_name=interface.name,
        pipeline_root=str(store),
        unique_pipeline_id="1",
    )
    python, variables = python_of(interface, mode, store)
    command = direct(command, python, folder)
    done = _call(interface, command, {**variables, **interface.variables}, folder / "work")
    # pytest shows it where a test fails.
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    if done.returncode:
        raise ComponentError(interface.name, done.returncode, done.stderr)


def in_process(interface: Interface, request: Mapping[str, Any], folder: Path) -> None:
    """Call a component's function here, through KFP's own executor."""
    function = interface.function or _loaded(interface, folder)
    root = artifact_types.CONTAINER_TASK_ROOT
    try:
        Executor(dict(request), function).execute()
    finally:
        artifact_types.CONTAINER_TASK_ROOT = root


def _loaded(interface: Interface, folder: Path) -> Callable[..., Any]:
    """Return the function of compiled YAML; a file holds it, so that a traceback shows lines."""
    file = folder / "component.py"
    file.write_text(source_of(interface.command) or "", encoding="utf-8")
    spec = importlib.util.spec_from_file_location("component", file)
    if spec is None or spec.loader is None:
        raise ImportError(str(file))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    named = interface.command.index("--function_to_execute") + 1
    return getattr(module, interface.command[named])


def python_of(interface: Interface, mode: str, store: Path) -> tuple[str, dict[str, str]]:
    """Return the Python that runs a component, and the variables that it sees.

    Raises:
        InputError: The component is none of ours, and has no environment.
    """
    if mode == "executor":
        return sys.executable, dict(os.environ)
    family = family_of(interface.image)
    if family is None:
        raise InputError(
            f"`mode` environment is for components in our images. Found: {interface.image}. Use "
            f"executor, in an environment that has what the component needs."
        )
    python = str(environments.ensure(family, lambda words: print(words, file=sys.stderr)))
    kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    return python, {**kept, **variables_of(store), "PYTHONNOUSERSITE": "1"}


def direct(command: Sequence[str], python: str, folder: Path) -> list[str]:
    """Return a lightweight component's command without its shell, which would install packages.

    Other commands are returned as they are.
    """
    source = source_of(list(command))
    if source is None:
        return list(command)
    file = folder / "component.py"
    file.write_text(source, encoding="utf-8")
    executor = [python, "-m", "kfp.dsl.executor_main", "--component_module_path", str(file)]
    return [*executor, *command[command.index(EXECUTOR_INPUT) :]]


def _call(
    interface: Interface, command: Sequence[str], variables: Mapping[str, str], place: Path
) -> "subprocess.CompletedProcess[str]":
    environment = {**variables, "_KFP_RUNTIME": "true"}
    try:
        return subprocess.run(
            command,
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError as error:
        raise InputError(
            f"{interface.name} runs a program of the image {interface.image}, which this machine "
            f"must have, too. Found: no {command[0]!r}. Install it."
        ) from error
