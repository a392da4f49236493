"""`holdfast run`: a pipeline on this machine, step by step, and what came of it."""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from holdfast import ir
from holdfast.commands.parameters import parse_parameters, pipeline_file
from holdfast.errors import HoldfastError, InputError, without_password
from holdfast.local import files

if TYPE_CHECKING:
    from holdfast.local.pipeline import Run, TaskRun
    from holdfast.local.runner import Places, Runner


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("run", help="run a pipeline on this machine")
    command.add_argument("name", metavar="PIPELINE", help="a name of `holdfast list`, or a YAML")
    command.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE",
                         help="a parameter of the pipeline (`holdfast show PIPELINE` lists them); "
                         "lists and mappings as JSON")  # fmt: skip
    command.add_argument("--runner", choices=["venv", "docker"], default="venv",
                         help="venv: each step in the environment made from its image's lock; "
                         "docker: in its image (venv)")  # fmt: skip
    command.add_argument("--output", type=Path, default=Path("output"), metavar="DIR",
                         help="for artifacts, reports, logs, MLflow's store (output)")  # fmt: skip
    command.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    command.set_defaults(command=_run, refused=_refused)


def _run(options: argparse.Namespace) -> int:
    from holdfast.local.pipeline import run_pipeline

    spec = ir.read(pipeline_file(options.name)).spec()
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


def _runner(name: str) -> "Runner":
    if name == "docker":
        from holdfast.local.docker import DockerRunner

        return DockerRunner()
    from holdfast.local.venv import VenvRunner

    return VenvRunner(announce=lambda message: print(message, file=sys.stderr, flush=True))


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
        if not isinstance(value, str) or not value or not f"_{name}".endswith("_uri"):
            continue
        try:
            parts = urlsplit(value)
        except ValueError as error:
            raise InputError(f"-p {name} must be a path or an address. Found: {error}.") from error
        if parts.scheme not in ("", "file"):
            continue
        path = Path(unquote(parts.path) if parts.scheme else value).resolve()
        # A slash at the end says that a folder is meant.
        resolved[name] = str(path) + "/" * value.endswith("/")
        there = next(p for p in (path, *path.parents) if p.exists())
        (read if name == "uri" else written).append(there)
    # What is replaced is written beside it first.
    folders = (path if path.is_dir() else path.parent for path in written)
    root = Path("/")
    return resolved, Places(
        tuple(path for path in read if path != root), tuple(p for p in folders if p != root)
    )


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


def _refused(options: argparse.Namespace, error: HoldfastError) -> None:
    """Print the document of a run that never began, where one was asked for."""
    from holdfast.local.pipeline import Run

    if options.json:
        run = Run(options.name, 0, Path(), "FAILED", error=str(error))
        print(json.dumps(run.document(), indent=2))
