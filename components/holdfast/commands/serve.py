"""`holdfast serve`: a model over HTTP, on this machine."""

import argparse
from pathlib import Path
from typing import Any, NoReturn


def add(commands: Any) -> None:
    """Add the command."""
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
