"""`holdfast list` and `holdfast show`: what there is, and what it takes and gives."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast import ir
from holdfast.commands.parameters import type_of
from holdfast.errors import InputError
from holdfast.local import files

if TYPE_CHECKING:
    from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec


def add(commands: Any) -> None:
    """Add both commands."""
    command = commands.add_parser("list", help="list components and pipelines")
    command.set_defaults(command=_list)

    command = commands.add_parser("show", help="show what a component or pipeline takes and gives")
    command.add_argument("name", metavar="NAME")
    command.set_defaults(command=_show)


def _list(_: argparse.Namespace) -> int:
    for kind in ("components", "pipelines"):
        print(f"{kind}:")
        for name, path in files.compiled(kind).items():
            print(f"  {name:18} {summary_of(path)}")
    return 0


def summary_of(path: Path) -> str:
    """Return the first line of the description in compiled YAML, without parsing all of it."""
    prefix = "# Description: "
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(prefix):
            return line.removeprefix(prefix)
    return ""


def _show(options: argparse.Namespace) -> int:
    for kind in ("components", "pipelines"):
        path = files.compiled(kind).get(options.name)
        if path is not None:
            _describe(options.name, kind, path, ir.read(path).spec())
            return 0
    names = [*files.compiled("components"), *files.compiled("pipelines")]
    raise InputError(f"NAME must be one of {names}. Found: {options.name!r}.")


def _describe(name: str, kind: str, path: Path, spec: "PipelineSpec") -> None:
    print(f"{name}: {summary_of(path)}\n\ninputs:")
    for artifact, entry in sorted(spec.root.input_definitions.artifacts.items()):
        _describe_line(artifact, entry.artifact_type.schema_title, entry.description)
    for parameter, entry in sorted(spec.root.input_definitions.parameters.items()):
        default = ""
        if entry.is_optional:
            kind_of_value = entry.default_value.WhichOneof("kind")
            value = _plain(entry.default_value) if kind_of_value else None
            default = f" = {json.dumps(value)}"
        _describe_line(parameter, type_of(entry) + default, entry.description)
    print("\noutputs:")
    for artifact, entry in sorted(spec.root.output_definitions.artifacts.items()):
        _describe_line(artifact, entry.artifact_type.schema_title, entry.description)
    for parameter, entry in sorted(spec.root.output_definitions.parameters.items()):
        _describe_line(parameter, type_of(entry), entry.description)
    print("\nuse it:")
    if kind == "components":
        print(f"  from holdfast.catalog import {name}")
        print(f'  {name} = components.load_component_from_file("{path}")')
    if all(entry.is_optional for entry in spec.root.input_definitions.artifacts.values()):
        parameters = spec.root.input_definitions.parameters
        given = [f"{key}=..." for key in sorted(parameters) if not parameters[key].is_optional]
        print(f"  holdfast run {name} " + " ".join(f"-p {item}" for item in given))
        print(f"  kfp run create -e holdfast -f {path} " + " ".join(given))


def _describe_line(name: str, kind: str, description: str) -> None:
    print(f"  {name:16} {kind:24} {' '.join(description.split())}".rstrip())


def _plain(value: Any) -> Any:
    """Return a default as JSON data; a protobuf Value knows no whole numbers."""
    from google.protobuf import json_format

    return json.loads(json.dumps(json_format.MessageToDict(value)), parse_float=_number)


def _number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value
