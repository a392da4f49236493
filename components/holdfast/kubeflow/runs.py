"""Start a run once. KFP knows no lock, and gives any number of runs the same name."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from holdfast.kubeflow.api import Access, TransientError

ENDED = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
NAME_LETTERS = 128
LONGEST_WAIT = 30.0


def start(kfp: Access, runs: Any, body: Any, find: Callable[[], Any]) -> Any:
    """Start a run, and return it.

    Args:
        kfp: How KFP is reached.
        runs: KFP's service of runs.
        body: What it is sent.
        find: Returns the run if it is there, else None: a try without an answer may have made it.

    Raises:
        InputError: KFP refuses it.
        MachineError: KFP does not answer.
    """
    for attempt in range(1, kfp.patience.attempts + 1):
        try:
            return kfp.once(runs.run_service_create_run, body)
        except TransientError:
            time.sleep(min(LONGEST_WAIT, kfp.patience.wait * 2 ** (attempt - 1)))
            made = find()
            if made is not None:
                return made
            if attempt == kfp.patience.attempts:
                raise
    raise AssertionError("a try returns or raises")


def earlier(kfp: Access, runs: Any, made: Any, find: Callable[[], Any]) -> Any:
    """Return the earlier of two runs that were started at once; the later terminates its own.

    Each waits until KFP has stored what both asked for, and looks again.
    """
    time.sleep(kfp.patience.settle)
    first = find() or made
    if first.run_id != made.run_id:
        kfp.call(runs.run_service_terminate_run, made.run_id)
    return first


def age(made: Any) -> tuple[datetime, str]:
    """Return what orders KFP's objects by their creation, the same for everybody."""
    identity = getattr(made, "run_id", None) or getattr(made, "recurring_run_id", "")
    return made.created_at or datetime.max.replace(tzinfo=UTC), str(identity)
