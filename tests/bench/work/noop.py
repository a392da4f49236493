"""A step that does nothing, in one of many ways: python -m tests.bench.work.noop WAY FOLDER.

Prints the seconds of the step alone, as JSON: kfp is imported and the step was run once before.
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kfp import compiler, dsl, local

from holdfast.images import image

Step = Callable[[], object]
# A public image; kfp's own default is one of Python, too.
PYTHON_IMAGE = "python:3.11-slim-bookworm"


@dsl.component(base_image=image("data"), install_kfp_package=False)
def nothing():
    """Do nothing."""


@dsl.component(base_image=PYTHON_IMAGE)
def default() -> str:
    """Do nothing, as a component that is defined without any option."""
    return "done"


def ours(runner, folder: Path) -> Step:
    """Run it as `holdfast run` does."""
    from holdfast import ir
    from holdfast.local.pipeline import run_pipeline
    from holdfast.local.runner import Places

    path = folder / "nothing.yaml"
    compiler.Compiler().compile(nothing, str(path))
    spec = ir.read(path).spec()

    def step() -> None:
        done = run_pipeline(spec, {}, runner, folder, Places(), lambda *_: None)
        assert done.status == "SUCCEEDED", done.error

    return step


def venv(folder: Path) -> Step:
    """Use our venv runner."""
    from holdfast.local.venv import VenvRunner

    return ours(VenvRunner(print), folder)


def docker(folder: Path) -> Step:
    """Use our Docker runner."""
    from holdfast.local.docker import DockerRunner

    return ours(DockerRunner(), folder)


def kfp_with(runner, folder: Path, component=default) -> Step:
    """Run a component, or the one that is defined without any option, with a runner of kfp's."""
    local.init(runner, pipeline_root=str(folder), raise_on_error=True)
    return component


def kfp_subprocess(folder: Path) -> Step:
    """Use kfp's SubprocessRunner in this very environment, where pip finds kfp installed."""
    return kfp_with(local.SubprocessRunner(use_venv=False), folder)


def kfp_venv(folder: Path) -> Step:
    """Use kfp's SubprocessRunner with a new environment for each step."""
    return kfp_with(local.SubprocessRunner(use_venv=True), folder)


def kfp_subprocess_same(folder: Path) -> Step:
    """Run with kfp's SubprocessRunner what our venv runner runs."""
    return kfp_with(local.SubprocessRunner(use_venv=False), folder, nothing)


def kfp_docker_same(folder: Path) -> Step:
    """Run with kfp's DockerRunner what our Docker runner runs."""
    return kfp_with(local.DockerRunner(), folder, nothing)


def kfp_docker(folder: Path) -> Step:
    """Use kfp's DockerRunner."""
    return kfp_with(local.DockerRunner(), folder)


EVERY = (
    venv, docker, kfp_subprocess, kfp_venv, kfp_docker, kfp_subprocess_same, kfp_docker_same,
)  # fmt: skip
WAYS = {each.__name__: each for each in EVERY}


def main(way: str, folder: str) -> None:
    """Run the step twice and print the seconds of the second time."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    logging.disable(logging.WARNING)
    step = WAYS[way](Path(folder))
    step()
    start = time.perf_counter()
    step()
    print("\n" + json.dumps({"work s": time.perf_counter() - start}))


if __name__ == "__main__":
    main(*sys.argv[1:])
