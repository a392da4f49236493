"""Processes that are measured from start to end, silenced, and stopped when they take too long.

All run on the same few CPUs, which this process is bound to (`pin`), and libraries are told to
start as many threads. The peak is that of the largest process: of a program that starts others, not
their sum. This process stays small, because a child's peak starts from its parent's.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from holdfast.errors import MachineError
from holdfast.local import files
from tests.support import ROOT

CPUS = 2
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS")
# Peers are told not to call home, and have no network where this machine can take it from them.
SILENT = {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
    "KEDRO_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "YDATA_PROFILING_NO_ANALYTICS": "1",
    "ZENML_ANALYTICS_OPT_IN": "false",
}
# One process may take so long; QUICK allows less (`stop_after`).
_limit = [1800.0]
_running: set[int] = set()
_stopping = threading.Event()
TOLD_LETTERS = 300


class TooLongError(MachineError):
    """A process took longer than it may; this says nothing of whether it works."""


@dataclass(frozen=True)
class Found:
    """What was measured, by quantity, and what the program said besides."""

    quantities: Mapping[str, float]
    said: Mapping[str, Any] = field(default_factory=dict)


def pin() -> int:
    """Bind this process, and so those that it starts, to a few CPUs; return how many."""
    allowed = sorted(os.sched_getaffinity(0))[:CPUS]
    os.sched_setaffinity(0, allowed)
    return len(allowed)


def stop_after(seconds: float) -> None:
    """Stop processes that take longer."""
    _limit[0] = seconds


def stop_all() -> None:
    """Stop all processes that are being measured; those who wait for them are interrupted."""
    _stopping.set()
    for group in list(_running):
        _kill(group)


def variables(more: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Return the variables of a process: silence, few threads, and this checkout's code.

    Threads of OpenMP sleep while they wait: awake they would take what the others are measured by.
    `more` adds variables, or takes away those that are None.
    """
    threads = dict.fromkeys(THREADS, str(min(CPUS, len(os.sched_getaffinity(0)))))
    path = f"{ROOT}{os.pathsep}{files.PACKAGE.parent}"
    own = {**SILENT, **threads, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": path}
    every: dict[str, str | None] = {**os.environ, **own, **(more or {})}
    return {name: value for name, value in every.items() if value is not None}


def run(
    command: Sequence[object],
    more: Mapping[str, str | None] | None = None,
    *,
    network: bool = False,
    folder: Path = ROOT,
) -> Found:
    """Run a command and measure it.

    Quantities are `wall s`, `CPU s` and `peak MB`; a program that prints a JSON object as its last
    line says what its `work s` are, without imports, and may give other numbers, too.

    Raises:
        MachineError: It failed (TooLongError: or was stopped); the message says how it ended.
    """
    isolated = () if network else offline()
    _go_on()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            [*isolated, *map(str, command)], env=variables(more), cwd=folder, stdout=out,
            stderr=err, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        _running.add(process.pid)
        try:
            code, used = _wait(process, limit := _limit[0])
        finally:
            _running.discard(process.pid)
        seconds = time.perf_counter() - start
        printed, told = (_text(each) for each in (out, err))
    _go_on()
    if seconds >= limit and code:
        raise TooLongError(f"It took longer than {limit:.0f} s, and was stopped.")
    if code:
        end = " ".join((told.strip() or printed.strip())[-TOLD_LETTERS:].split())
        raise MachineError(f"It ended with code {code}: {end}")
    whole = {
        "wall s": seconds, "CPU s": used.ru_utime + used.ru_stime, "peak MB": used.ru_maxrss / 1024,
    }  # fmt: skip
    numbers, said = _answer(printed)
    return Found({**whole, **numbers}, said)


def module(python: Path, name: str, *arguments: object, **options: Any) -> Found:
    """Run a module in an environment and measure it."""
    return run([python, "-W", "ignore", "-m", name, *arguments], **options)


def _wait(process: "subprocess.Popen[Any]", limit: float) -> tuple[int, Any]:
    timer = threading.Timer(limit, _kill, [process.pid])
    timer.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    except BaseException:
        _kill(process.pid)
        os.waitpid(process.pid, 0)
        raise
    finally:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    # What it left behind would disturb what is measured next.
    _kill(process.pid)
    return process.returncode, used


def _go_on() -> None:
    if _stopping.is_set():
        raise KeyboardInterrupt


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read())


def _answer(printed: str) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the numbers and the other things that a program's last line gives as JSON."""
    lines = printed.strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        return {}, {}
    found = json.loads(lines[-1])
    numbers = {key: float(value) for key, value in found.items() if isinstance(value, int | float)}
    return numbers, {key: value for key, value in found.items() if key not in numbers}


@cache
def offline() -> Sequence[str]:
    """Return what starts a process without a network; nothing where that is not allowed."""
    program = shutil.which("unshare")
    if program:
        command = (program, "--net")
        if not subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
            return command
    return ()


@contextlib.contextmanager
def busy(count: int) -> Any:
    """Keep so many CPUs busy."""
    # They end with this program, however it ends.
    burn = f"import os\nwhile os.getppid() == {os.getpid()}: sum(range(100_000))"
    burners = [subprocess.Popen([sys.executable, "-c", burn]) for _ in range(count)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
