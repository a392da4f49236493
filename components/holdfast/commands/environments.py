"""`holdfast environments`: what the venv runner runs in, made ahead of a run."""

import argparse
import sys
from typing import Any

from holdfast.errors import InputError
from holdfast.images import FAMILIES
from holdfast.local import environments


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("environments", help="make the environments of families")
    command.add_argument("family", nargs="*", metavar="FAMILY", help=", ".join(FAMILIES))
    command.add_argument("--python", action="store_true", help="print the path of each Python")
    command.set_defaults(command=_environments)


def _environments(options: argparse.Namespace) -> int:
    unknown = [family for family in options.family if family not in FAMILIES]
    if unknown:
        raise InputError(f"FAMILY must be one of {list(FAMILIES)}. Found: {unknown}.")
    for family in options.family or FAMILIES:
        python = environments.ensure(family, lambda text: print(text, file=sys.stderr, flush=True))
        if options.python:
            print(python)
    return 0
