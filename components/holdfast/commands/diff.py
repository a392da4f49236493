"""`holdfast diff`: what has changed between two compiled files, and whether it breaks."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.diff.changes import FileDiff, next_major
from holdfast.diff.compare import compare_paths, revision
from holdfast.diff.output import as_json, as_markdown, as_text
from holdfast.errors import InputError
from holdfast.local import files

FORMATS = {"text": as_text, "json": as_json, "markdown": as_markdown}


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "diff",
        help="compare compiled YAML: breaking, compatible, cosmetic",
        description="Compare two compiled files or folders, or a folder with a revision of git. "
        "Exits with 0 when nothing breaks or the version allows it, 1 when something breaks "
        "without a new major version (below 1.0.0: a new minor), 2 for a wrong call.",
    )
    command.add_argument(
        "paths", metavar="OLD NEW", nargs="*", type=Path, help="two files, or two folders"
    )
    command.add_argument(
        "--since", metavar="REV", help="compare compiled/, or the one folder given, with a revision"
    )
    command.add_argument("--format", choices=sorted(FORMATS), default="text")
    command.add_argument("--old-version", metavar="VERSION", help="instead of the images' tag")
    command.add_argument("--new-version", metavar="VERSION", help="instead of the images' tag")
    command.set_defaults(command=_diff)


def _diff(options: argparse.Namespace) -> int:
    for name in ("old_version", "new_version"):
        version = getattr(options, name)
        if version is not None and not next_major(version):
            raise InputError(
                f"--{name.replace('_', '-')} must be a version such as 1.4.0. Found: {version!r}."
            )
    found = [_with_versions(file, options) for file in _compared(options)]
    print(FORMATS[options.format](found), end="")
    return 1 if any(file.forbidden for file in found) else 0


def _compared(options: argparse.Namespace) -> list[FileDiff]:
    if options.since is None:
        if len(options.paths) != 2:
            found = len(options.paths)
            raise InputError(
                f"diff must be given OLD and NEW, or --since REV. Found: {found} paths."
            )
        return compare_paths(*options.paths)
    if len(options.paths) > 1:
        raise InputError("--since must be given one folder at most. Found: OLD and NEW.")
    folder = options.paths[0] if options.paths else files.root() / "compiled"
    if not folder.is_dir():
        raise InputError(f"--since compares a folder of a checkout. Found: none at {folder}.")
    with revision(folder, options.since) as old:
        return compare_paths(old, folder)


def _with_versions(file: FileDiff, options: argparse.Namespace) -> FileDiff:
    return replace(
        file,
        old_version=options.old_version or file.old_version,
        new_version=options.new_version or file.new_version,
    )
