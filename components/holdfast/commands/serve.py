"""`holdfast serve`: a model over HTTP, on this machine."""

import argparse
import os
from pathlib import Path
from typing import Any, NoReturn

from holdfast.errors import InputError


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("serve", help="serve a model on this machine (KServe V1 and V2)")
    command.add_argument("name", metavar="MODEL", help="a model's directory, or a registered name")
    command.add_argument("--version", default="champion", help="of a registered name, or an alias")
    command.add_argument("--model-name", default="", help="the name in the addresses")
    command.add_argument("--host", default="127.0.0.1")
    command.add_argument("--port", type=int, default=8080, help="0: any that is free")
    command.add_argument("--fallback", default="", help="a model's directory, or a constant")
    command.add_argument("--runner", choices=["venv", "docker"], default="venv")
    command.add_argument("--output", type=Path, default=Path("output"), metavar="DIR",
        help="where runs have their registry unless MLFLOW_TRACKING_URI is set")  # fmt: skip
    command.set_defaults(command=_serve)


def _serve(options: argparse.Namespace) -> NoReturn:
    from holdfast.local.serve import serve

    told = {"host": options.host, "port": options.port, "model-name": options.model_name}
    folder, second = Path(options.name).resolve(), Path(options.fallback).resolve()
    output = options.output.resolve()
    if folder.is_dir():
        told["model-dir"] = folder
    else:
        _require_registry(options.name, output)
        told |= {"registered": options.name, "version": options.version}
    places = [folder] if folder.is_dir() else []
    if options.fallback:
        places += [second] if second.is_dir() else []
        told["fallback"] = second if second.is_dir() else options.fallback
    arguments = [f"--{name}={value}" for name, value in told.items()]
    serve(options.runner, output, arguments, places)


def _require_registry(name: str, output: Path) -> None:
    """Refuse what is neither a directory nor can be a registered name, before anything is made."""
    expected = f"MODEL must be a model's directory or a registered name. Found: {name!r}, no"
    if os.sep in name or name.startswith("."):
        raise InputError(f"{expected} directory. Check the path.")
    store = output / "mlflow.db"
    if not os.environ.get("MLFLOW_TRACKING_URI") and not store.is_file():
        raise InputError(
            f"{expected} directory, and there is no registry at {store}. Set MLFLOW_TRACKING_URI, "
            f"or point --output to that of the run that registered it."
        )
