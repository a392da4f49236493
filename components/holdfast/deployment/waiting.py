"""Wait until an InferenceService is as asked for, and say meanwhile what it lacks."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from holdfast.deployment.inference_service import InferenceService
from holdfast.deployment.services import InferenceServices
from holdfast.errors import MachineError

# A watch is made anew this often, so that a dead connection is found out.
WINDOW = 30.0

Lacking = Callable[[InferenceService], str]


class InterruptedStepError(Exception):
    """The step was told to end (SIGTERM), as when a run is cancelled or its node is drained."""


@dataclass(frozen=True)
class Patience:
    """How long to wait.

    Attributes:
        seconds: Until it is given up.
        settle: For how long a state is mistrusted in which KServe may not have seen the change:
            its status does not say which generation of the object it is about.
        pause: Between a watch that broke and the next.
    """

    seconds: float = 600
    settle: float = 15
    pause: float = 1


@dataclass(frozen=True)
class Outcome:
    """What became of it: `code` is empty where it is as asked, else timeout, deleted or invalid.

    `service` is the last state seen, None if there is none any more.
    """

    code: str
    lacking: str
    service: InferenceService | None
    seconds: float

    @property
    def reached(self) -> bool:
        """Tell whether it is as asked for."""
        return not self.code


def wait(
    services: InferenceServices,
    service: InferenceService,
    lacking: Lacking,
    patience: Patience,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Wait until `lacking` says nothing of the InferenceService, and tell what it says meanwhile.

    Args:
        services: Where it is.
        service: The state to begin with.
        lacking: Says what a state lacks; empty for nothing.
        patience: How long.
        say: Takes each line of progress.

    Raises:
        MachineError: At the end, the API server does not answer, or does not allow to get it.
    """
    progress = _Progress(service.name, patience, say)
    while True:
        try:
            for state in _states(services, service.name, patience, progress.start):
                if state is None or state.uid != service.uid:
                    found = "somebody deleted it meanwhile"
                    return Outcome("deleted", found, state, progress.spent)
                missing = lacking(state)
                code = _code(state, service, missing, progress)
                if code is not None:
                    return Outcome(code, missing, state, progress.spent)
        except MachineError as error:
            # An API server that starts again is away, and then allows nothing until it has read
            # the Roles.
            if progress.over:
                raise
            progress.tell(str(error))
        time.sleep(patience.pause)


class _Progress:
    """How long it has taken, and what was told of it."""

    def __init__(self, name: str, patience: Patience, say: Callable[[str], None]) -> None:
        self.start = time.monotonic()
        self._name, self._patience, self._say = name, patience, say
        self._told, self._told_at = "", self.start

    @property
    def spent(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self.start

    @property
    def over(self) -> bool:
        """Tell whether it has taken too long."""
        return self.spent >= self._patience.seconds

    def tell(self, missing: str) -> None:
        """Say what is missing: when that changes, and now and then."""
        if missing != self._told or time.monotonic() - self._told_at > WINDOW:
            self._say(
                f"{self._name} after {self.spent:.0f} s of {self._patience.seconds:g} s: {missing}"
            )
            self._told, self._told_at = missing, time.monotonic()


def _code(
    state: InferenceService, service: InferenceService, missing: str, progress: _Progress
) -> str | None:
    """Return how the waiting ends in a state, None if it goes on; say what is missing."""
    if not missing:
        return ""
    progress.tell(missing)
    # The state before may have been refused, too: what it says is not of this spec.
    if _hopeless(state) and state.status != service.status:
        return "invalid"
    return "timeout" if progress.over else None


def _states(
    services: InferenceServices, name: str, patience: Patience, start: float
) -> Iterator[InferenceService | None]:
    """Yield the state now, and the later ones for a while."""
    now = services.get(name)
    yield now
    if now is None:
        return
    left = start + patience.seconds - time.monotonic()
    # What has not settled is looked at again even if nothing happens to it.
    yield from services.watch(now, max(0.0, min(left, WINDOW, max(patience.settle, 1.0))))


def _hopeless(service: InferenceService) -> bool:
    """Tell whether KServe refuses the spec, which no waiting mends."""
    return (service.status.get("modelStatus") or {}).get("transitionStatus") == "InvalidSpec"


def ready_as(
    before: InferenceService | None, changed: bool, share: int | None, patience: Patience
) -> Lacking:
    """Return what says how far a state is from Ready with a share of the traffic.

    Args:
        before: The state before the change.
        changed: Whether there was a change at all: then Ready must not be about the state before.
        share: The newest revision's share in percent, None for any.
        patience: For how long a state that has not moved is mistrusted.
    """
    start = time.monotonic()

    def lacking(state: InferenceService) -> str:
        if not state.ready:
            return "; ".join(state.complaints) or "no condition yet: is KServe's controller there?"
        if state.revision != str(state.predictor.get("latestReadyRevision") or ""):
            return f"revision {state.revision} is not ready yet"
        if share is not None and not state.alone and state.share not in (None, share):
            return f"revision {state.revision} has {state.share} % of the traffic, not {share} %"
        waited = time.monotonic() - start
        if changed and not state.moved_since(before) and waited < patience.settle:
            return "Ready, but KServe may not have seen the change yet"
        return ""

    return lacking


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise InterruptedStepError at SIGTERM within, so that what was begun can be undone."""

    def stop(_: int, __: FrameType | None) -> None:
        # A second one must not break the way back off.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise InterruptedStepError("the step was told to end (SIGTERM)")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, kept)
