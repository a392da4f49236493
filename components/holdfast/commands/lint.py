"""`holdfast lint`: what will go wrong in compiled YAML, before it runs."""

import argparse
import sys
from pathlib import Path
from typing import Any

from holdfast.errors import InputError


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser("lint", help="find what will go wrong in compiled YAML")
    command.add_argument("files", nargs="*", type=Path, metavar="FILE", help="or a folder")
    command.add_argument("--format", choices=["text", "json", "sarif"], default="text")
    command.add_argument(
        "--fail-on",
        choices=["error", "warning", "note"],
        default="error",
        help="exit with 1 from this severity on (default: error)",
    )
    command.add_argument(
        "--suppress",
        action="append",
        type=Path,
        metavar="FILE",
        help="suppressions with reasons (default: .holdfast-lint.yaml, if it is there)",
    )
    command.add_argument("--output", type=Path, metavar="FILE", help="write the report there")
    command.add_argument("--rules", action="store_true", help="list all rules")
    command.set_defaults(command=_lint)


def _lint(options: argparse.Namespace) -> int:
    from holdfast.lint import engine, output
    from holdfast.lint.suppressions import FILE, read_suppressions

    if options.rules:
        print(output.rules(options.format), end="")
        return 0
    if not options.files:
        raise InputError("FILE must be compiled YAML, or a folder with some. Found: nothing.")
    named = options.suppress or [Path(FILE)] * Path(FILE).is_file()
    report = engine.lint(options.files, [read_suppressions(path) for path in named])
    text = output.FORMATS[options.format](report)
    if options.output:
        _write(options.output, text)
    else:
        print(text, end="")
    return int(any(result.finding.at_least(options.fail_on) for result in report.open))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"--output must be a file. Found: {path}: {reason}.") from error
    print(f"written to {path}", file=sys.stderr)
