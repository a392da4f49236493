"""What a step costs that does nothing: our runners beside bare processes, containers and kfp's own.

The second run of the step in one process, so that neither kfp's import nor a first look at the
engine counts; for bare commands, the whole command. kfp's default component installs kfp by pip at
the start of each step: from the index in a new environment (`kfp-venv`), or a look that it is there
already (`kfp-subprocess`). Those need the network. In the rows that end in -same kfp runs our step,
which installs nothing. CPU and memory of containers are not seen here.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from holdfast.images import image
from tests.bench import peers
from tests.bench.frame import WORK, Case, Comparison, Group, Size
from tests.bench.processes import Found, module, run

DEFAULT = "@dsl.component def default() -> str, "


def comparisons(size: Size) -> Sequence[Comparison]:
    """Return both runners."""
    return [
        Comparison("process", "a no-op step as a process", processes, (WORK,)),
        Comparison("container", "a no-op step as a container", containers, (WORK,)),
    ]


def processes(folder: Path) -> list[Case]:
    """Return the venv runner, and what runs processes."""
    ours = "run_pipeline(nothing, VenvRunner()), as holdfast run does"
    return [
        Case("venv", ours, partial(step, "venv", folder), peers.AUTHORING),
        Case("python", "python -c pass", partial(python, "pass"), "data", "python"),
        Case("executor", "python -c 'import kfp.dsl.executor_main'",
             partial(python, "import kfp.dsl.executor_main"), "data", "kfp"),
        Case("kfp-subprocess-same", "nothing(), SubprocessRunner(use_venv=False)",
             partial(step, "kfp_subprocess_same", folder), peers.AUTHORING, "kfp"),
        Case("kfp-subprocess", f"{DEFAULT}SubprocessRunner(use_venv=False)",
             partial(step, "kfp_subprocess", folder), peers.AUTHORING, "kfp"),
        Case("kfp-venv", f"{DEFAULT}SubprocessRunner(use_venv=True)",
             partial(step, "kfp_venv", folder), peers.AUTHORING, "kfp", quick=False),
    ]  # fmt: skip


def containers(folder: Path) -> list[Case]:
    """Return the Docker runner, and what runs containers."""
    bare = ["docker", "run", "--rm", image("data")]
    shown = "docker run --rm holdfast-data"
    return [
        Case("docker", "run_pipeline(nothing, DockerRunner()), as holdfast run does",
             partial(step, "docker", folder), peers.DOCKER),
        Case("docker-run", f"{shown} true", partial(command, [*bare, "true"]), peers.DOCKER,
             "docker"),
        Case("docker-python", f"{shown} python -c pass",
             partial(command, [*bare, "python", "-c", "pass"]), peers.DOCKER, "docker"),
        Case("kfp-docker-same", "nothing(), DockerRunner()",
             partial(step, "kfp_docker_same", folder), peers.DOCKER, "kfp"),
        Case("kfp-docker", f"{DEFAULT}DockerRunner()", partial(step, "kfp_docker", folder),
             peers.AUTHORING, "kfp", quick=False),
    ]  # fmt: skip


def step(way: str, folder: Path) -> Found:
    """Run a step in one of the ways."""
    program = "tests.bench.work.noop"
    found = module(Path(sys.executable), program, way, folder / way, network=True)
    return Found({WORK: found.quantities[WORK]})


def python(code: str) -> Found:
    """Run a bare interpreter."""
    return command([peers.python("data"), "-c", code], {"_KFP_RUNTIME": "true"})


def command(words: Sequence[object], more: dict[str, str] | None = None) -> Found:
    """Run a command from start to end."""
    return Found({WORK: run(words, more, network=True).quantities["wall s"]})


GROUP = Group("steps", __doc__, comparisons)
