"""The venv runner: each task in the environment made from its family's lock."""

import os
import signal
import subprocess
from collections.abc import Collection
from typing import TextIO

from holdfast.errors import InputError
from holdfast.images import family_of
from holdfast.local import environments
from holdfast.local.runner import Task, tell_if_killed

# They would let this process's environment leak into the task's.
LEFT_OUT = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")

GRACE_SECONDS = 5


class VenvRunner:
    """Runs tasks as processes; needs no Docker.

    Args:
        announce: Is told when an environment is being made.
    """

    def __init__(self, announce: environments.Announce) -> None:
        self._announce = announce
        self._pythons: dict[str, str] = {}

    def prepare(self, images: Collection[str]) -> None:
        """Make the environment of each image's family."""
        for image in images:
            family = family_of(image)
            if family is None:
                raise InputError(
                    f"The venv runner runs images of Holdfast. Found: {image}. Use --runner docker."
                )
            self._pythons[image] = str(environments.ensure(family, self._announce).parent)

    def run(self, task: Task, log: TextIO) -> int:
        """Run a task; its `python3` is that of the environment."""
        inherited = {k: v for k, v in os.environ.items() if k not in LEFT_OUT}
        search = self._pythons[task.image] + os.pathsep + inherited.get("PATH", os.defpath)
        variables = {**inherited, **task.variables, "PATH": search, "PYTHONNOUSERSITE": "1"}
        process = subprocess.Popen(
            task.command,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=task.output,
            env=variables,
            start_new_session=True,
        )
        try:
            return tell_if_killed(process.wait(), log)
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a task that still runs: KFP's command is a shell, so the whole group must go."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
