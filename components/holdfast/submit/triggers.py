"""When a schedule is due: KFP's cron, periods and times, checked before anything is sent."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.errors import InputError

# robfig/cron v1, which KFP reads them with: seconds first, and no 7 for Sunday.
FIELDS = (
    ("second", 0, 59),
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 6),
)
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
LONGEST = 366 * 86400
PART = re.compile(r"(?P<low>\*|\?|\w+)(?:-(?P<high>\w+))?(?:/(?P<step>\d+))?")
SHORT = re.compile(r"(?=.)(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
ISO = re.compile(
    r"P(?=.)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.IGNORECASE
)


@dataclass(frozen=True)
class Trigger:
    """When runs are due: by `cron`, or every so many `seconds`; from `start` on, until `end`."""

    cron: str = ""
    seconds: int = 0
    start: datetime | None = None
    end: datetime | None = None

    def __str__(self) -> str:
        text = f"cron {self.cron}" if self.cron else f"every {timedelta(seconds=self.seconds)}"
        text += f" from {self.start.isoformat()}" if self.start else ""
        return text + (f" until {self.end.isoformat()}" if self.end else "")

    def document(self) -> dict[str, Any]:
        """Return it as JSON data."""
        times = {"start": self.start, "end": self.end}
        return {
            "cron": self.cron,
            "seconds": self.seconds,
            **{name: time.isoformat() if time else "" for name, time in times.items()},
        }


def trigger(cron: str, every: str, start: datetime | str = "", end: datetime | str = "") -> Trigger:
    """Return the trigger that texts describe.

    Args:
        cron: Six fields, seconds first, in the time zone of KFP's controller (UTC unless its
            operator chose another).
        every: A period such as 90m, 1d12h, or P1D and PT1H in ISO 8601.
        start: A time in ISO 8601 with a zone; nothing is due before it.
        end: Likewise; nothing is due after it.

    Raises:
        InputError: One of them is not that, or both of `cron` and `every` are given, or none.
    """
    if bool(cron) == bool(every):
        raise InputError(
            f"A schedule must have one of `cron` and `every`. Found: {'both' if cron else 'none'}. "
            f"For example `cron` 0 30 3 * * * (at 03:30:00), or `every` 1d."
        )
    first, last = moment("start", start), moment("end", end)
    if first and last and last <= first:
        raise InputError(f"`end` must be after `start`. Found: {last} and {first}.")
    return Trigger(_checked_cron(cron) if cron else "", seconds(every) if every else 0, first, last)


def seconds(every: str) -> int:
    """Return a period's length in whole seconds."""
    found = SHORT.fullmatch(every) or ISO.fullmatch(every)
    parts = [int(part or 0) for part in found.groups()] if found else [0]
    length = sum(n * unit for n, unit in zip(parts, (604800, 86400, 3600, 60, 1), strict=False))
    if not 1 <= length <= LONGEST:
        raise InputError(
            f"`every` must be a period from 1 s to 366 d. Found: {every!r}. Write it as 1h, 1d12h, "
            f"P1D or PT30M; months and years differ in length, so use `cron` for these."
        )
    return length


def moment(name: str, value: datetime | str) -> datetime | None:
    """Return a time in UTC, None for an empty text."""
    if not value:
        return None
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
        if time.tzinfo is None:
            raise ValueError
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(
            f"`{name}` must be a time with its zone. Found: {str(value)!r}. Write it as "
            f"2026-12-01T03:30:00Z."
        ) from None


def _checked_cron(text: str) -> str:
    """Return a cron expression that KFP reads as people do."""
    fields = text.split()
    if len(fields) == 5:
        # KFP takes it, and reads it as seconds, minutes, hours, day and month.
        raise InputError(
            f"`cron` must have six fields, the first for seconds. Found: {text!r}, which KFP would "
            f"read with {fields[0]!r} as seconds. For what five fields usually mean, write "
            f"'0 {' '.join(fields)}'."
        )
    if len(fields) != 6:
        raise InputError(
            f"`cron` must have six fields: seconds, minutes, hours, day of month, month, day of "
            f"week. Found: {text!r}. For example 0 30 3 * * * (every day at 03:30:00)."
        )
    for field, (name, low, high) in zip(fields, FIELDS, strict=True):
        values(field, name, low, high)
    return " ".join(fields)


def values(field: str, name: str, low: int, high: int) -> frozenset[int]:
    """Return the values of one field of a cron expression.

    Raises:
        InputError: KFP would not take it.
    """
    names = {"month": (MONTHS, 1), "day of week": (DAYS, 0)}.get(name, ([], 0))
    known = {word: number for number, word in enumerate(names[0], names[1])}
    found: set[int] = set()
    for part in field.split(","):
        match = PART.fullmatch(part)
        every = bool(match) and match["low"] in "*?"  # type: ignore[index]
        try:
            if match is None or (every and match["high"]):
                raise ValueError
            first = low if every else _number(match["low"], known)
            last = high if every or (match["step"] and not match["high"]) else first
            last = _number(match["high"], known) if match["high"] else last
            step = int(match["step"] or 1)
            if not low <= first <= last <= high or step < 1:
                raise ValueError
        except ValueError:
            sunday = " Sunday is 0." if name == "day of week" else ""
            raise InputError(
                f"`cron` must have a {name} from {low} to {high} as *, A, A-B, A-B/STEP or several "
                f"with commas. Found: {part[:40]!r}.{sunday} Correct it."
            ) from None
        found |= set(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, known: dict[str, int]) -> int:
    if text.lower() in known:
        return known[text.lower()]
    if not (text.isascii() and text.isdigit()):
        raise ValueError(text)
    return int(text)
