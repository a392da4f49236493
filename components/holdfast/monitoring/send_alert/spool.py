"""Deliveries as JSON lines: what did not arrive, for a later run to send first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from holdfast.errors import InputError
from holdfast.monitoring.send_alert.state import Delivery

CONTRACT = "spool/1"


def read_spool(path: str) -> tuple[Delivery, ...]:
    """Return the deliveries of a spool, of an empty path none.

    Raises:
        InputError: It is no spool.
    """
    if not path:
        return ()
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        found = tuple(Delivery.model_validate_json(line) for line in lines if line.strip())
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise InputError(
            f"`earlier` must be the `spool` output of send_alert. Found: a file that could not be "
            f"read ({type(error).__name__}). Pass that output, or leave the input away."
        ) from error
    # Whoever held them then is gone.
    return tuple(d.model_copy(update={"holder": "", "held_until": None}) for d in found)


def write_spool(path: str | Path, deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """Write a spool, empty if there is nothing to send, and return its metadata."""
    unfinished = Path(f"{path}.unfinished")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(delivery.model_dump_json() + "\n" for delivery in deliveries)
    unfinished.write_text(text, encoding="utf-8")
    unfinished.rename(path)
    return {"holdfast_contract": CONTRACT, "deliveries": len(deliveries)}
