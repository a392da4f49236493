"""Others' libraries to measure against, each in an environment of its own.

A peer is a folder of tests/bench/peers with the lock of what it needs; it is made the first time
that it is measured. Peers run without a network where this machine allows that, and are told not to
call home.
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from holdfast.errors import MachineError
from holdfast.local import environments, files
from tests.support import ROOT

LOCKS = Path(__file__).parent / "peers"
SILENT = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "HF_HUB_OFFLINE": "1"}


@dataclass(frozen=True)
class Measure:
    """One process: seconds of its work and of all, of processor time, and its peak memory.

    `found` is what it printed, as JSON, on its last line.
    """

    work: float
    process: float
    processor: float
    megabytes: float
    found: Any


def python(peer: str) -> Path:
    """Return the Python of a peer's environment, which is made if its lock is new.

    Raises:
        MachineError: It can't be installed here.
    """
    return environments.make(peer, LOCKS / peer / "requirements.txt", print) / "bin" / "python"


def measure(interpreter: Path, module: str, *arguments: object) -> Measure:
    """Run a module in a process of its own, and measure it from start to end.

    Raises:
        MachineError: It failed; the message ends as what it wrote did.
    """
    command = [*offline(), interpreter, "-m", module, *arguments]
    variables = {**os.environ, **SILENT, "PYTHONPATH": f"{ROOT}{os.pathsep}{files.PACKAGE.parent}"}
    with tempfile.TemporaryFile("w+") as written:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(each) for each in command], env=variables, cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=written,
        )  # fmt: skip
        assert process.stdout is not None
        printed = process.stdout.read().splitlines()
        _, code, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = code
        written.seek(0)
        if code:
            raise MachineError(f"{module} must succeed. Found: {written.read()[-400:]}")
    last = json.loads(printed[-1])
    return Measure(
        last.pop("seconds"), seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, last
    )


@cache
def offline() -> Sequence[str]:
    """Return what starts a process without a network; nothing where that is not allowed."""
    program = shutil.which("unshare")
    if program:
        command = (program, "--net")
        if not subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
            return command
    return ()
