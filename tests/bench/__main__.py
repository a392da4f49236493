"""Measure what the spine promises: python -m tests.bench [run] [step].

run: the training pipeline on Adult, on each runner, against the same work as one plain script.
step: a no-op component in the data image under the Docker runner against `docker run --rm true`.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from kfp import compiler, dsl

from holdfast.images import image
from holdfast.local import environments, files
from tests.conftest import REAL_DATA
from tests.support import ROOT, train

LOCK = Path(__file__).with_name("requirements.txt")


@dsl.component(base_image=image("data"), install_kfp_package=False)
def nothing():
    """Do nothing."""


def main(wanted: list[str]) -> None:
    """Run the benchmarks that are named, or all."""
    for name, bench in (("run", bench_run), ("step", bench_step)):
        if not wanted or name in wanted:
            bench()


def bench_run(repeats: int = 5) -> None:
    """Compare whole runs; environments and images exist."""
    table = REAL_DATA / "adult.parquet"
    plain = report("plain script, one process", repeats, lambda folder: plain_script(table, folder))
    for runner in ("venv", "docker"):
        report(
            f"holdfast run training --runner {runner}",
            repeats,
            lambda folder, runner=runner: run(table, folder, runner),
            plain,
        )


def bench_step(repeats: int = 9) -> None:
    """Compare one empty step with a bare container."""
    from holdfast import ir
    from holdfast.local.docker import DockerRunner
    from holdfast.local.pipeline import run_pipeline
    from holdfast.local.runner import Places

    runner = DockerRunner()
    command = ["docker", "run", "--rm", image("data"), "true"]
    bare = report(" ".join(command), repeats, lambda _: subprocess.run(command, check=True))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "nothing.yaml")
        compiler.Compiler().compile(nothing, path)
        spec = ir.read(Path(path)).spec()

        def step(output: Path) -> None:
            done = run_pipeline(spec, {}, runner, output, Places(), lambda *_: None)
            assert done.status == "SUCCEEDED", done.error

        report("a no-op component, Docker runner", repeats, step, bare)


def report(
    name: str, repeats: int, work: Callable[[Path], object], base: float | None = None
) -> float:
    """Print and return the median seconds of some work, each time in a folder of its own."""
    seconds = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            work(Path(folder))
            seconds.append(time.perf_counter() - start)
    middle = median(seconds)
    ratio = f"{middle / base:6.2f} x" if base else ""
    spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
    print(f"{name:44} {middle:7.2f} s  ({spread}) {ratio}", flush=True)
    return middle


def plain_script(table: Path, folder: Path) -> None:
    """Run the yardstick in the environment that holds all libraries."""
    python = environments.make("bench", LOCK, print) / "bin" / "python"
    paths = f"{ROOT}{os.pathsep}{files.PACKAGE.parent}"
    command = [python, "-m", "tests.bench.plain_script", table, "class", folder]
    variables = {**os.environ, "PYTHONPATH": paths}
    subprocess.run(command, env=variables, check=True, capture_output=True)


def run(table: Path, folder: Path, runner: str) -> None:
    """Run the pipeline as a user does."""
    result = train(table, "class", folder, "--runner", runner)
    assert result.code == 0, result.stderr


if __name__ == "__main__":
    main(sys.argv[1:])
