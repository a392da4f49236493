"""The command line: a module of `holdfast.commands` for each command."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from holdfast import __version__
from holdfast.commands import diff, environments, lint, run, schedule, serve, show, submit
from holdfast.errors import HoldfastError

COMMANDS = (show, run, submit, schedule, lint, diff, serve, environments)


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
        if hasattr(options, "refused"):
            options.refused(options, error)
        print(f"holdfast: {error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("holdfast: interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("holdfast", description="Kubeflow Pipelines for tables.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    main()
