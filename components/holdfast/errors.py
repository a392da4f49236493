"""What can go wrong, told apart by who can mend it.

Each class carries the exit code that a process ends with when nobody catches the error, so that a
runner, a cluster and a shell learn the same thing from a failed step. Such an error is an answer to
the user, not a defect: its message is printed without a traceback.
"""

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
        sys.__excepthook__(kind, error, trace)
        return
    print(f"{kind.__name__}: {error}", file=sys.stderr)
    sys.exit(error.exit_code)


# KFP's executor lets a component's exception end the process, so the hook is the one place that
# sees every uncaught error in a step, on every runner.
sys.excepthook = _answer
