"""What a component left, by name, once it has been looked at as a cluster would."""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from kfp import dsl
from kfp.dsl.structures import OutputSpec

from holdfast.testing.errors import OutputError
from holdfast.testing.inputs import finite, fits, is_metadata_alone, kind_of
from holdfast.testing.interface import Interface, is_parameter, parameter_type, schema_title


class Outputs:
    """The outputs of a component, by name: `outputs.rows` or `outputs["rows"]`.

    Parameters are of the type that the component declares. Artifacts are kfp's own (dsl.Dataset and
    so on), with path, metadata and schema_title, and can be given to another component.
    """

    def __init__(self, component: str, values: Mapping[str, Any]) -> None:
        self._component = component
        self._values = dict(values)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"{self._component} has {list(self)}, not {name!r}") from None

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __repr__(self) -> str:
        shown = (f"{name}={_shown(value)}" for name, value in self._values.items())
        return f"Outputs({', '.join(shown)})"


def _shown(value: Any) -> str:
    if isinstance(value, dsl.Artifact):
        return f"{type(value).__name__}(path={value.path!r}, metadata={value.metadata!r})"
    return repr(value)


def collect(
    interface: Interface, request: Mapping[str, Any], unwritten: Collection[str]
) -> Outputs:
    """Return what the executor's output file and the files that it names say.

    Raises:
        OutputError: An output was not written, or holds what a cluster would not take.
    """
    file = Path(request["outputs"]["outputFile"])
    told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    values = {}
    for name, spec in interface.outputs.items():
        if is_parameter(spec):
            values[name] = _parameter(interface, name, spec, request, told)
        else:
            values[name] = _artifact(name, spec, request, told)
    return looked_at(interface, values, unwritten)


def looked_at(
    interface: Interface, values: Mapping[str, Any], unwritten: Collection[str]
) -> Outputs:
    """Return outputs that a cluster would take; those of `unwritten` may be missing.

    Raises:
        OutputError: One was not written, or is what a cluster would not take.
    """
    missing = [n for n, v in values.items() if n not in unwritten and not _written(v)]
    if missing:
        raise OutputError(
            f"{interface.name} must write what it declares. Found: nothing for {missing}. A "
            f"cluster would register it all the same, and the next step would fail."
        )
    for name, value in values.items():
        spec = interface.outputs[name]
        if is_parameter(spec) and value is not None and not fits(parameter_type(spec), value):
            raise _of_another_type(interface, name, spec, value)
        for where, held in _metadata_of(name, value):
            _require_kept(interface.name, where, held)
    return Outputs(interface.name, values)


def _parameter(
    interface: Interface, name: str, spec: OutputSpec, request: Mapping[str, Any], told: Any
) -> Any:
    value = told.get("parameterValues", {}).get(name)
    file = Path(request["outputs"]["parameters"][name]["outputFile"])
    if value is None and file.is_file():
        text = file.read_text(encoding="utf-8")
        try:
            value = _read(parameter_type(spec), text)
        except ValueError as error:
            raise _of_another_type(interface, name, spec, text[:80]) from error
    return typed(spec, value)


def _read(kind: str, text: str) -> Any:
    """Return what a parameter's file says, as KFP's launcher reads it."""
    if kind == "String":
        return text
    return json.loads(text.lower() if kind == "Boolean" else text)


def typed(spec: OutputSpec, value: Any) -> Any:
    """Return a parameter's value as declared; JSON does not tell 3 and 3.0 apart."""
    kind = parameter_type(spec) if is_parameter(spec) else ""
    if kind == "Integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind == "Float" and fits(kind, value):
        return float(value)
    return value


def _of_another_type(
    interface: Interface, name: str, spec: OutputSpec, found: object
) -> OutputError:
    return OutputError(
        f"{interface.name} must write {parameter_type(spec)} to `{name}`. Found: {found!r}."
    )


def _artifact(name: str, spec: OutputSpec, request: Mapping[str, Any], told: Any) -> dsl.Artifact:
    (asked,) = request["outputs"]["artifacts"][name]["artifacts"]
    (found,) = told.get("artifacts", {}).get(name, {}).get("artifacts", [asked])
    kind = kind_of(schema_title(spec))
    artifact = kind(name=name, uri=found.get("uri"), metadata=found.get("metadata"))
    if found.get("custom_path"):
        artifact.custom_path = found["custom_path"]
    return artifact


def _written(value: Any) -> bool:
    if not isinstance(value, dsl.Artifact):
        return value is not None
    if "://" in value.uri or is_metadata_alone(value):
        return True
    path = Path(value.path)
    # An object store has no empty folders.
    return any(p.is_file() for p in path.rglob("*")) if path.is_dir() else path.is_file()


def _metadata_of(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dsl.Artifact):
        for key, held in value.metadata.items():
            yield f"{name}.metadata[{key!r}]", held
    elif value is not None:
        yield name, value


def _require_kept(component: str, where: str, held: Any) -> None:
    if held is None or not finite(held):
        what = "None fails the step" if held is None else "what is not finite breaks the JSON"
        raise OutputError(
            f"{component} must write what KFP can keep. Found: {where} = {held!r}; on a cluster "
            f"{what}. Leave it out, or write a number."
        )
