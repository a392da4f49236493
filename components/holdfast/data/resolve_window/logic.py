"""Turn a window of time into a condition, a key and a time."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from holdfast.errors import InputError

# Of ISO 8601's durations, those of one unit of a known length.
DURATION = re.compile(r"P(?:(?P<weeks>\d+)W|(?P<days>\d+)D|T(?P<hours>\d+)H|T(?P<minutes>\d+)M)")


# Where a source has a folder for each window.
PLACE = "{window}"
# KFP puts the time in its place, or leaves it where it can't.
UNKNOWN_TIME = re.compile(r"\{\{\$.*\}\}|\[\[.*\]\]")
# Weeks begin on Mondays.
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Window:
    """A condition over a source's columns, the name of what is made of its rows, and a time.

    `interval` is START/END by ISO 8601, which windows are put into order by.
    """

    where: str
    key: str
    as_of: str
    interval: str = ""
    uri: str = ""


def resolve(
    window_start: str,
    window_end: str,
    time_column: str,
    as_of: str,
    scheduled_time: str = "",
    uri: str = "",
) -> Window:
    """Resolve a window; see the component's arguments.

    Raises:
        InputError: A time is none, the window is empty or half open, or its column is not named.
    """
    given = time_of("as_of", as_of) if as_of else None
    if not window_start and not window_end:
        window = Window("", "window=all", _iso(given or datetime.now(UTC)))
        return replace(window, uri=uri.replace(PLACE, window.key))
    length = DURATION.fullmatch(window_start)
    if not (window_start and (window_end or length) and (time_column or PLACE in uri)):
        found = {"window_start": window_start, "window_end": window_end, "time_column": time_column}
        raise InputError(
            f"`window_start`, `window_end` and `time_column` must be given together. Found: "
            f"{found}. Give all three, or no window for all rows; a length as window_start needs "
            f"no end, and a uri with {PLACE} no column."
        )
    span = _span(length) if length else timedelta(0)
    end = time_of("window_end", window_end) if window_end else _last_end(scheduled_time, span)
    start = _before(end, span) if length else time_of("window_start", window_start)
    if start >= end:
        raise InputError(
            f"`window_start` must lie before `window_end`. Found: {_iso(start)} and {_iso(end)}. "
            f"Exchange them, or make the window longer."
        )
    key = f"window={start:%Y%m%dT%H%M%SZ}-{end:%Y%m%dT%H%M%SZ}"
    where = _condition(time_column, start, end) if time_column else ""
    interval = f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}"
    return Window(where, key, _iso(given or end), interval, uri.replace(PLACE, key))


def _last_end(scheduled_time: str, span: timedelta) -> datetime:
    """Return the end of the last window that has ended: windows follow one another in UTC."""
    unknown = not scheduled_time or UNKNOWN_TIME.fullmatch(scheduled_time)
    time = datetime.now(UTC) if unknown else time_of("scheduled_time", scheduled_time)
    return time - (time - MONDAY) % span


def time_of(parameter: str, text: str) -> datetime:
    """Return a time in UTC, cut to the second.

    Raises:
        InputError: It is none.
    """
    try:
        found = datetime.fromisoformat(text).replace(microsecond=0)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"`{parameter}` must be a time by ISO 8601, such as 2026-11-21T06:00:00Z. Found: "
            f"{text!r}. Leave `window_end` empty in a recurring run."
        ) from error


def _span(length: "re.Match[str]") -> timedelta:
    try:
        span = timedelta(**{unit: int(n) for unit, n in length.groupdict().items() if n})
    except (OverflowError, ValueError):
        # A number of thousands of digits is no int to Python.
        span = timedelta.max
    if not timedelta(0) < span < timedelta(days=100_000):
        raise InputError(
            f"`window_start` must be a length that a calendar holds. Found: {length[0]}. Take "
            f"another, such as P1D."
        )
    return span


def _before(end: datetime, span: timedelta) -> datetime:
    try:
        return end - span
    except OverflowError as error:
        raise InputError(
            f"`window_start` must be a length that a calendar holds. Found: {span}. Shorten it."
        ) from error


def _condition(column: str, start: datetime, end: datetime) -> str:
    name = '"' + column.replace('"', '""') + '"'
    # DuckDB turns a time with a zone into one without by the zone of the machine, unless told.
    time = (
        f"CASE typeof({name}) WHEN 'TIMESTAMP WITH TIME ZONE' "
        f"THEN timezone('UTC', CAST({name} AS TIMESTAMPTZ)) ELSE CAST({name} AS TIMESTAMP) END"
    )
    first, last = (f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'" for moment in (start, end))
    return f"{time} >= {first} AND {time} < {last}"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()
