"""Which pipeline is meant, and its parameters from NAME=VALUE."""

import json
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.errors import InputError
from holdfast.local import files

if TYPE_CHECKING:
    from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

TYPES = {
    "STRING": "str",
    "NUMBER_INTEGER": "int",
    "NUMBER_DOUBLE": "float",
    "BOOLEAN": "bool",
    "LIST": "list (JSON)",
    "STRUCT": "dict (JSON)",
}


def pipeline_file(name: str) -> Path:
    """Return the compiled YAML of a name in the catalog, or the file that is named.

    Raises:
        InputError: It is neither.
    """
    pipelines, components = files.compiled("pipelines"), files.compiled("components")
    known = components | pipelines
    if name in known:
        return known[name]
    if Path(name).suffix in (".yaml", ".yml") and Path(name).is_file():
        return Path(name)
    raise InputError(
        f"PIPELINE must be one of {list(pipelines)}, a component that takes parameters alone, or a "
        f"compiled YAML file. Found: {name!r}."
    )


def type_of(entry: Any) -> str:
    """Return the Python name of a parameter's type in the compiled YAML."""
    from kfp.pipeline_spec.pipeline_spec_pb2 import ParameterType

    return TYPES[ParameterType.ParameterTypeEnum.Name(entry.parameter_type)]


def parse_parameters(given: Sequence[str], spec: "PipelineSpec") -> dict[str, Any]:
    """Return NAME=VALUE strings as values of the types that the pipeline declares.

    Raises:
        InputError: A name is unknown or missing, or a value is not of its type.
    """
    declared = spec.root.input_definitions.parameters
    arguments = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals:
            raise InputError(f"-p must be NAME=VALUE. Found: {item!r}.")
        if name not in declared:
            raise InputError(f"-p must name one of {sorted(declared)}. Found: {name!r}.")
        arguments[name] = parse_value(name, text, type_of(declared[name]))
    missing = sorted(n for n, e in declared.items() if not e.is_optional and n not in arguments)
    if missing:
        raise InputError(
            f"{spec.pipeline_info.name} must be given {missing}. Add "
            + " ".join(f"-p {name}=VALUE" for name in missing)
            + "."
        )
    return arguments


def parse_value(name: str, text: str, kind: str) -> Any:
    """Return a parameter's text as a value of a type in `TYPES`."""
    readers = {"str": str, "int": int, "float": float}
    try:
        if kind in readers:
            value = readers[kind](text)
            # JSON knows no infinity.
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(text)
            return value
        value = json.loads(
            text.lower() if kind == "bool" else text, parse_constant=_refuse_constant
        )
        if type(value).__name__ != kind.split(maxsplit=1)[0]:
            raise ValueError(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"-p {name} must be of type {kind}. Found: {text!r}.{_remedy(name, text, kind)}"
        ) from error
    return value


def _remedy(name: str, text: str, kind: str) -> str:
    """Return what to write in a shell where the type is JSON's: what was meant, or an example."""
    examples = {"bool": "true", "list (JSON)": '["a", "b"]', "dict (JSON)": '{"a": 1}'}
    if kind not in examples:
        return ""
    example = examples[kind]
    if kind == "list (JSON)" and text.isprintable() and 0 < len(text) <= 60 and text[0] not in "[{":
        try:
            json.loads(f"[{text}]", parse_constant=_refuse_constant)
            example = f"[{text}]"
        except (ValueError, RecursionError):
            example = json.dumps([part.strip() for part in text.split(",")], ensure_ascii=False)
    return f" Write -p {shlex.quote(f'{name}={example}')}."


def _refuse_constant(text: str) -> None:
    """Refuse NaN and Infinity inside lists and mappings, too."""
    raise ValueError(text)
