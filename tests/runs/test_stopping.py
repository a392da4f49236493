"""Steps that are stopped, killed, or run out of memory or disk, in their hardened images.

An output is there whole or not at all, and a step that is run again, beside what was left, comes to
the same bytes.
"""

import contextlib
import os
import re
import time

import docker
import pytest

from tests.runs.launcher import Call, HardenedLauncher, files

pytestmark = pytest.mark.docker

# A call of each family, by its name in executor_steps.
CALLS = {
    "data": "split_table",
    "validation": "validate_all",
    "training": "train_more",
    "evaluation": "evaluate_model",
    "registry": "fetch_model",
    "serving": "batch_predict",
    "deployment": "check_endpoint",
    "drift": "fit_drift_detector",
    "monitoring": "fit_performance_baseline",
}
# Docker kills what has not stopped by then.
GRACE_SECONDS = 5
# A share of a processor, so that a short step is still at work when it is to be stopped.
SLOWLY = {"nano_cpus": 300_000_000}
KILLED, TERMINATED = 128 + 9, 128 + 15
PAGE = 4096
NUMBER = re.compile(rb"\d+(\.\d+)?")


@pytest.fixture(params=CALLS.values(), ids=CALLS)
def call(request, hardened) -> Call:
    """Return a call that succeeded."""
    return hardened.calls[request.param]


def wait_until(container, condition) -> None:
    """Wait until something is so, or the container has ended."""
    for _ in range(10_000):
        container.reload()
        if condition() or container.status == "exited":
            return
        time.sleep(0.01)
    raise AssertionError("nothing came of the step")


def content(written: dict[str, bytes], call: Call) -> dict[str, bytes]:
    """Return what was written; of a component that measures times, without the numbers."""
    if call.name != "check_endpoint":
        return written
    return {name: NUMBER.sub(b"0", text) for name, text in written.items()}


def nothing_half(found: dict[str, bytes], whole: Call) -> None:
    """Check that each output artifact is as it was when nothing went wrong, or is not there."""
    found, given = content(found, whole), content(whole.written(), whole)
    for name in (place.name for place in whole.places):
        there = {n: b for n, b in found.items() if n == name or n.startswith(f"{name}/")}
        full = {n: b for n, b in given.items() if n == name or n.startswith(f"{name}/")}
        assert there in ({}, full), f"{name} is half there: {sorted(there)} of {sorted(full)}"


def test_a_step_that_was_stopped_and_killed_comes_to_the_same_bytes(hardened, call):
    again = call.into(f"{call.task}-again")
    working = hardened.start(again, **SLOWLY)
    wait_until(working, lambda: b"Got executor_input" in working.logs())
    working.stop(timeout=GRACE_SECONDS)
    assert hardened.finish(working).returncode == TERMINATED
    nothing_half(again.written(), call)
    writing = hardened.start(again)
    wait_until(writing, lambda: any(names for _, _, names in os.walk(again.folder)))
    # It may have ended by itself meanwhile.
    with contextlib.suppress(docker.errors.APIError):
        writing.kill()
    hardened.finish(writing)
    nothing_half(again.written(), call)
    done = hardened.execute(again)
    assert done.returncode == 0, done.stderr
    assert content(same_names(again), call) == content(call.written(), call)


def same_names(again: Call) -> dict[str, bytes]:
    """Return what a repeated call wrote, with the folder's name of the first one."""
    new, old = again.task.encode(), again.task.removesuffix("-again").encode()
    return {
        name: content.replace(b"/" + new + b"/", b"/" + old + b"/")
        for name, content in again.written().items()
    }


def test_a_full_disk_is_named_and_leaves_nothing_half(hardened, call):
    small = call.into(f"{call.task}-small")
    kept = call.into(f"{call.task}-kept").folder
    pages = sum(-(-len(content) // PAGE) for content in call.written().values())
    # What is in the small disk is gone with the container.
    keeping = ["sh", "-c", f'"$@"; code=$?; cp -r {small.folder}/. {kept}; exit $code', "sh"]
    done = hardened.finish(
        hardened.start(
            small, [*keeping, *small.command], written=[kept],
            disks={small.folder: f"size={pages * PAGE // 2},mode=1777"},
        )
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("MachineError: The step must have room on the disk")
    nothing_half(files(kept), call)


def test_too_little_memory_is_named_and_leaves_nothing_half(hardened, call):
    starved = call.into(f"{call.task}-starved")
    container = hardened.start(starved, mem_limit="24m", memswap_limit="24m")
    container.wait()
    # That it ended and why are two events.
    for _ in range(100):
        container.reload()
        if out_of_memory := container.attrs["State"]["OOMKilled"]:
            break
        time.sleep(0.1)
    done = hardened.finish(container)
    assert out_of_memory
    assert (done.returncode, done.stderr.strip()) == (KILLED, "Killed")
    assert starved.written() == {}


LAUNCHER = """
import os, signal, subprocess, sys
step = subprocess.Popen(sys.argv[1:], process_group=0)
signal.signal(signal.SIGTERM, lambda number, _: os.killpg(step.pid, number))
print("launched", os.getpid(), flush=True)
sys.exit(128 - step.wait())
"""


def test_a_step_whose_launcher_is_the_first_process_stops_with_it(hardened):
    """Argo's executor is, on a cluster: it passes signals to the group of its child."""
    call = hardened.calls["train_more"].into("launched")
    command = ["python3", "-c", LAUNCHER, *call.command]
    container = hardened.start(call, command, init=False)
    wait_until(container, lambda: b"Got executor_input" in container.logs())
    container.stop(timeout=GRACE_SECONDS)
    done = hardened.finish(container)
    assert "launched 1" in done.stdout
    assert done.returncode == TERMINATED
    assert call.written() == {}


def test_a_step_that_is_the_first_process_stops_while_it_computes(hardened: HardenedLauncher):
    """The kernel keeps a signal without a handler from it, and Python's wait for C to end."""
    call = hardened.calls["split_table"].into("first")
    program = "import os, holdfast.errors; print('is', os.getpid(), flush=True); pow(3, 10**9)"
    container = hardened.start(call, ["python3", "-c", program], init=False)
    wait_until(container, lambda: b"is 1" in container.logs())
    container.stop(timeout=GRACE_SECONDS)
    assert hardened.finish(container).returncode == 15


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("bytearray(1 << 60)", "memory for what it computes. Found: MemoryError. "),
        ("import numpy; numpy.zeros(1 << 58)", "Unable to allocate"),
        ("import pyarrow; pyarrow.allocate_buffer(1 << 58)", "Found: ArrowMemoryError: "),
    ],
)
def test_memory_that_is_refused_is_named(hardened, statement, found):
    call = hardened.calls["split_table"].into(re.sub(r"\W+", "-", statement))
    program = f"import holdfast.errors\n{statement}"
    done = hardened.finish(hardened.start(call, ["python3", "-c", program]))
    assert done.returncode == 3
    assert done.stderr.startswith("MachineError: The step must have ")
    assert found in done.stderr
