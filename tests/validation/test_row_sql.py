"""Conditions, keys and look-ups in SQL: which rows break them, and what they may not do."""

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.validation.expectations import Condition, ExistsInReference, Matches, Unique
from holdfast.validation.row_sql import (
    broken_by_checks,
    broken_by_key,
    broken_by_reference,
    check_of,
    require_comparable,
)


@pytest.fixture
def broken(table):
    """Return a function from columns and a condition to the rows that break it."""

    def find(columns, sql):
        given = columns if hasattr(columns, "batches") else table(columns)
        check = check_of(Condition(rule="condition", sql=sql), given.schema)
        (rows,) = broken_by_checks(given, [check])
        return rows.tolist()

    return find


@pytest.fixture
def unmatched(table):
    """Return a function from values and a pattern to the rows whose value does not match."""

    def find(values, pattern):
        given = table({"a": values})
        check = check_of(Matches(rule="matches", column="a", pattern=pattern), given.schema)
        (rows,) = broken_by_checks(given, [check])
        return rows.tolist()

    return find


def repeated(table, *columns):
    return broken_by_key(table, Unique(rule="unique", columns=list(columns))).tolist()


# Conditions.


def test_the_rows_of_which_a_condition_is_false_break_it(broken):
    assert broken({"a": [1, 5, 3, 9], "b": [2, 4, 3, 8]}, "a <= b") == [1, 3]


def test_a_condition_that_is_unknown_is_accepted_as_in_sqls_check(broken):
    assert broken({"a": [1, None, 9], "b": [2, 1, None]}, "a <= b") == []


def test_a_condition_may_ask_for_a_value(broken):
    assert broken({"a": [1, None, 3]}, "a IS NOT NULL") == [1]


ODD_NAMES = [
    "two words",
    'a "quoted" name',
    "<script>alert(1)</script>",
    "größe 色",
    "a\nb",
    "select",
    "a;b--c",
    "x" * 1000,
    "holdfast_row",
    "holdfast row",
    "holdfast 0",
    "b0",
    "rows",
    "1",
    "",
]


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: name[:10])
def test_a_column_of_any_name_can_be_used_in_double_quotes(broken, name):
    escaped = name.replace('"', '""')
    if not name:
        with pytest.raises(InputError):
            broken({name: [1, 9], "other": [0, 0]}, '"" < 5')
        return
    assert broken({"other": [0, 0], name: [1, 9]}, f'"{escaped}" < 5') == [1]


@pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: name[:10])
def test_a_key_or_a_pattern_may_have_any_name(table, name):
    given = table({"other": [1, 1, 1], name: ["x", "x", "y"]})
    assert repeated(given, name) == [1]
    check = check_of(Matches(rule="matches", column=name, pattern="x"), given.schema)
    assert [rows.tolist() for rows in broken_by_checks(given, [check])] == [[2]]


def test_names_that_differ_only_in_case_are_told_apart(broken, table):
    given = table({"id": [1, 1], "ID": [1, 9], "Id": [9, 9]})
    assert broken(given, "id < 5") == []
    assert broken(given, "ID < 5") == [1]
    assert broken(given, '"Id" < 5') == [0, 1]
    assert broken(given, "ID + id > 5") == [0]
    assert repeated(given, "id") == [1]
    assert repeated(given, "ID") == []
    assert repeated(given, "id", "ID", "Id") == []


def test_a_name_that_could_be_any_of_several_is_refused(broken):
    with pytest.raises(InputError, match=r"iD, which could be any of \['id', 'ID'\]; write one of"):
        broken({"id": [1], "ID": [2]}, "iD < 5")


def test_several_conditions_on_names_that_differ_in_case_do_not_mix(table):
    given = table({"a": [1, 9], "A": [9, 1]})
    checks = [check_of(Condition(rule="condition", sql=f"{n} < 5"), given.schema) for n in "aA"]
    assert [rows.tolist() for rows in broken_by_checks(given, checks)] == [[1], [0]]


def test_another_case_finds_the_only_column_of_that_name(broken):
    assert broken({"Fare": [1, 9]}, "fare < 5") == [1]


@pytest.mark.parametrize(
    ("sql", "match"),
    [
        ("a + 1", "BIGINT instead of true or false"),
        ("'x'", "no column of the table"),
        ("true", "no column of the table"),
        ("nope > 1", "no column of the table"),
        ("a > 1 AND nope > 1", 'column "nope" not found'),
        ("a >", "syntax error"),
        ("", "syntax error"),
        ("a > 1) OR (a < 5", "syntax error"),
        ("a > 1; DROP TABLE rows", "Only SELECT"),
        ("a > 1; SELECT 1", "more than one condition"),
        ("a > 1 GROUP BY a", "more than one condition"),
        ("a > 1 LIMIT 0", "more than one condition"),
        ("a > 1 UNION SELECT 1", "more than one condition"),
        ("a > ?", "more than one condition|parameter"),
        ("a IN (SELECT 1)", "a subquery; only the columns of a row"),
        ("EXISTS (FROM '/etc/passwd')", "a subquery"),
        ("a > (SELECT count(*) FROM read_text('/etc/passwd'))", "a subquery"),
        ("a > length(read_text('/etc/passwd'))", "read_text"),
        ("s = getenv('HOME')", "getenv"),
        ("COPY rows TO '/tmp/x'", "syntax error"),
        ("ATTACH '/tmp/x'", "no column"),
        ("sum(a) > 1", "aggregates"),
        ("sum(a) OVER () > 1", "a window"),
        ("a > #1", "a positional_reference"),
        ("COLUMNS(*) > 1", "a star"),
        ("rows.a > 1", "rows.a; name columns alone"),
        ("a > random()", "random, whose answer is not in the row"),
        ("a > RANDOM()", "random, whose answer is not in the row"),
        ("a > nextval('x')", "nextval, whose"),
        ("error('no') OR a > 1", "error, whose"),
        ("sleep_ms(10000) IS NULL OR a > 1", "sleep_ms, whose"),
        ("write_log('x') IS NULL AND a > 1", "write_log, whose"),
        ("a > 'x'", "Could not convert|Conversion"),
        ("s > 1 AND a = DATE '2026-01-01'", "Cannot compare|Conversion"),
        ("NOT " * 3000 + "(a > 0)", "depth limit"),
        ("(" * 3000 + "a > 0" + ")" * 3000, "depth limit|syntax|nested|memory"),
    ],
    ids=lambda text: text[:30],
)
def test_what_is_no_condition_on_a_row_is_refused_before_data_is_read(table, sql, match):
    schema = pa.schema([("a", pa.int64()), ("s", pa.string())])
    with pytest.raises(InputError, match=rf"(?s)`expectations` .*Found: .*({match})"):
        check_of(Condition(rule="condition", sql=sql), schema)


def test_a_condition_writes_no_file_and_reads_none(broken, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    for sql in (f"a IN (FROM '{secret}')", f"a > (SELECT 1 FROM read_csv('{secret}'))"):
        with pytest.raises(InputError):
            broken({"a": [1]}, sql)


def test_a_remark_ends_with_its_condition(broken):
    assert broken({"a": [1, 9]}, "a < 5 -- or not") == [1]


@pytest.mark.parametrize("sql", ["CAST(s AS INTEGER) > 0", "s::DATE > DATE '2026-01-01'"])
def test_a_condition_that_fails_at_some_row_is_an_input_error_that_names_no_value(broken, sql):
    with pytest.raises(InputError) as caught:
        broken({"s": ["7", "top secret"] * 2000}, sql)
    assert "Conversion Error in one of [('condition', 's')]. Use TRY_CAST" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_try_cast_lets_such_a_row_be_judged(broken):
    given = {"s": ["7", "seven", None]}
    assert broken(given, "s IS NULL OR TRY_CAST(s AS INTEGER) IS NOT NULL") == [1]


def test_a_number_too_great_for_its_type_is_an_input_error(broken):
    with pytest.raises(InputError, match="Conversion Error"):
        broken({"a": [1, 1000]}, "CAST(a AS TINYINT) > 0")


def test_whole_numbers_are_compared_to_the_last_digit(broken):
    assert broken({"a": [2**53, 2**53 + 1]}, f"a <= {2**53}") == [1]


def test_decimals_dictionaries_times_and_booleans_can_be_used(broken):
    rows = pa.table(
        {
            "d": pa.array(["0.10", "0.20"]).cast(pa.decimal128(10, 2)),
            "c": pa.array(["x", "y"]).dictionary_encode(),
            "t": pa.array([0, 1], pa.timestamp("s", tz="Asia/Tokyo")),
            "b": [True, False],
            "h": pa.array([0.5, 1.5], pa.float32()),
        }
    )
    assert broken(rows, "d = 0.1") == [1]
    assert broken(rows, "c = 'x'") == [1]
    assert broken(rows, "b") == [1]
    assert broken(rows, "h < 1") == [1]
    assert broken(rows, "t < TIMESTAMPTZ '1970-01-01 00:00:01+00'") == [1]


def test_a_time_with_a_zone_is_told_in_utc_wherever_the_machine_is(broken, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        rows = pa.table({"t": pa.array([0], pa.timestamp("s", tz="UTC"))})
        assert broken(rows, "hour(t) = 0") == []
    finally:
        monkeypatch.undo()
        time.tzset()


def test_dictionaries_that_differ_between_batches_are_read_right(broken, in_parts):
    values = ["x", "y", "z", "x", "w", "z"]
    given = in_parts({"c": pa.array(values).dictionary_encode()}, 2, 1)
    assert broken(given, "c <> 'z'") == [2, 5]


def test_rows_are_numbered_over_parts_and_batches(broken, in_parts):
    given = in_parts({"a": list(range(1000))}, 300, 7)
    assert broken(given, "a % 299 <> 0") == [0, 299, 598, 897]


def test_more_conditions_than_go_into_one_query_are_all_asked(table):
    given = table({"a": list(range(230))})
    checks = [
        check_of(Condition(rule="condition", sql=f"a <> {n}"), given.schema) for n in range(230)
    ]
    assert [rows.tolist() for rows in broken_by_checks(given, checks)] == [[n] for n in range(230)]


def test_no_condition_reads_nothing(table):
    assert broken_by_checks(table({"a": [1]}), []) == []


def test_a_table_without_rows_breaks_nothing(broken, table):
    given = table({"a": pa.array([], pa.int64())})
    assert broken(given, "a > 1") == []
    assert repeated(given, "a") == []


# Patterns.


def test_the_whole_value_has_to_match(unmatched):
    assert unmatched(["12345", "123456", "a12345", None, ""], "[0-9]{5}") == [1, 2, 4]


def test_numbers_match_as_they_are_written(unmatched):
    assert unmatched([5, 10, None], "[0-9]") == [1]


def test_quotes_in_a_pattern_are_part_of_it(unmatched):
    assert unmatched(["it's", "its"], "it's") == [1]


@pytest.mark.parametrize("pattern", ["[0-9", "(", "a(?=b)", r"(a)\1", "(a{1000}){1000}"])
def test_what_is_no_pattern_of_re2_is_refused_before_data_is_read(pattern):
    rule = Matches(rule="matches", column="a", pattern=pattern)
    with pytest.raises(InputError, match=r"`expectations` must hold regular expressions of RE2"):
        check_of(rule, pa.schema([("a", pa.string())]))


def test_a_pattern_that_hangs_other_engines_does_not_hang(unmatched):
    assert unmatched(["a" * 5000 + "b"], "(a+)+") == [0]


# Keys.


def test_of_rows_that_share_a_key_all_but_the_first_break_it(table):
    assert repeated(table({"a": [7, 8, 7, 9, 8, 7]}), "a") == [2, 4, 5]


def test_a_key_of_several_columns_is_compared_as_a_whole(table):
    given = table({"a": [1, 1, 2, 1], "b": ["x", "y", "x", "x"]})
    assert repeated(given, "a", "b") == [3]
    assert repeated(given, "a", "a") == [1, 3]


def test_rows_that_lack_a_part_of_the_key_are_not_compared(table):
    given = table({"a": [None, None, 1, 1, 1], "b": [1, 1, None, None, 2]})
    assert repeated(given, "a", "b") == []
    assert repeated(given, "a") == [3, 4]


def test_duplicates_are_found_over_batches_and_parts(in_parts):
    given = in_parts({"a": [*range(500), 499, 0, *range(500, 600)]}, 90, 4)
    assert repeated(given, "a") == [500, 501]


def test_keys_beyond_2_to_53_are_told_apart(table):
    assert repeated(table({"a": [2**53, 2**53 + 1, 2**53 + 1]}), "a") == [2]


def test_nan_is_one_key_and_so_are_both_zeros(table):
    nan = float("nan")
    assert repeated(table({"a": [nan, 0.0, nan, -0.0]}), "a") == [2, 3]


# Look-ups.


def unknown(table, columns, reference, others):
    rule = ExistsInReference(rule="exists_in_reference", columns=columns, reference_columns=others)
    require_comparable(rule, table.schema, reference.schema)
    return broken_by_reference(table, rule, reference).tolist()


def test_values_that_no_row_of_the_reference_holds_break_the_rule(table):
    reference = table({"key": [1, 2, 2, None]})
    assert unknown(table({"a": [1, 3, None, 2]}), ["a"], reference, ["key"]) == [1]


def test_several_columns_are_looked_up_together(table):
    reference = table({"x": [1, 2], "y": ["a", "b"]})
    given = table({"p": [1, 1, 2, None], "q": ["a", "b", "b", "z"]})
    assert unknown(given, ["p", "q"], reference, ["x", "y"]) == [1]


def test_a_reference_without_rows_knows_nothing(table):
    reference = table({"key": pa.array([], pa.int64())})
    assert unknown(table({"a": [1, None]}), ["a"], reference, ["key"]) == [0]


def test_numbers_of_different_widths_are_compared_by_value(table):
    reference = table({"key": pa.array([1, 2], pa.float64())})
    assert unknown(table({"a": pa.array([1, 3], pa.int16())}), ["a"], reference, ["key"]) == [1]


def test_dictionaries_are_compared_with_text(table):
    reference = table({"key": ["x", "y"]})
    given = table({"a": pa.array(["x", "z", None]).dictionary_encode()})
    assert unknown(given, ["a"], reference, ["key"]) == [1]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(pa.string(), pa.int64()), (pa.int64(), pa.string()), (pa.int64(), pa.timestamp("ms"))],
    ids=str,
)
def test_values_of_another_kind_are_refused_before_data_is_read(table, ours, theirs):
    given, reference = table({"a": pa.nulls(1, ours)}), table({"key": pa.nulls(1, theirs)})
    with pytest.raises(InputError, match=r"`reference` .*'key' of .* for 'a' of .*Read both"):
        unknown(given, ["a"], reference, ["key"])


def test_names_of_both_tables_may_be_the_same_or_odd(table):
    reference = table({'i"d': [1], "ID": [5]})
    given = table({"ID": [5, 1], 'i"d': [1, 5]})
    assert unknown(given, ['i"d'], reference, ['i"d']) == [1]
    assert unknown(given, ["ID", 'i"d'], reference, ["ID", 'i"d']) == [1]


def test_nothing_is_left_on_disk(table, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(Path(tmp_path).iterdir())
    given = table({"a": np.arange(1000) % 10})
    made = sorted(Path(tmp_path).iterdir())
    repeated(given, "a")
    assert sorted(Path(tmp_path).iterdir()) == made != before
