"""What can go wrong, told apart by who can mend it.

Each class carries the exit code that a process ends with when nobody catches the error, so that a
runner, a cluster and a shell learn the same thing from a failed step. Such an error is an answer to
the user, not a defect: its message is printed without a traceback. What comes of a full disk or of
too little memory, whichever library says so, is told as a `MachineError`.
"""

import atexit
import errno
import os
import re
import signal
import sys
from collections.abc import Iterator
from types import TracebackType

# What is said of it where a library's error has no errno, or is no MemoryError.
NO_ROOM = re.compile("No space left on device|Disk quota exceeded|database or disk is full")
NO_MEMORY = re.compile("bad_alloc|[Oo]ut of [Mm]emory")


class HoldfastError(Exception):
    """Base of the errors whose message is written for the user."""

    exit_code = 1


class GateError(HoldfastError):
    """A gate stopped the run: the data or the model is not good enough."""


class InputError(HoldfastError):
    """The user's input cannot be used: the message names it, and says what to do."""

    exit_code = 2


class MachineError(HoldfastError):
    """This machine lacks something that the run needs, or a server does not answer."""

    exit_code = 3


def lack(error: BaseException, memory: bool = True) -> MachineError | None:
    """Return what the machine ran out of, if that is why an error was raised; else None.

    Args:
        error: What was raised.
        memory: Whether a lack of memory counts. Not where an artifact is read: one that lies about
            its size asks for more than any machine has.
    """
    if isinstance(error, HoldfastError):
        return None
    for each in causes(error):
        words = " ".join(without_password(str(each)).split())[-300:]
        found = f"Found: {f'{type(each).__name__}: {words}'.strip(': .')}."
        full = isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT)
        if full or NO_ROOM.search(str(each)):
            return MachineError(
                f"The step must have room on the disk for what it writes. {found} What it wrote "
                f"is not whole: free space, or give the step a larger volume, and run it again."
            )
        if memory and (isinstance(each, MemoryError) or NO_MEMORY.search(str(each))):
            return MachineError(
                f"The step must have memory for what it computes. {found} Give it more memory, or "
                f"fewer rows."
            )
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from, each once."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        yield cause
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__


def unanswered(error: BaseException) -> str:
    """Return why a server gave no whole answer, such as "Connection refused".

    Libraries wrap what the system says of it several times, each in words of its own.
    """
    chain = list(causes(error))
    said = [each.strerror for each in chain if isinstance(each, OSError) and each.strerror]
    return str(said[-1]) if said else type(chain[-1]).__name__


def first_line(error: object) -> str:
    """Return the first line of an error, or of what it says; its type where it says nothing.

    What a library says further down may quote the user's data.
    """
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _answer(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    told = lack(error) or error
    if not isinstance(told, HoldfastError):
        _others(kind, error, trace)
        return
    # A component's own kind of error is told as the one of this module that it is.
    known = next(each for each in type(told).__mro__ if each.__module__ == __name__)
    print(f"{known.__name__}: {told}", file=sys.stderr)
    _codes.append(told.exit_code)


def _leave() -> None:
    """End with the code of the answer, once all others have tidied up.

    The interpreter still holds the error's frames then, and libraries that are taken apart under
    them (DuckDB's nanobind) complain of leaks in many lines after the answer.
    """
    if _codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_codes[0])


def _stop_when_told() -> None:
    """Let SIGTERM end the first process of a container, where the kernel leaves it unheard.

    The C library's `_exit` takes it, so that the exit code is the signal's number: a handler in
    Python would wait until a computation in C has ended. Servers put theirs in its place.
    """
    import ctypes

    library = ctypes.CDLL(None)
    library.signal(signal.SIGTERM, library._exit)


def without_password(text: str) -> str:
    """Return text in which URIs name no user and no password."""
    return re.sub(r"//\S*@", "//", text)


def shown(uri: str) -> str:
    """Return a URI as it may be shown and kept: no user, no password, no signature."""
    if not re.match(r"(?:https?|postgres(?:ql)?)://", uri, re.IGNORECASE):
        return without_password(uri) if "://" in uri else uri
    return without_password(uri).partition("#")[0].partition("?")[0]


_codes: list[int] = []
# What is registered first is called last.
atexit.register(_leave)
_others = sys.excepthook
# KFP's executor lets a component's exception end the process, so the hook is the one place that
# sees every uncaught error in a step, on every runner.
sys.excepthook = _answer
# Any other process stops at once when it is told to: what it writes appears whole or not at all.
if os.getpid() == 1:
    _stop_when_told()
