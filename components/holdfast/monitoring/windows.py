"""Windows of time by their name, and spans of time as people write them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator

from holdfast.errors import InputError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def span(text: object) -> timedelta:
    """Return a span written as a number and s, m, h, d or w.

    Raises:
        ValueError: It is something else.
    """
    if isinstance(text, timedelta):
        return text
    found = re.fullmatch(r"(\d{1,6})\s*([smhdw])", text.strip()) if isinstance(text, str) else None
    if not found:
        raise ValueError("must be a span such as 30m, 6h, 7d or 2w")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


# In documents: the text that `span` takes.
Span = Annotated[timedelta, BeforeValidator(span)]


def start_of(window: str) -> datetime | None:
    """Return when a window starts, None if its name does not say.

    It may be an ISO 8601 date or time, or an interval START/END; without an offset it is UTC.
    """
    try:
        start = datetime.fromisoformat(window.split("/", maxsplit=1)[0].strip())
    except ValueError:
        return None
    return start.astimezone(UTC) if start.tzinfo else start.replace(tzinfo=UTC)


def require_start(name: str, window: str) -> datetime:
    """Return when a window starts.

    Raises:
        InputError: The name of the window does not say.
    """
    start = start_of(window)
    if start is None:
        raise InputError(
            f"`{name}` must be the start of the window as an ISO 8601 date or time, or "
            f"START/END, so that windows have an order. Found: {window[:60]!r}. Pass for example "
            f"2026-11-21 or 2026-11-21T06:00:00Z."
        )
    return start
