"""Run a component in a test: in this process, by KFP's executor, or in our image's environment."""

import itertools
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from kfp import dsl

from holdfast.errors import InputError
from holdfast.testing import execution, inputs, outputs
from holdfast.testing.errors import OutputError
from holdfast.testing.interface import Interface, interface_of, is_parameter, schema_title

Mode = Literal["process", "executor", "environment"]


class RunComponent:
    """What the fixture `run_component` is; each call runs a component once.

    Args:
        folder: Where inputs, outputs and logs of the runs go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)

    def __call__(
        self,
        component: Any,
        given: Mapping[str, Any] | None = None,
        /,
        *,
        mode: Mode | None = None,
        unwritten: Collection[str] = (),
        **more: Any,
    ) -> outputs.Outputs:
        """Run a component and return its outputs.

        Inputs are checked before anything runs. Afterwards the outputs are looked at as a cluster
        would: each must be there, its metadata such as KFP can keep; and no input may have changed.

        Args:
            component: What @dsl.component, @dsl.container_component, @dsl.pipeline or
                kfp.components.load_component_* made, or the pathlib.Path of compiled YAML.
            given: Inputs by name, for those that are called mode or unwritten.
            mode: process calls the function here, so that it can be debugged, patched and
                covered; what it raises is raised. executor runs the very source that is compiled,
                by KFP's executor in an empty folder: what the function takes from around it is
                missing there, too. A container's command is run as it is. environment is
                executor in the environment made from the lock of one of our images. None is
                process for components with Python source, executor for others and for pipelines.
                No packages are installed but in environment.
            unwritten: Outputs that this run may leave unwritten.
            **more: Inputs by name. A parameter is given as its value, a String also as a path. An
                artifact is a pathlib.Path of a file or a folder, an output of another run, kfp's
                own such as dsl.Dataset(uri=..., metadata=...), a pandas data frame for a
                Dataset, or a list of these; None for what is optional. A data frame becomes a
                Parquet file, and for components of ours a table, with its target and task
                from `frame.attrs`.

        Raises:
            InputError: An input does not fit, or the mode does not.
            ComponentError: It failed in a process of its own.
            OutputError: An output is missing, or is not what a cluster would take.
        """
        interface = interface_of(component)
        ours = {"mode": mode, "unwritten": unwritten or None}
        named = _named(interface, ours, given or {}, more)
        inputs.check(interface, named)
        chosen = _mode(interface, mode)
        folder = self.folder / f"{next(self._numbers):02d}-{interface.name}"
        (folder / "work").mkdir(parents=True)
        artifacts = inputs.artifacts(interface, named, folder)
        parameters = inputs.parameters(interface, named)
        before = {name: _state(each) for name, each in artifacts.items()}
        if interface.is_pipeline:
            from holdfast.testing import pipelines

            values = pipelines.run(interface, parameters, artifacts, chosen, folder)
            found = outputs.looked_at(interface, values, unwritten)
        else:
            request = _request(interface, parameters, artifacts, folder / "outputs")
            execution.run(interface, request, chosen, folder, self.folder)
            found = outputs.collect(interface, request, unwritten)
        _require_unchanged(interface, artifacts, before)
        return found


def _named(
    interface: Interface,
    ours: Mapping[str, Any],
    given: Mapping[str, Any],
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """Return all inputs by name.

    Raises:
        InputError: One is given twice, or may be meant for us and for the component.
    """
    twice = sorted(set(given) & set(more))
    if twice:
        raise InputError(f"Inputs must be given once. Found: {twice} twice.")
    for name, value in ours.items():
        if value is not None and name in interface.inputs and name not in given:
            raise InputError(
                f"{interface.name} has an input called `{name}`, too. Found: {name}={value!r}. "
                f'Give the input as run_component({interface.name}, {{"{name}": ...}}).'
            )
    return {**given, **more}


def _mode(interface: Interface, mode: Mode | None) -> Mode:
    """Return the mode to run in; see RunComponent.

    Raises:
        InputError: There is no such mode, or not for this component.
    """
    if mode is None:
        return "process" if interface.function or interface.is_python else "executor"
    if mode not in ("process", "executor", "environment"):
        raise InputError(
            f"`mode` must be process, executor or environment. Found: {mode!r}. Choose one."
        )
    if mode == "process" and not (interface.function or interface.is_python):
        kind = (
            "a pipeline" if interface.is_pipeline else f"a command for the image {interface.image}"
        )
        raise InputError(
            f"`mode` must be executor or environment for what is no Python function. Found: "
            f"process, and {interface.name} is {kind}. Leave `mode` out."
        )
    return mode


def _request(
    interface: Interface,
    parameters: Mapping[str, Any],
    artifacts: Mapping[str, list[dsl.Artifact]],
    place: Path,
) -> dict[str, Any]:
    """Return an ExecutorInput as KFP's driver shapes it, with places on this machine."""
    place.mkdir()
    given = interface.outputs.items()
    parameters_out = {n: {"outputFile": str(place / n)} for n, s in given if is_parameter(s)}
    artifacts_out = {
        n: {"artifacts": [_runtime(n, schema_title(s), str(place / n), {})]}
        for n, s in given
        if not is_parameter(s)
    }
    artifacts_in = {
        n: {"artifacts": [_runtime(a.name or n, a.schema_title, a.uri, a.metadata) for a in each]}
        for n, each in artifacts.items()
    }
    request = {
        "inputs": {"parameterValues": dict(parameters), "artifacts": artifacts_in},
        "outputs": {
            "parameters": parameters_out,
            "artifacts": artifacts_out,
            "outputFile": str(place / "executor_output.json"),
        },
    }
    # A component gets objects of its own, as in a process of its own.
    return dict(json.loads(json.dumps(request)))


def _runtime(name: str, title: str, uri: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "type": {"schemaTitle": title}, "uri": uri, "metadata": dict(metadata)}


def _state(artifacts: list[dsl.Artifact]) -> dict[str, tuple[int, int]]:
    """Return size and time of each file of artifacts."""
    files = [
        file
        for artifact in artifacts
        for file in (Path(artifact.path), *Path(artifact.path).rglob("*"))
        if file.is_file()
    ]
    return {str(f): (f.stat().st_size, f.stat().st_mtime_ns) for f in files}


def _require_unchanged(
    interface: Interface, artifacts: Mapping[str, list[dsl.Artifact]], before: Mapping[str, Any]
) -> None:
    changed = [name for name, each in artifacts.items() if _state(each) != before[name]]
    if changed:
        raise OutputError(
            f"{interface.name} must leave its inputs as they are. Found: files of {changed} "
            f"changed. On a cluster it would change a copy, which nobody sees. Write to an output."
        )
