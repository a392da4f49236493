"""Rules on the table as a whole: bounds on statistics, and freshness."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from holdfast.errors import InputError

NAN = float("nan")
# Mean 4, population deviation sqrt(5), a fifth missing, 4 distinct values.
COLUMNS = {"n": [1, 3, 5, 7, None], "s": ["a", "b", "b", None, None]}


@pytest.mark.parametrize(
    ("text", "observed", "expected"),
    [
        ("{rule: row_count, min: 6}", "rows 5", "at least 6"),
        ("{rule: row_count, max: 4}", "rows 5", "at most 4"),
        ("{rule: mean, column: n, min: 4.5, max: 9}", "mean 4", "from 4.5 to 9"),
        ("{rule: mean, column: n, max: 3.9}", "mean 4", "at most 3.9"),
        ("{rule: std_dev, column: n, max: 2.2}", "std_dev 2.23607", "at most 2.2"),
        ("{rule: missing, column: n, max: 0.19}", "missing 0.2", "at most 0.19"),
        ("{rule: missing, column: s, max: 0.39}", "missing 0.4", "at most 0.39"),
        ("{rule: distinct, column: n, max: 3}", "distinct 4", "at most 3"),
        ("{rule: distinct, column: s, min: 3}", "distinct 2", "at least 3"),
        ("{rule: quantile, column: n, share: 0.5, max: 4}", "quantile 0.5 5", "at most 4"),
        ("{rule: quantile, column: n, share: 0, min: 2}", "quantile 0 1", "at least 2"),
        ("{rule: quantile, column: n, share: 1, max: 6}", "quantile 1 7", "at most 6"),
    ],
)
def test_a_bound_that_is_not_kept_is_told(rule, text, observed, expected):
    verdict = rule(COLUMNS, text)
    (reason,) = verdict.reasons
    assert verdict.decision == reason.effect == "fail"
    assert (reason.observed, reason.expected) == (observed, expected)
    assert reason.code == text[len("{rule: ") : text.index(",")]
    assert reason.subject == ("table" if "row_count" in text else text.split("column: ")[1][0])


@pytest.mark.parametrize(
    "text",
    [
        "{rule: row_count, min: 5, max: 5}",
        "{rule: mean, column: n, min: 4, max: 4}",
        "{rule: std_dev, column: n, min: 2.2360, max: 2.2361}",
        "{rule: missing, column: n, min: 0.2, max: 0.2}",
        "{rule: distinct, column: s, min: 2, max: 2}",
        "{rule: quantile, column: n, share: 0.5, min: 3, max: 5}",
    ],
)
def test_a_bound_that_is_just_kept_is_not_told(rule, text):
    assert rule(COLUMNS, text).decision == "pass"


def test_a_bound_may_only_warn(rule):
    assert rule(COLUMNS, "{rule: row_count, min: 6, policy: warn}").decision == "warn"


@pytest.mark.parametrize("values", [[None, None], [NAN, NAN], [float("inf"), 1.0]], ids=str)
def test_a_mean_that_is_no_number_is_outside_all_bounds(rule, values):
    given = {"a": pa.array(values, pa.float64()), "b": [1, 2]}
    for statistic in ("mean", "std_dev"):
        (reason,) = rule(given, f"{{rule: {statistic}, column: a, min: -1.0e+300}}").reasons
        assert reason.observed == f"{statistic} nan"


def test_a_quantile_of_no_values_is_outside_all_bounds(rule):
    given = {"a": pa.nulls(2, pa.float64()), "b": [1, 2]}
    assert rule(given, "{rule: quantile, column: a, share: 0.5, max: 9}").decision == "fail"


def test_great_bounds_are_shown_with_all_their_digits(rule):
    (reason,) = rule(COLUMNS, "{rule: row_count, min: 1234567}").reasons
    assert reason.expected == "at least 1234567"


@pytest.mark.parametrize("name", ["mean", "std_dev", "quantile, share: 0.5"])
def test_a_statistic_that_text_does_not_have_is_refused(rule, name):
    code = name.split(",")[0]
    with pytest.raises(InputError, match=rf"the {code} of column 's', which needs numbers"):
        rule(COLUMNS, f"{{rule: {name}, column: s, min: 0}}")


@pytest.mark.parametrize(
    "text", ["mean, column: n, max: 0", "quantile, share: 1, column: n, max: 0"]
)
def test_a_statistic_of_a_sensitive_column_is_not_shown(rule, text):
    (reason,) = rule(COLUMNS, f"{{rule: {text}}}", sensitive=("n",)).reasons
    assert reason.observed == "(not shown: sensitive)"
    assert "4" not in reason.message and "7" not in reason.message


def test_how_much_of_a_sensitive_column_is_missing_is_shown(rule):
    (reason,) = rule(COLUMNS, "{rule: missing, column: n, max: 0}", sensitive=("n",)).reasons
    assert reason.observed == "missing 0.2"


# Freshness. The latest time is 2026-01-31 12:00:00 UTC.

LATEST = datetime(2026, 1, 31, 12, tzinfo=UTC)
TIMES = [LATEST - timedelta(days=30), None, LATEST]


def fresh(rule, as_of, kind=None, hours="24"):
    kind = kind or pa.timestamp("us", tz="UTC")
    given = {"t": pa.array(TIMES, pa.timestamp("us", tz="UTC")).cast(kind), "n": [1, 2, 3]}
    return rule(given, f"{{rule: fresh, column: t, hours: {hours}}}", as_of=as_of)


@pytest.mark.parametrize(
    ("as_of", "decision"),
    [
        ("2026-02-01T12:00:00Z", "pass"),
        ("2026-02-01T12:00:01Z", "fail"),
        ("2026-02-01T12:00:00", "pass"),
        ("2026-02-01T12:00:01", "fail"),
        ("2026-02-01T14:00:00+02:00", "pass"),
        ("2026-02-01T14:00:01+02:00", "fail"),
        ("2026-02-01T06:30:01-05:30", "fail"),
        ("2026-02-01", "pass"),
        ("2026-02-02", "fail"),
        ("2020-01-01", "pass"),
    ],
)
def test_a_time_is_fresh_up_to_so_many_hours_before_as_of(rule, as_of, decision):
    assert fresh(rule, as_of).decision == decision


def test_what_is_stale_is_told_in_utc(rule):
    (reason,) = fresh(rule, "2026-02-03T14:00:00+02:00").reasons
    assert (reason.code, reason.subject) == ("fresh", "t")
    assert reason.observed == "latest 2026-01-31 12:00:00 UTC"
    assert reason.expected == "at most 24 hours before 2026-02-03 12:00 UTC"


@pytest.mark.parametrize(
    "kind", [pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("ms", "Asia/Tokyo")]
)
def test_times_of_every_kind_are_compared_in_utc(rule, kind):
    assert fresh(rule, "2026-02-01T12:00:00Z", kind).decision == "pass"
    assert fresh(rule, "2026-02-01T12:00:01Z", kind).decision == "fail"


def test_a_date_is_its_midnight(rule):
    assert fresh(rule, "2026-02-01T00:00:00Z", pa.date32()).decision == "pass"
    assert fresh(rule, "2026-02-01T00:00:01Z", pa.date32()).decision == "fail"


def test_without_as_of_the_clock_is_asked(rule):
    now = datetime.now(UTC)
    text = "{rule: fresh, column: t, hours: 1}"
    assert rule({"t": [now]}, text).decision == "pass"
    assert rule({"t": [now - timedelta(hours=2)]}, text).decision == "fail"


def test_a_column_without_times_is_not_fresh(rule):
    given = {"t": pa.nulls(2, pa.timestamp("s")), "n": [1, 2]}
    (reason,) = rule(given, "{rule: fresh, column: t, hours: 24}").reasons
    assert reason.observed == "no time at all"


def test_a_time_beyond_pythons_years_is_compared_all_the_same(rule):
    given = {"t": pa.array([-(10**12)], pa.timestamp("s"))}
    (reason,) = rule(given, "{rule: fresh, column: t, hours: 24}").reasons
    assert reason.observed.startswith("latest -29719-04-05")
    given = {"t": pa.array([10**12], pa.timestamp("s"))}
    assert rule(given, "{rule: fresh, column: t, hours: 24}").decision == "pass"


def test_the_latest_time_of_a_sensitive_column_is_not_shown(rule):
    given = {"t": pa.array(TIMES, pa.timestamp("s", tz="UTC"))}
    text = "{rule: fresh, column: t, hours: 24}"
    (reason,) = rule(given, text, sensitive=("t",), as_of="2026-03-01").reasons
    assert "01-31" not in reason.observed + reason.message


@pytest.mark.parametrize("column", ["n", "s"])
def test_what_is_no_time_cannot_be_fresh(rule, column):
    with pytest.raises(
        InputError, match=f"freshness of column '{column}', which needs dates or ti"
    ):
        rule(COLUMNS, f"{{rule: fresh, column: {column}, hours: 24}}")


@pytest.mark.parametrize(
    "as_of", ["yesterday", "2026-13-01", "31.01.2026", "0001-01-01T00:00+05:00"]
)
def test_a_time_that_is_none_is_refused(rule, as_of):
    with pytest.raises(InputError, match=r"`as_of` must be an ISO 8601 time. Found"):
        fresh(rule, as_of)
