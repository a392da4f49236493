"""Rows by the window of time that they fall in."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import InputError

UNITS = {"m": "minute", "h": "hour", "d": "day", "w": "week", "month": "month"}
# Clocks of different machines differ by so much without anyone to blame.
SKEW = timedelta(minutes=5)
MAX_WINDOWS = 1000
# A window is written as the microseconds from 1970 to its start; these are no windows.
ALL, FUTURE, TIMELESS = 0, -(2**62), -(2**62) + 1
NOT_WINDOWS = (FUTURE, TIMELESS)
STAMP = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Windows:
    """How rows are cut by time.

    Args:
        column: With the time of each row; empty for one window of all rows.
        length: Such as 1h, 6h, 1d, 1w or 1month; empty for one window of all rows.
        zone: Where days begin, and what times without an offset mean, such as Europe/Berlin.
        now: What lies after it has not happened; None not to ask.
    """

    column: str = ""
    length: str = ""
    zone: str = "UTC"
    now: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what is no window.

        Raises:
            InputError: The length is none, or the zone is not known.
        """
        if self.length:
            _parsed(self.length)
        try:
            pc.assume_timezone(pa.array([0], pa.timestamp("us")), self.zone)
        except pa.ArrowInvalid as error:
            raise InputError(
                f"`time_zone` must be a name of the IANA database, such as UTC or Europe/Berlin. "
                f"Found: {self.zone!r}. Correct it."
            ) from error

    def of(self, times: pa.Array, name: str) -> pa.Array:
        """Return the window of each row as microseconds since 1970.

        Args:
            times: The column.
            name: The input's name, for error messages.

        Raises:
            InputError: The column holds no times.
        """
        aware = self.instants(times, name)
        starts = pc.fill_null(self._starts(aware), TIMELESS)
        if self.now is None:
            return starts
        late = pc.greater(aware, pa.scalar(self.now + SKEW, STAMP))
        return pc.if_else(pc.fill_null(late, False), FUTURE, starts)

    def instants(self, times: pa.Array, name: str) -> pa.Array:
        """Return times as instants; a date is its midnight.

        Raises:
            InputError: The column holds no times.
        """
        kind = times.type
        if pa.types.is_null(kind):
            return times.cast(STAMP)
        if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            raise InputError(
                f"`time` must name a column of dates or timestamps of `{name}`. Found: "
                f"{self.column!r} of type {kind}. Convert it, or name another column."
            )
        if getattr(kind, "tz", None):
            return times.cast(STAMP, safe=False)
        naive = times.cast(pa.timestamp("us"), safe=False)
        # The hour that a clock shows twice is taken as the first; one that it skips as the next.
        return pc.assume_timezone(
            naive, self.zone, ambiguous="earliest", nonexistent="latest"
        ).cast(STAMP)

    def end(self, start: int) -> datetime:
        """Return when the window that starts there ends."""
        multiple, unit = _parsed(self.length)
        local = pa.array([start], STAMP).cast(pa.timestamp("us", tz=self.zone))
        ends = pc.ceil_temporal(
            local, multiple, unit, ceil_is_strictly_greater=True,
            calendar_based_origin=unit == "hour",
        )  # fmt: skip
        return ends.cast(STAMP)[0].as_py()

    def gaps(self, starts: list[int]) -> list[int]:
        """Return the windows between the first and the last of some in which there is no row.

        Raises:
            InputError: There would be more than 1,000 windows.
        """
        if not self.length or not starts:
            return []
        held, found = set(starts), []
        place, last, number = min(starts), max(starts), 0
        while place < last:
            number += 1
            if number > MAX_WINDOWS:
                raise InputError(
                    f"`window` must cut the rows into {MAX_WINDOWS} windows at most. Found: more "
                    f"of {self.length} from {stamp(min(starts))} to {stamp(last)}. Pass a longer "
                    f"window, or fewer rows."
                )
            if place not in held:
                found.append(place)
            place = micros(self.end(place))
        return found

    def _starts(self, aware: pa.Array) -> pa.Array:
        if not self.length:
            return pc.if_else(pc.is_valid(aware), pa.scalar(ALL, pa.int64()), None)
        multiple, unit = _parsed(self.length)
        local = aware.cast(pa.timestamp("us", tz=self.zone))
        floor = pc.floor_temporal(local, multiple, unit, calendar_based_origin=unit == "hour")
        return floor.cast(STAMP).cast(pa.int64())


def make_windows(column: str, length: str, zone: str, as_of: str) -> Windows:
    """Return windows from plain values; an empty `as_of` is the clock's.

    Raises:
        InputError: One of them is not what it must be.
    """
    if not as_of:
        return Windows(column, length, zone, datetime.now(UTC))
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError as error:
        raise InputError(
            f"`as_of` must be an ISO 8601 time. Found: {as_of!r}. Pass for example "
            f"2026-11-21T06:00:00Z, or nothing for the clock's."
        ) from error
    return Windows(column, length, zone, moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def stamp(start: int) -> str:
    """Return the start of a window as text."""
    return pa.scalar(start, STAMP).as_py().strftime("%Y-%m-%dT%H:%M:%SZ")


def micros(moment: datetime) -> int:
    """Return an instant as microseconds since 1970."""
    return pa.scalar(moment, STAMP).value


def _parsed(length: str) -> tuple[int, str]:
    found = re.fullmatch(r"(\d{1,4})\s*(m|h|d|w|month)", length.strip())
    if not found or int(found[1]) < 1:
        raise InputError(
            f"`window` must be a number and m, h, d, w or month. Found: {length[:40]!r}. Pass for "
            f"example 6h or 1d, or nothing for one window of all rows."
        )
    return int(found[1]), UNITS[found[2]]
