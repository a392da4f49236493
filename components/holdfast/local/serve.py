"""Serve a model on this machine: the predictor in its environment, or in its image."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from holdfast.errors import MachineError
from holdfast.images import image
from holdfast.local import environments
from holdfast.local.runner import variables_of
from holdfast.local.venv import LEFT_OUT

MODULE = "holdfast.serving.predictor"


def serve(runner: str, output: Path, arguments: Sequence[str], places: Sequence[Path]) -> NoReturn:
    """Become the predictor: signals and the exit code are its own.

    Args:
        runner: venv or docker.
        output: Where the MLflow store is that is meant unless MLFLOW_TRACKING_URI names another.
        arguments: What the predictor is told.
        places: What it reads of this machine.

    Raises:
        MachineError: This machine lacks the environment or Docker.
    """
    variables = variables_of(output)
    if runner == "docker":
        _docker(variables, arguments, [*places, *([output] if output.is_dir() else [])])
    python = str(environments.ensure("serving", print))
    kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    told = kept | variables | {"PYTHONNOUSERSITE": "1"}
    os.execve(python, [python, "-m", MODULE, *arguments], told)  # noqa: S606  # no shell


def _docker(
    variables: dict[str, str], arguments: Sequence[str], places: Sequence[Path]
) -> NoReturn:
    # Values of variables stay out of the list of processes.
    named = [part for name in variables for part in ("--env", name)]
    mounts = [part for place in places for part in ("--volume", f"{place}:{place}")]
    user = f"{os.getuid()}:{os.getgid()}"
    command = ["docker", "run", "--rm", "--init", "--network", "host", "--user", user, *named,
               *mounts, image("serving"), "python", "-m", MODULE, *arguments]  # fmt: skip
    try:
        os.execvpe("docker", command, os.environ | variables)  # noqa: S606, S607  # no shell
    except FileNotFoundError as error:
        raise MachineError(
            "--runner docker needs Docker's command. Found: none on the PATH. Install it, or use "
            "--runner venv."
        ) from error
