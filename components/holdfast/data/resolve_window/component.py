"""KFP interface of resolve_window."""

from typing import NamedTuple

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def resolve_window(
    window_start: str = "",
    window_end: str = "",
    time_column: str = "",
    as_of: str = "",
    scheduled_time: str = "",
    uri: str = "",
) -> NamedTuple("Outputs", where=str, key=str, as_of=str, interval=str, uri=str):
    """Say which rows of a source lie in a window of time, and what to name what is made of them.

    A run that is tried again for the same window gets the same answer, and so can write the same
    bytes to the same place. In a recurring run, window_start is a length, such as P1D, and
    scheduled_time dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER: each run has the last window that
    had ended when it was due, also one that comes late. Where KFP puts no time into the
    placeholder's place, it is now. Times without an offset are UTC, as a column's are.

    Args:
        window_start: The first moment that belongs to it, ISO 8601, or how long before window_end
            that is: P1D, P2W or PT6H. Empty with window_end: all rows.
        window_end: The first moment that no longer belongs to it, ISO 8601. Empty, with a length:
            the end of the last window of that length before scheduled_time; days begin at midnight
            UTC, weeks on Mondays.
        time_column: The column with the time or date of each row; text must be ISO 8601. Needed
            with a window, unless uri has a folder for each.
        as_of: The time to write beside results, ISO 8601. Empty for the end of the window, or now
            where there is none; then switch caching off for this step.
        scheduled_time: When the run was due, ISO 8601; empty or an unfilled placeholder for now.
        uri: A source in which {window} stands for the key of a window, such as
            s3://bucket/predictions/{window}/.

    Returns:
        where: A SQL condition for ingest_table's where; empty without a window.
        key: window=START-END in UTC, such as window=20261120T000000Z-20261121T000000Z, or
            window=all: as part of a path, it makes a Hive partition.
        as_of: The time to write beside results, ISO 8601 in UTC.
        interval: START/END by ISO 8601, for what remembers windows; empty without a window.
        uri: The source of this window.
    """
    from holdfast.data.resolve_window import logic

    found = logic.resolve(window_start, window_end, time_column, as_of, scheduled_time, uri)
    return (found.where, found.key, found.as_of, found.interval, found.uri)
