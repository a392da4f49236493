"""Check what a test gives a component, and bring it into the form in which KFP hands it over."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kfp import dsl
from kfp.dsl.structures import InputSpec

from holdfast.errors import InputError
from holdfast.testing import frames
from holdfast.testing.interface import (
    FINAL_STATUS,
    GIVEN_BY_KFP,
    Interface,
    is_parameter,
    parameter_type,
    schema_title,
)

ANY = "system.Artifact"
_TYPES: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
    "List": (list, tuple),
    "Dict": (Mapping,),
}
_ENDED_WELL = {
    "state": "SUCCEEDED",
    "pipelineJobResourceName": "run",
    "pipelineTaskName": "task",
    "error": {"code": 0, "message": ""},
}


def check(interface: Interface, given: Mapping[str, Any]) -> None:
    """Refuse inputs that do not fit, before anything is written or run.

    Raises:
        InputError: An input is missing, unknown, of another type, or not there.
    """
    wanted = {n: s for n, s in interface.inputs.items() if s.type not in GIVEN_BY_KFP}
    unknown = sorted(set(given) - set(interface.inputs))
    if unknown:
        raise InputError(
            f"{interface.name} must be given what it takes. Found: {unknown}. It takes "
            f"{sorted(wanted)}."
        )
    needed = [name for name, spec in wanted.items() if not spec.optional]
    missing = [name for name in needed if given.get(name) is None]
    if missing:
        raise InputError(f"{interface.name} must be given {missing}. Found: {sorted(given)}.")
    for name, value in given.items():
        spec = interface.inputs[name]
        if value is None:
            continue
        if is_parameter(spec):
            parameter(name, spec, value)
        else:
            _check_artifacts(name, spec, value)


def parameters(interface: Interface, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as the driver hands them over, with their defaults."""
    found = {}
    for name, spec in interface.inputs.items():
        value = given.get(name)
        if not is_parameter(spec):
            continue
        if value is None:
            value = _ENDED_WELL if spec.type == FINAL_STATUS else spec.default
        if value is not None:
            found[name] = parameter(name, spec, value)
    return found


def parameter(name: str, spec: InputSpec, value: Any) -> Any:
    """Return a parameter as JSON brings it to a component.

    A whole number is an integer there even where a float is declared.

    Raises:
        InputError: It is of another type, or JSON can't hold it.
    """
    kind = parameter_type(spec)
    if isinstance(value, os.PathLike) and kind == "String":
        value = str(Path(value).resolve())
    if not fits(kind, value):
        raise InputError(f"`{name}` must be {kind}. Found: {value!r}, {type(value).__name__}.")
    try:
        plain = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"`{name}` must be what JSON can hold, which is how KFP hands it over. Found: {error}."
        ) from error
    if kind == "Integer" or (isinstance(plain, float) and plain.is_integer()):
        return int(plain)
    return plain


def fits(kind: str, value: Any) -> bool:
    """Return whether a value is of a parameter's type; True is no number."""
    if kind not in _TYPES:
        return True
    return isinstance(value, _TYPES[kind]) and isinstance(value, bool) == (kind == "Boolean")


def artifacts(
    interface: Interface, given: Mapping[str, Any], folder: Path
) -> dict[str, list[dsl.Artifact]]:
    """Return the artifacts that are given, as lists, frames written into a folder."""
    found = {}
    for name, spec in interface.inputs.items():
        value = given.get(name)
        if value is None or is_parameter(spec):
            continue
        values = value if spec.is_artifact_list else [value]
        names = [f"{name}-{n}" for n in range(len(values))] if spec.is_artifact_list else [name]
        found[name] = [
            _artifact(interface, spec, each, folder / "inputs" / alone)
            for each, alone in zip(values, names, strict=True)
        ]
    return found


def _artifact(interface: Interface, spec: InputSpec, value: Any, place: Path) -> dsl.Artifact:
    if isinstance(value, dsl.Artifact):
        return value
    kind = kind_of(schema_title(spec))
    if frames.is_frame(value):
        frames.write(value, place, interface.image)
        return kind(name=place.name, uri=str(place))
    return kind(name=place.name, uri=str(Path(value).resolve()))


def kind_of(title: str) -> type[dsl.Artifact]:
    """Return the class of an artifact's type; Artifact for those of other libraries."""
    known = [dsl.Artifact, *dsl.Artifact.__subclasses__()]
    return next((kind for kind in known if kind.schema_title == title), dsl.Artifact)


def _check_artifacts(name: str, spec: InputSpec, value: Any) -> None:
    several = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if several != spec.is_artifact_list:
        wanted = "a list of artifacts" if spec.is_artifact_list else "one artifact"
        raise InputError(f"`{name}` must be {wanted}. Found: {type(value).__name__}.")
    for each in value if several else [value]:
        _check_artifact(name, spec, each)


def _check_artifact(name: str, spec: InputSpec, value: Any) -> None:
    title = schema_title(spec)
    if frames.is_frame(value):
        if title not in ("system.Dataset", ANY):
            raise InputError(f"`{name}` must be a {title}. Found: a data frame. Pass a path.")
        return
    if not isinstance(value, dsl.Artifact | os.PathLike):
        raise InputError(
            f"`{name}` must be a pathlib.Path, a data frame, or an artifact such as another "
            f"component's output. Found: {value!r}, {type(value).__name__}."
        )
    if isinstance(value, dsl.Artifact) and title not in (ANY, value.schema_title):
        raise InputError(
            f"`{name}` must be a {title}. Found: a {value.schema_title}, which KFP would refuse."
        )
    path = Path(value.path if isinstance(value, dsl.Artifact) else value)
    if not path.exists() and not is_metadata_alone(value):
        raise InputError(
            f"`{name}` must be a file or a folder that is there. Found: none at {path}."
        )


def is_metadata_alone(artifact: Any) -> bool:
    """Return whether an artifact is whole without a file: metrics are metadata."""
    return isinstance(artifact, dsl.Artifact) and artifact.schema_title in (
        "system.Metrics",
        "system.ClassificationMetrics",
        "system.SlicedClassificationMetrics",
    )


def finite(value: Any) -> bool:
    """Return whether all numbers within a value are finite."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(map(finite, value.values()))
    return all(map(finite, value)) if isinstance(value, list | tuple) else True
