"""What the authoring tests share: the command line as a user calls it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """Return stdout as the one JSON document that it must be."""
        return json.loads(self.stdout)


def holdfast(*arguments: str | Path, cwd: Path = ROOT, **variables: str) -> Result:
    """Call the command line in a process of its own."""
    command = [sys.executable, "-m", "holdfast.cli", *map(str, arguments)]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MLFLOW_"))}
    done = subprocess.run(
        command, cwd=cwd, env={**kept, **variables}, capture_output=True, text=True
    )
    return Result(done.returncode, done.stdout, done.stderr)


def train(uri: str | Path, target: str, output: Path, *more: str, **variables: str) -> Result:
    """Run the training pipeline with --json."""
    return holdfast(
        "run", "training", "--json", "--output", output,
        "-p", f"uri={uri}", "-p", f"target={target}", *more, **variables,
    )  # fmt: skip


def tasks(result: Result) -> dict[str, dict[str, Any]]:
    """Return the tasks of a run by name."""
    return {task["name"]: task for task in result.document["tasks"]}


def family_python(family: str) -> Path:
    """Return the Python of a family's environment."""
    from holdfast.local import environments

    return environments.ensure(family, print)
