"""A task that the kernel killed: on either runner its log says what may have done it."""

import pytest

from holdfast.images import image
from holdfast.local.answers import code_of
from holdfast.local.docker import DockerRunner
from holdfast.local.runner import Runner, Task
from holdfast.local.venv import VenvRunner

SAID = "MachineError: The step must be left to end. Found: it was killed (SIGKILL), as Linux does"


def log_of(runner: Runner, folder, command: str) -> tuple[int, str]:
    """Run a shell's command as a task, and return its exit code and its log."""
    runner.prepare([image("data")])
    with (folder / "log").open("w+") as log:
        code = runner.run(Task(image("data"), ["sh", "-c", command], {}, folder), log)
        log.seek(0)
        return code, log.read()


def test_a_killed_process_is_told_with_what_may_have_killed_it(tmp_path):
    code, log = log_of(VenvRunner(print), tmp_path, "kill -9 $$")
    assert code == -9
    assert log.startswith(SAID)


def test_a_killed_child_of_kfps_shell_is_told_too(tmp_path):
    code, log = log_of(
        VenvRunner(print), tmp_path, "python3 -c 'import os; os.kill(os.getpid(), 9)'; exit $?"
    )
    assert code == 137
    assert SAID in log


def test_a_process_that_ends_by_itself_is_not_taken_for_killed(tmp_path):
    assert log_of(VenvRunner(print), tmp_path, "echo done; exit 4") == (4, "done\n")


@pytest.mark.docker
def test_a_killed_container_is_told_with_what_may_have_killed_it(engine, tmp_path):
    code, log = log_of(DockerRunner(), tmp_path, "kill -9 $$")
    assert code == 137
    assert SAID in log


@pytest.mark.parametrize(
    ("ended", "told"), [(-9, 3), (137, 3), (1, 1), (2, 2), (3, 3), (139, 1), (-15, 1)]
)
def test_a_run_ends_with_the_code_that_its_message_says(ended, told):
    assert code_of(ended) == told
