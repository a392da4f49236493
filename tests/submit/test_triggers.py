"""When a schedule is due, as people write it."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tests.properties  # noqa: F401 - how many examples, and without a deadline
from holdfast.errors import InputError
from holdfast.submit.triggers import FIELDS, seconds, trigger, values


@pytest.mark.parametrize(
    ("text", "length"),
    [("45s", 45), ("90m", 5400), ("1h", 3600), ("1d12h", 129600), ("2w", 1209600),
     ("P1D", 86400), ("PT1H30M", 5400), ("P1W", 604800), ("P1DT1S", 86401), ("pt5m", 300)],
)  # fmt: skip
def test_a_period_is_read(text, length):
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "0s", "1", "1y", "P", "PT", "P1M", "P1Y", "-1h", "1.5h",
                                  "367d", "1h1d", "h", "9" * 500 + "d"])  # fmt: skip
def test_what_is_no_fixed_period_is_refused(text):
    with pytest.raises(InputError, match="`every` must be a period"):
        seconds(text)


@pytest.mark.parametrize(
    "cron",
    ["0 30 3 * * *", "0 */15 * * * *", "0 0 9-17/2 ? * MON-FRI", "0 0 0 1,15 jan-mar *",
     "5/20 * * * * 0,6"],
)  # fmt: skip
def test_six_fields_are_taken_as_they_are(cron):
    assert trigger(cron, "").cron == cron


def test_five_fields_are_refused_with_six_suggested():
    with pytest.raises(InputError, match=r"six fields.*write '0 30 3 \* \* 1'"):
        trigger("30 3 * * 1", "")


@pytest.mark.parametrize(
    "cron",
    ["60 * * * * *", "0 0 24 * * *", "0 0 0 0 * *", "0 0 0 * 13 *", "0 0 0 * * 7", "0 0 0 L * *",
     "0 5-3 * * * *", "0 */0 * * * *", "0 *-3 * * * *", "0 0 0 * * mon-", "0 1,,2 * * * *",
     "@daily", "* * * *", "0 0 0 * * * 2026", "0 \u0663 * * * *"],
)  # fmt: skip
def test_what_kfp_would_not_take_is_refused(cron):
    with pytest.raises(InputError, match="`cron` must have"):
        trigger(cron, "")


def test_seven_is_no_sunday():
    with pytest.raises(InputError, match="Sunday is 0"):
        trigger("0 0 3 * * 7", "")


def test_a_field_gives_its_values():
    assert values("1-10/3", "hour", 0, 23) == {1, 4, 7, 10}
    assert values("20/2", "hour", 0, 23) == {20, 22}
    assert values("sat,SUN", "day of week", 0, 6) == {0, 6}
    assert values("?", "month", 1, 12) == frozenset(range(1, 13))


@given(st.text(max_size=30))
def test_any_text_is_a_cron_or_refused(text):
    with contextlib.suppress(InputError):
        assert len(trigger(text, "" if text else "1h").cron.split()) in (0, 6)


@given(st.sampled_from(FIELDS), st.data())
def test_a_range_gives_what_lies_within(field, data):
    name, low, high = field
    first = data.draw(st.integers(low, high))
    last = data.draw(st.integers(first, high))
    step = data.draw(st.integers(1, 70))
    assert values(f"{first}-{last}/{step}", name, low, high) == set(range(first, last + 1, step))


def test_times_need_their_zone():
    found = trigger("", "1h", "2026-12-01T03:00:00+02:00", "2027-01-01T00:00:00Z")
    assert found.start == datetime(2026, 12, 1, 1, tzinfo=UTC)
    for bad in ("2026-12-01", "2026-12-01T03:00:00", "soon", "0001-01-01T00:00:00+14:00"):
        with pytest.raises(InputError, match="`start` must be a time with its zone"):
            trigger("", "1h", bad)
    with pytest.raises(InputError, match="`end` must be after `start`"):
        trigger("", "1h", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z")


@pytest.mark.parametrize(("cron", "every"), [("", ""), ("0 0 3 * * *", "1d")])
def test_one_of_cron_and_period_is_needed(cron, every):
    with pytest.raises(InputError, match="one of `cron` and `every`"):
        trigger(cron, every)
