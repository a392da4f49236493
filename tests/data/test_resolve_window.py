"""resolve_window: which rows lie in it, and what it is called."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.data.ingest_table.logic import ingest
from holdfast.data.ingest_table.rows import Reading
from holdfast.data.resolve_window.logic import resolve
from holdfast.errors import InputError

TIMES = ["2026-11-20T23:59:59", "2026-11-21T00:00:00", "2026-11-21T12:00:00", "2026-11-22T00:00:00"]
KINDS = {
    "naive": pa.timestamp("us"),
    "utc": pa.timestamp("us", tz="UTC"),
    "paris": pa.timestamp("us", tz="Europe/Paris"),
    "seconds": pa.timestamp("s"),
    "date": pa.date32(),
    "text": pa.string(),
}


def day(column="time"):
    return resolve("2026-11-21", "2026-11-22", column, "")


def test_a_window_names_its_rows_its_place_and_its_time():
    found = day()
    assert found.key == "window=20261121T000000Z-20261122T000000Z"
    assert found.as_of == "2026-11-22T00:00:00+00:00"
    assert found == day()


@pytest.mark.parametrize("start", ["P1D", "PT24H", "PT1440M", "2026-11-21T02:00:00+02:00"])
def test_a_start_may_be_a_length_or_have_an_offset(start):
    assert resolve(start, "2026-11-22", "time", "") == day()


def test_a_week_is_seven_days():
    assert resolve("P1W", "2026-11-22", "time", "").key.startswith("window=20261115T000000Z-")


def test_without_a_window_all_rows_are_meant_and_the_time_is_now():
    found = resolve("", "", "time", "")
    assert (found.where, found.key) == ("", "window=all")
    assert abs(datetime.fromisoformat(found.as_of) - datetime.now(UTC)).total_seconds() < 60


@pytest.mark.parametrize("window", [("", ""), ("P1D", "2026-11-22")])
def test_a_time_that_is_given_is_kept(window):
    assert resolve(*window, "time", "2026-11-21T06:00").as_of == "2026-11-21T06:00:00+00:00"


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (("2026-11-22", "2026-11-21", "t", ""), "`window_start` must lie before `window_end`"),
        (("2026-11-21", "2026-11-21", "t", ""), "`window_start` must lie before `window_end`"),
        (("2026-11-20", "", "t", ""), "must be given together"),
        (("P1D", "", "", ""), "must be given together"),
        (("P0D", "", "t", ""), "`window_start` must be a length"),
        (("P1D", "", "t", "", "soon"), "`scheduled_time` must be a time"),
        (("", "2026-11-21", "t", ""), "must be given together"),
        (("P1D", "2026-11-21", "", ""), "must be given together"),
        (("P1M", "2026-11-21", "t", ""), "`window_start` must be a time"),
        (("P1D", "[[ScheduledTime]]", "t", ""), "`window_end` must be a time"),
        (("P9999999D", "2026-11-21", "t", ""), "`window_start` must be a length"),
        (("P999999999999D", "2026-11-21", "t", ""), "`window_start` must be a length"),
        (("", "", "", "noon"), "`as_of` must be a time"),
    ],
)
def test_what_is_no_window_is_refused(given, match):
    with pytest.raises(InputError, match=match):
        resolve(*given)


@pytest.mark.parametrize(
    ("length", "due", "interval"),
    [
        ("P1D", "2026-11-21T02:15:00Z", "2026-11-20T00:00:00Z/2026-11-21T00:00:00Z"),
        ("P1D", "2026-11-21T00:00:00Z", "2026-11-20T00:00:00Z/2026-11-21T00:00:00Z"),
        ("P1D", "2026-11-20T23:59:59Z", "2026-11-19T00:00:00Z/2026-11-20T00:00:00Z"),
        ("PT6H", "2026-11-21T13:00:00Z", "2026-11-21T06:00:00Z/2026-11-21T12:00:00Z"),
        ("P1W", "2026-11-25T08:00:00Z", "2026-11-16T00:00:00Z/2026-11-23T00:00:00Z"),
    ],
)
def test_a_scheduled_run_has_the_last_window_that_had_ended_when_it_was_due(length, due, interval):
    found = resolve(length, "", "time", "", due)
    assert found.interval == interval
    assert found.as_of == interval[21:].replace("Z", "+00:00")


def test_runs_that_catch_up_leave_no_gap_and_take_nothing_twice():
    due = [f"2026-11-{day:02d}T03:00:00Z" for day in (18, 19, 20, 21)]
    ends = [resolve("P1D", "", "time", "", time).interval.split("/") for time in due]
    assert [start for start, _ in ends[1:]] == [end for _, end in ends[:-1]]


@pytest.mark.parametrize(
    "unfilled", ["", "{{$.pipeline_job_schedule_time_utc}}", "[[ScheduledTime]]"]
)
def test_where_nobody_tells_the_scheduled_time_it_is_now(unfilled):
    end = datetime.fromisoformat(resolve("PT1M", "", "time", "", unfilled).as_of)
    assert abs(end - datetime.now(UTC)).total_seconds() < 180


def test_a_source_may_have_a_folder_for_each_window():
    found = resolve("P1D", "2026-11-22", "", "", "", "s3://b/predictions/{window}/")
    assert found.uri == "s3://b/predictions/window=20261121T000000Z-20261122T000000Z/"
    assert found.where == ""
    assert resolve("", "", "", "", "", "s3://b/{window}/").uri == "s3://b/window=all/"


def source_of(path, kind):
    times = pa.array([datetime.fromisoformat(time) for time in TIMES] + [None], pa.timestamp("us"))
    if pa.types.is_string(kind):
        column = pa.array([*TIMES[:3], f"{TIMES[3]}Z", None])
    else:
        column = times.cast(kind)
    pq.write_table(pa.table({"row": range(5), 'the "time"': column}), path)
    return path


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_its_rows_are_those_from_its_start_to_before_its_end(kind, tmp_path):
    path = source_of(tmp_path / "rows.parquet", kind)
    reading = Reading(where=day('the "time"').where)
    table = ingest(path, tmp_path / "table", reading=reading)
    assert table.read().column("row").to_pylist() == [1, 2]


@pytest.mark.parametrize("column", ["row", "no"])
def test_where_a_source_has_no_such_times_the_parameter_is_named(column, tmp_path):
    path = source_of(tmp_path / "rows.parquet", KINDS["utc"])
    with pytest.raises(InputError, match="`time_column`, a column of times"):
        ingest(path, tmp_path / "table", reading=Reading(where=day(column).where))


def test_the_zone_of_the_machine_does_not_matter(tmp_path):
    program = (
        "import sys\n"
        "from holdfast.data.ingest_table.logic import ingest\n"
        "from holdfast.data.ingest_table.rows import Reading\n"
        "from holdfast.data.resolve_window.logic import resolve\n"
        "where = resolve('2026-11-21', '2026-11-22', 'the \"time\"', '').where\n"
        "rows = ingest(sys.argv[1], sys.argv[2], reading=Reading(where=where)).read()\n"
        "print(rows.column('row').to_pylist())\n"
    )
    path = source_of(tmp_path / "rows.parquet", KINDS["utc"])
    done = subprocess.run(
        [sys.executable, "-c", program, path, tmp_path / "table"],
        env={**os.environ, "TZ": "America/New_York"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "[1, 2]\n"
