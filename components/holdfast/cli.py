"""The command line: list, show, run, serve and environments."""

import argparse
import json
import math
import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote, urlsplit

from holdfast import __version__
from holdfast.errors import HoldfastError, InputError, without_password
from holdfast.images import FAMILIES
from holdfast.local import environments, files

if TYPE_CHECKING:
    from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

    from holdfast.local.pipeline import Run, TaskRun
    from holdfast.local.runner import Places, Runner

TYPES = {
    "STRING": "str",
    "NUMBER_INTEGER": "int",
    "NUMBER_DOUBLE": "float",
    "BOOLEAN": "bool",
    "LIST": "list (JSON)",
    "STRUCT": "dict (JSON)",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 stopped, 2 the user's mistake, 3 the machine's."""
    options = _parser().parse_args(arguments)
    # A terminated run ends its step like an interrupted one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = options.command(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as head, has had enough; Python must not try to write the rest at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except HoldfastError as error:
        if getattr(options, "json", False):
            print(json.dumps(_not_run(options.name, error), indent=2))
        print(f"holdfast: {error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("holdfast: interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("holdfast", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("list", help="list components and pipelines")
    command.set_defaults(command=_list)

    command = commands.add_parser("show", help="show what a component or pipeline takes and gives")
    command.add_argument("name", metavar="NAME")
    command.set_defaults(command=_show)

    command = commands.add_parser("run", help="run a pipeline on this machine")
    command.add_argument("name", metavar="PIPELINE", help="a name of `holdfast list`, or a YAML")
    command.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE")
    command.add_argument("--runner", choices=["venv", "docker"], default="venv")
    command.add_argument("--output", type=Path, default=Path("output"), metavar="DIR")
    command.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    command.set_defaults(command=_run)

    command = commands.add_parser("serve", help="serve a model on this machine (KServe V1 and V2)")
    command.add_argument("name", metavar="MODEL", help="a model's directory, or a registered name")
    command.add_argument("--version", default="champion", help="of a registered name, or an alias")
    command.add_argument("--model-name", default="", help="the name in the addresses")
    command.add_argument("--host", default="127.0.0.1")
    command.add_argument("--port", type=int, default=8080)
    command.add_argument("--fallback", default="", help="a model's directory, or a constant")
    command.add_argument("--runner", choices=["venv", "docker"], default="venv")
    command.add_argument("--output", type=Path, default=Path("output"), metavar="DIR")
    command.set_defaults(command=_serve)

    command = commands.add_parser("environments", help="make the environments of families")
    command.add_argument("family", nargs="*", metavar="FAMILY", help=", ".join(FAMILIES))
    command.add_argument("--python", action="store_true", help="print the path of each Python")
    command.set_defaults(command=_environments)
    return parser


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
    from holdfast.local.pipeline import load_spec

    for kind in ("components", "pipelines"):
        path = files.compiled(kind).get(options.name)
        if path is not None:
            _describe(options.name, kind, path, load_spec(path))
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
    else:
        parameters = spec.root.input_definitions.parameters
        given = [f"{key}=..." for key in sorted(parameters) if not parameters[key].is_optional]
        print(f"  holdfast run {name} " + " ".join(f"-p {item}" for item in given))
        print(f"  kfp run create -e holdfast -f {path} " + " ".join(given))


def _describe_line(name: str, kind: str, description: str) -> None:
    print(f"  {name:16} {kind:24} {description}".rstrip())


def type_of(entry: Any) -> str:
    """Return the Python name of a parameter's type in the compiled YAML."""
    from kfp.pipeline_spec.pipeline_spec_pb2 import ParameterType

    return TYPES[ParameterType.ParameterTypeEnum.Name(entry.parameter_type)]


def _plain(value: Any) -> Any:
    from google.protobuf import json_format

    plain = json_format.MessageToDict(value)
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain


def _run(options: argparse.Namespace) -> int:
    from holdfast.local.pipeline import load_spec, run_pipeline

    spec = load_spec(_pipeline_file(options.name))
    arguments, places = _with_absolute_paths(parse_parameters(options.parameter, spec))
    progress = Progress()
    run = run_pipeline(
        spec, arguments, _runner(options.runner), options.output.resolve(), places, progress.observe
    )
    reports = copy_reports(run)
    if options.json:
        print(json.dumps(run.document(), indent=2))
    else:
        _print_summary(run, reports)
    if run.error:
        print(f"holdfast: {run.error}", file=sys.stderr)
    return run.exit_code


def _pipeline_file(name: str) -> Path:
    known = files.compiled("pipelines")
    if name in known:
        return known[name]
    if Path(name).suffix in (".yaml", ".yml") and Path(name).is_file():
        return Path(name)
    raise InputError(
        f"PIPELINE must be one of {list(known)}, or a compiled YAML file. Found: {name!r}."
    )


def _runner(name: str) -> "Runner":
    if name == "docker":
        from holdfast.local.docker import DockerRunner

        return DockerRunner()
    from holdfast.local.venv import VenvRunner

    return VenvRunner(announce=lambda message: print(message, file=sys.stderr, flush=True))


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
        value = json.loads(text.lower() if kind == "bool" else text)
        if type(value).__name__ != kind.split(maxsplit=1)[0]:
            raise ValueError(text)
    except ValueError as error:
        raise InputError(f"-p {name} must be of type {kind}. Found: {text!r}.") from error
    return value


def _with_absolute_paths(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], "Places"]:
    """Return the arguments with local paths resolved, and what tasks may reach of this machine.

    A parameter that is called uri names what is read; one that ends so, what is read or written.
    Without a scheme both are paths.
    """
    from holdfast.local.runner import Places

    resolved = dict(arguments)
    read: list[Path] = []
    written: list[Path] = []
    for name, value in arguments.items():
        parts = urlsplit(value) if name == "uri" or name.endswith("_uri") else None
        if not value or parts is None or parts.scheme not in ("", "file"):
            continue
        path = Path(unquote(parts.path) if parts.scheme else value).resolve()
        # A slash at the end says that a folder is meant.
        resolved[name] = str(path) + "/" * value.endswith("/")
        there = next(p for p in (path, *path.parents) if p.exists())
        (read if name == "uri" else written).append(there)
    # What is replaced is written beside it first.
    folders = (path if path.is_dir() else path.parent for path in written)
    return resolved, Places(tuple(read), tuple(p for p in folders if p != Path("/")))


class Progress:
    """Prints each step as it starts and ends, on stderr."""

    def observe(self, run: "Run", task: "TaskRun") -> None:
        """Print the state of a task."""
        number = run.tasks.index(task) + 1
        label = f"[{number:2}/{max(run.steps, number)}] {task.name:18}"
        live = sys.stderr.isatty()
        if task.status == "RUNNING":
            print(f"{label} running", end="\r" if live else "\n", file=sys.stderr, flush=True)
        else:
            state = task.status.lower()
            print(f"{label} {state:10} {task.seconds:6.1f} s", file=sys.stderr, flush=True)


def copy_reports(run: "Run") -> dict[str, Path]:
    """Copy the run's reports to names that a browser opens; return them by output."""
    suffixes = {"system.HTML": ".html", "system.Markdown": ".md"}
    reports = {}
    for task in run.tasks:
        for name, value in task.outputs.items():
            suffix = suffixes.get(value["type"], "") if _is_artifact(value) else ""
            if suffix:
                copy = run.folder / "reports" / f"{task.name}-{name}{suffix}"
                copy.parent.mkdir(exist_ok=True)
                # Not a link: a browser tells the type by the name of what it leads to.
                shutil.copyfile(value["uri"], copy)
                reports[value["uri"]] = copy
    return reports


def _is_artifact(value: object) -> bool:
    return isinstance(value, Mapping) and set(value) == {"type", "uri", "metadata"}


def _print_summary(run: "Run", reports: Mapping[str, Path]) -> None:
    from holdfast.local.runner import variables_of

    store = variables_of(run.output)["MLFLOW_TRACKING_URI"]
    print(f"\n{run.pipeline} {run.status.lower()} in {run.seconds:.1f} s")
    shown = {name: text for name, text in _outputs(run.outputs, reports).items() if text}
    for name, text in shown.items():
        print(f"  {name:20} {text}")
    if run.tasks:
        print(f"  {'all reports':20} {run.folder / 'reports'}")
        print(f"  {'logs':20} {run.folder / 'logs'}")
    if "model_version" in run.outputs:
        print(f"  {'tracking store':20} {without_password(store)}")
        if store.startswith("sqlite:"):
            uvx = Path(sys.executable).with_name("uvx")
            mlflow = f"mlflow@{_locked_mlflow()}"
            print(f"  {'look at it':20} {uvx} {mlflow} ui --backend-store-uri {store}")


def _outputs(outputs: Mapping[str, Any], reports: Mapping[str, Path]) -> dict[str, str]:
    """Return parameters, then metrics with their intervals, then artifacts, each by name."""
    parameters, metrics, artifacts = {}, {}, {}
    for name, value in sorted(outputs.items()):
        if _is_artifact(value):
            place = reports.get(value["uri"], value["uri"])
            artifacts[name] = "" if value["type"] == "system.Metrics" else str(place)
        elif not isinstance(value, float):
            parameters[name] = str(value)
        elif not name.endswith(("_low", "_high")):
            ends = [outputs.get(f"{name}_{end}") for end in ("low", "high")]
            interval = f"  ({ends[0]:.4g} to {ends[1]:.4g})" if None not in ends else ""
            metrics[name] = f"{value:.6g}{interval}"
    return parameters | metrics | artifacts


def _locked_mlflow() -> str:
    """Return the version that wrote the store; another one may not open it."""
    found = re.search(r"^mlflow-skinny==(\S+)", files.lock("registry").read_text(), re.MULTILINE)
    return found[1] if found else "latest"


def _serve(options: argparse.Namespace) -> NoReturn:
    from holdfast.local.serve import serve

    told = {"host": options.host, "port": options.port, "model-name": options.model_name}
    folder, second = Path(options.name).resolve(), Path(options.fallback).resolve()
    if folder.is_dir():
        told["model-dir"] = folder
    else:
        told |= {"registered": options.name, "version": options.version}
    places = [folder] if folder.is_dir() else []
    if options.fallback:
        places += [second] if second.is_dir() else []
        told["fallback"] = second if second.is_dir() else options.fallback
    arguments = [f"--{name}={value}" for name, value in told.items()]
    serve(options.runner, options.output.resolve(), arguments, places)


def _environments(options: argparse.Namespace) -> int:
    unknown = [family for family in options.family if family not in FAMILIES]
    if unknown:
        raise InputError(f"FAMILY must be one of {list(FAMILIES)}. Found: {unknown}.")
    for family in options.family or FAMILIES:
        python = environments.ensure(family, lambda text: print(text, file=sys.stderr, flush=True))
        if options.python:
            print(python)
    return 0


def _not_run(pipeline: str, error: HoldfastError) -> dict[str, Any]:
    """Return the document of a run that never began."""
    from holdfast.local.pipeline import Run

    return Run(pipeline, 0, Path(), "FAILED", error=str(error)).document()


if __name__ == "__main__":
    main()
