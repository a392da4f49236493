"""What can go wrong, told apart by who can mend it.

Each class carries the exit code that a process ends with when nobody catches the error, so that a
runner, a cluster and a shell learn the same thing from a failed step. Such an error is an answer to
the user, not a defect: its message is printed without a traceback.
"""

import atexit
import os
import re
import sys
from types import TracebackType


class HoldfastError(Exception):
    """Base of the errors whose message is written for the user."""

    exit_code = 1


class GateError(HoldfastError):
    """A gate stopped the run: the data or the model is not good enough."""


class InputError(HoldfastError):
    """The user's input cannot be used: the message names it, and says what to do."""

    exit_code = 2


class MachineError(HoldfastError):
    """This machine lacks something that the run needs."""

    exit_code = 3


def _answer(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not isinstance(error, HoldfastError):
        _others(kind, error, trace)
        return
    # A component's own kind of error is told as the one of this module that it is.
    known = next(each for each in kind.__mro__ if each.__module__ == __name__)
    print(f"{known.__name__}: {error}", file=sys.stderr)
    _codes.append(error.exit_code)


def _leave() -> None:
    """End with the code of the answer, once all others have tidied up.

    The interpreter still holds the error's frames then, and libraries that are taken apart under
    them (DuckDB's nanobind) complain of leaks in many lines after the answer.
    """
    if _codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_codes[0])


def without_password(text: str) -> str:
    """Return text in which URIs name no user and no password."""
    return re.sub(r"//\S*@", "//", text)


_codes: list[int] = []
# What is registered first is called last.
atexit.register(_leave)
_others = sys.excepthook
# KFP's executor lets a component's exception end the process, so the hook is the one place that
# sees every uncaught error in a step, on every runner.
sys.excepthook = _answer
