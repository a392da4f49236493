"""What a runner does: bring one task's command to an end in the environment of its image."""

import os
import signal
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TextIO

# What a task may need to know of this machine, by how the names begin. A container gets no other; a
# process of the venv runner gets this process's own as well, but those that would lead it astray.
PASSED_ON = (
    "ALERTMANAGER_",
    "AWS_",
    "HOLDFAST_",
    "HOOK_",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "KFP_",
    "KUBE",
    "MLFLOW_",
    "NO_PROXY",
    "PG",
    "PUSHGATEWAY_",
    "SLACK_",
    "SMTP_",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
# As a shell tells it, and as Python does.
KILLED = (128 + signal.SIGKILL, -signal.SIGKILL)


@dataclass(frozen=True)
class Places:
    """Absolute paths on this machine that tasks read, and folders that they write to."""

    read: tuple[Path, ...] = ()
    written: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Task:
    """One task: its image, KFP's command and variables, its output folder and other places."""

    image: str
    command: list[str]
    variables: Mapping[str, str]
    output: Path
    places: Places = Places()


class Runner(Protocol):
    """The interface of the venv and the Docker runner."""

    def prepare(self, images: Collection[str]) -> None:
        """Make ready what the images need.

        Raises:
            MachineError: This machine lacks something.
            InputError: The runner can't run one of the images.
        """

    def run(self, task: Task, log: TextIO) -> int:
        """Run a task, write what it prints to `log`, and return its exit code."""


def tell_if_killed(exit_code: int, log: TextIO) -> int:
    """Add to the log of a task that was killed what may have killed it; return its exit code."""
    if exit_code in KILLED:
        log.write(
            "MachineError: The step must be left to end. Found: it was killed (SIGKILL), as Linux "
            "does where memory is used up. Give it more memory, or fewer rows.\n"
        )
    return exit_code


def variables_of(output: Path) -> dict[str, str]:
    """Return the variables that every task gets, with a local MLflow store unless one is named."""
    passed = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    # As in the images: MLflow reports to its makers unless it is told not to.
    own = {"MLFLOW_DISABLE_TELEMETRY": "true"}
    return {"MLFLOW_TRACKING_URI": f"sqlite:///{output / 'mlflow.db'}", **own, **passed}
