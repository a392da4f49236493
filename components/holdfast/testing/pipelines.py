"""Run a whole pipeline in a test, with artifacts as its inputs, which kfp.local does not take."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TextIO

from kfp import dsl

from holdfast.local.pipeline import run_pipeline
from holdfast.local.runner import Places, Task
from holdfast.local.venv import VenvRunner
from holdfast.testing.errors import ComponentError
from holdfast.testing.execution import direct
from holdfast.testing.interface import Interface
from holdfast.testing.outputs import typed


class HereRunner:
    """Runs tasks by this very Python, in an empty folder; installs nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, images: Collection[str]) -> None:
        """Do nothing: no image is needed."""

    def run(self, task: Task, log: TextIO) -> int:
        """Run a task."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        (place / "work").mkdir()
        return subprocess.run(
            direct(task.command, sys.executable, place),
            cwd=place / "work",
            env={**os.environ, **task.variables, "_KFP_RUNTIME": "true"},
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        ).returncode


def run(
    interface: Interface,
    parameters: Mapping[str, Any],
    artifacts: Mapping[str, list[dsl.Artifact]],
    mode: str,
    folder: Path,
) -> dict[str, Any]:
    """Run a pipeline to its end; return its outputs.

    Raises:
        ComponentError: A step failed.
    """
    given = {
        name: each if interface.inputs[name].is_artifact_list else each[0]
        for name, each in artifacts.items()
    }
    read = tuple(Path(artifact.path) for each in artifacts.values() for artifact in each)
    done = run_pipeline(
        interface.made.pipeline_spec,
        {**parameters, **given},
        HereRunner(folder) if mode == "executor" else VenvRunner(_tell),
        folder / "run",
        Places(read),
        lambda _run, _task: None,
    )
    if done.status == "FAILED":
        raise ComponentError(interface.name, done.exit_code, done.error)
    return {name: typed(spec, done.returned.get(name)) for name, spec in interface.outputs.items()}


def _tell(words: str) -> None:
    print(words, file=sys.stderr)
