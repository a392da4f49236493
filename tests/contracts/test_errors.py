"""What an uncaught error leaves behind: an exit code, and a message or a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.errors import first_line

COMPONENTS = Path(__file__).resolve().parents[2] / "components"


@pytest.fixture
def end():
    """Return a function that runs code in a process of its own until it ends."""

    def run(code):
        return subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(COMPONENTS)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("no such column"), "no such column"),
        (ValueError("\nbad row\n1,alice,2\n"), "bad row"),
        (KeyError("a"), "'a'"),
        (ValueError(" \n"), "ValueError"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_the_first_line_of_an_error_is_what_it_says_or_else_its_type(error, line):
    assert first_line(error) == line


@pytest.mark.parametrize(
    ("error", "code"),
    [("HoldfastError", 1), ("GateError", 1), ("InputError", 2), ("MachineError", 3)],
)
def test_an_error_for_the_user_ends_with_its_code_and_its_message_alone(end, error, code):
    done = end(f"from holdfast import errors; raise errors.{error}('`table` is empty. Pass one.')")
    assert done.returncode == code
    assert done.stderr == f"{error}: `table` is empty. Pass one.\n"
    assert done.stdout == ""


def test_a_components_own_kind_of_error_is_told_as_what_it_is(end):
    done = end(
        "from holdfast.errors import InputError\n"
        "class Passing(InputError): pass\n"
        "raise Passing('Later.')"
    )
    assert (done.returncode, done.stderr) == (2, "InputError: Later.\n")


def test_any_other_error_is_a_defect_and_keeps_its_traceback(end):
    done = end("import holdfast.errors; raise ValueError('surprise')")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.stderr.endswith("ValueError: surprise\n")


def test_an_error_for_the_user_hides_the_error_that_caused_it(end):
    done = end(
        "from holdfast.errors import InputError\n"
        "try:\n    {}['x']\nexcept KeyError as error:\n    raise InputError('No x.') from error\n"
    )
    assert (done.returncode, done.stderr) == (2, "InputError: No x.\n")


def test_an_error_that_is_caught_does_not_end_the_process(end):
    done = end(
        "from holdfast.errors import HoldfastError, InputError\n"
        "try:\n    raise InputError('x')\nexcept HoldfastError:\n    print('on')\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")


def test_others_tidy_up_before_the_process_ends_with_the_answers_code(end):
    done = end(
        "from holdfast.errors import InputError\n"
        "import atexit, threading\n"
        "atexit.register(print, 'tidied')\n"
        "threading.Thread(target=print, args=('waited for',)).start()\n"
        "raise InputError('No x.')"
    )
    assert (done.returncode, done.stderr) == (2, "InputError: No x.\n")
    assert sorted(done.stdout.split("\n")) == ["", "tidied", "waited for"]
