"""Wait until an InferenceService is as wished, and say meanwhile what it lacks."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from holdfast.deployment.inference_service import InferenceService
from holdfast.deployment.services import InferenceServices

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
    """What became of it: `code` is empty where it is as wished, else timeout, deleted or invalid.

    `service` is the last state seen, None if there is none any more.
    """

    code: str
    lacking: str
    service: InferenceService | None
    seconds: float

    @property
    def reached(self) -> bool:
        """Tell whether it is as wished."""
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
        MachineError: The API server does not answer, or does not allow to get or watch it.
    """
    start = time.monotonic()
    told, told_at, last = "", start, service
    while True:
        for state in _states(services, last, patience, start):
            spent = time.monotonic() - start
            if state is None or state.uid != service.uid:
                return Outcome("deleted", "somebody deleted it meanwhile", state, spent)
            last = state
            missing = lacking(state)
            if not missing:
                return Outcome("", "", state, spent)
            if missing != told or time.monotonic() - told_at > WINDOW:
                say(f"{service.name} after {spent:.0f} s of {patience.seconds:g} s: {missing}")
                told, told_at = missing, time.monotonic()
            # The state before may have been refused, too: what it says is not of this spec.
            if _hopeless(state) and state.status != service.status:
                return Outcome("invalid", missing, state, spent)
            if spent >= patience.seconds:
                return Outcome("timeout", missing, state, spent)
        time.sleep(patience.pause)


def _states(
    services: InferenceServices, service: InferenceService, patience: Patience, start: float
) -> Iterator[InferenceService | None]:
    """Yield the state now, and the later ones for a while."""
    now = services.get(service.name)
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
