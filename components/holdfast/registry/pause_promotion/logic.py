"""Pause the promotions of a model, or end the pause."""

from dataclasses import dataclass
from datetime import UTC, datetime

from holdfast.errors import InputError
from holdfast.registry.pausing import set_pause
from holdfast.report import Paragraph, Report
from holdfast.tracking import check_name, tracking

# MLflow cuts longer tags.
REASON_LETTERS = 2000


@dataclass(frozen=True)
class Pause:
    """Whether promotions are paused now, and why."""

    model_name: str
    paused: bool
    reason: str


def pause(model_name: str, reason: str, paused: bool) -> Pause:
    """Set or end the pause.

    Raises:
        InputError: No reason is given, or there is no such model.
        MachineError: MLflow does not answer.
    """
    check_name("model_name", model_name)
    if not reason.strip() or len(reason) > REASON_LETTERS:
        raise InputError(
            f"`reason` must say why, in at most {REASON_LETTERS} letters. Found: {len(reason)}. "
            f"Whoever is kept from promoting will ask."
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with tracking() as client:
        set_pause(client, model_name, f"Since {now}: {reason}" if paused else "")
    return Pause(model_name, paused, reason)


def report(pause: Pause) -> Report:
    """Return what was done as a page."""
    state = "paused" if pause.paused else "allowed again"
    title = f"Promotions of {pause.model_name} are {state}"
    return Report(title, "", (Paragraph(pause.reason),))
