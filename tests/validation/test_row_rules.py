"""Rules that rows break: told with their share, a few values, and set aside if so asked."""

import pyarrow as pa
import pytest

from holdfast.errors import InputError


def only(verdict):
    (reason,) = verdict.reasons
    return reason


TEN = {"id": [1, 2, 2, 4, 5, 6, 7, 8, 9, 10], "fare": [5, 9, 1, 0, 3, 3, 3, 3, 3, 3]}
BROKEN = [
    ("{rule: unique, columns: [id]}", "unique", "id", 1),
    ('{rule: condition, sql: "fare > 0 AND fare < 9"}', "condition", "fare", 2),
    ("{rule: matches, column: fare, pattern: '[135]'}", "matches", "fare", 2),
]
KEPT = [
    "{rule: unique, columns: [id, fare]}",
    '{rule: condition, sql: "fare >= 0"}',
    "{rule: matches, column: fare, pattern: '[0-9]'}",
]


@pytest.mark.parametrize("text", KEPT)
def test_a_rule_that_is_kept_is_not_told(rule, text):
    assert rule(TEN, text).decision == "pass"
    assert rule(TEN, text).reasons == ()


@pytest.mark.parametrize(("text", "code", "subject", "rows"), BROKEN)
def test_a_rule_that_is_broken_is_told_with_the_share_of_the_rows(rule, text, code, subject, rows):
    verdict = rule(TEN, text)
    reason = only(verdict)
    assert (verdict.decision, reason.effect) == ("fail", "fail")
    assert (reason.code, reason.subject, reason.share) == (code, subject, rows / 10)
    assert reason.observed == f"{rows} rows ({rows * 10}.00%)"
    assert reason.message == f"{rows} of 10 rows break the rule {code} on {subject}"


def test_what_was_expected_is_told(rule):
    told = [only(rule(TEN, text)).expected for text, *_ in BROKEN]
    assert told == ["no two rows with the same values", "fare > 0 AND fare < 9", "matches [135]"]


@pytest.mark.parametrize(
    ("policy", "decision"), [("fail", "fail"), ("warn", "warn"), ("quarantine", "warn")]
)
def test_a_broken_rule_has_the_effect_of_its_policy(rule, policy, decision):
    for text, *_ in BROKEN:
        verdict = rule(TEN, f"{text[:-1]}, policy: {policy}}}")
        assert (verdict.decision, only(verdict).effect) == (decision, policy)


def test_a_look_up_that_fails_is_told(rule, table):
    reference = str(table({"key": [1, 2, 4, 5, 6, 7, 8]}).path)
    text = "{rule: exists_in_reference, columns: [id], reference_columns: [key]}"
    reason = only(rule(TEN, text, reference=reference))
    assert (reason.code, reason.share, reason.examples) == ("exists_in_reference", 0.2, ("9", "10"))
    assert reason.expected == "found in key of the reference"


def test_a_look_up_that_succeeds_is_not_told(rule, table):
    reference = str(table({"key": TEN["id"]}).path)
    text = "{rule: exists_in_reference, columns: [id], reference_columns: [key]}"
    assert rule(TEN, text, reference=reference).decision == "pass"


def test_the_reference_may_be_another_teams_file(rule, tmp_path):
    (tmp_path / "known.csv").write_text("key\n" + "\n".join(map(str, TEN["id"])) + "\n")
    text = "{rule: exists_in_reference, columns: [id], reference_columns: [key]}"
    assert rule(TEN, text, reference=str(tmp_path / "known.csv")).decision == "pass"


def test_a_reference_that_is_not_there_is_refused(rule, tmp_path):
    text = "{rule: exists_in_reference, columns: [id], reference_columns: [key]}"
    with pytest.raises(InputError, match="`reference` must be a table"):
        rule(TEN, text, reference=str(tmp_path / "absent"))


def test_up_to_five_different_values_are_shown(rule):
    reason = only(rule({"a": [9, 9, 8, 7, 6, 5, 4, 3]}, '{rule: condition, sql: "a < 3"}'))
    assert reason.examples == ("9", "8", "7", "6", "5")


def test_values_of_the_rules_columns_are_shown_together(rule):
    columns = {"a": [1, 5], "b": [2, 4], "other": ["private", "secret"]}
    reason = only(rule(columns, '{rule: condition, sql: "a <= b"}'))
    assert reason.examples == ("a=5, b=4",)


def test_a_row_is_never_shown_whole(rule):
    columns = {name: [f"{name}1", f"{name}1"] for name in "abcdef"}
    reason = only(rule(columns, "{rule: unique, columns: [a, b, c, d, e, f]}"))
    assert reason.examples == ("a=a1, b=b1, c=c1",)


def test_long_values_are_cut(rule):
    reason = only(rule({"a": ["x" * 10_000]}, "{rule: condition, sql: \"a = 'y'\"}"))
    assert reason.examples == ("x" * 100,)


def test_missing_values_are_shown_as_none(rule):
    reason = only(rule({"a": [None, 1]}, '{rule: condition, sql: "a IS NOT NULL"}'))
    assert reason.examples == ("None",)


def test_the_example_of_a_row_far_behind_is_found(rule):
    reason = only(rule({"a": [*range(5000), -7]}, '{rule: condition, sql: "a >= 0"}'))
    assert (reason.examples, reason.share) == (("-7",), 1 / 5001)


def test_rules_on_a_sensitive_column_show_no_value(rule):
    for text, *_ in BROKEN:
        reason = only(rule(TEN, text, sensitive=("id", "fare")))
        assert reason.examples == ("(not shown: sensitive)",)


def test_one_sensitive_column_hides_the_examples_of_a_rule_on_several(rule):
    columns = {"a": [1, 5], "b": [2, 4]}
    reason = only(rule(columns, '{rule: condition, sql: "A <= B"}', sensitive=("b",)))
    assert reason.examples == ("(not shown: sensitive)",)


def test_a_condition_that_cannot_be_decided_for_some_row_names_no_value(rule):
    with pytest.raises(InputError) as caught:
        rule({"s": ["1", "top secret"]}, '{rule: condition, sql: "CAST(s AS INTEGER) > 0"}')
    assert "secret" not in str(caught.value)


def test_all_rows_may_break_a_rule(rule):
    reason = only(rule({"a": [1, 2]}, '{rule: condition, sql: "a > 5"}'))
    assert (reason.share, reason.observed) == (1.0, "2 rows (100.00%)")


def test_rows_of_a_plain_csv_are_judged(rule, tmp_path):
    from holdfast.table import open_table

    (tmp_path / "t.csv").write_text("a,b\n1,2\n5,4\n")
    reason = only(rule(open_table(tmp_path / "t.csv"), '{rule: condition, sql: "a <= b"}'))
    assert reason.examples == ("a=5, b=4",)


def test_decimals_and_dictionaries_of_other_teams_are_judged(rule, in_parts):
    rows = pa.table(
        {
            "d": pa.array(["0.10", "0.25", "0.10"]).cast(pa.decimal128(10, 2)),
            "c": pa.array(["x", "y", "x"]).dictionary_encode(),
        }
    )
    given = in_parts(rows, 2, 1)
    verdict = rule(given, '{rule: condition, sql: "d < 0.2"}, {rule: unique, columns: [c, d]}')
    assert [(r.code, r.examples) for r in verdict.reasons] == [
        ("condition", ("0.25",)),
        ("unique", ("c=x, d=0.10",)),
    ]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (pa.array([1, 7, 7], pa.timestamp("ns")), "1970-01-01 00:00:00.000000007"),
        (pa.array([1, 7, 7], pa.time64("ns")), "00:00:00.000000007"),
        (pa.array([0.5, 1.5, 1.5], pa.float32()).cast(pa.float16()), "1.5"),
        (pa.array(["a", "b", "b"]).cast(pa.string_view()), "b"),
        (pa.array(["a", "b", "b"], pa.large_string()), "b"),
        (pa.array([1, 2**64 - 1, 2**64 - 1], pa.uint64()), "18446744073709551615"),
        (pa.array([True, False, False]), "false"),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_types_of_every_kind_are_judged_shown_and_set_aside(
    validation, in_parts, tmp_path, values, shown
):
    rules = (
        "rules: [{rule: unique, columns: [a], policy: quarantine},"
        ' {rule: condition, sql: "a IS NOT NULL"}]'
    )
    given = in_parts({"a": values}, 2, 1)
    result = validation(given, expectations=rules, max_quarantine_share=1.0)
    (reason,) = result.verdict.reasons
    assert (reason.examples, result.aside.rows.tolist()) == ((shown,), [2])
    written = result.write_rows(tmp_path / "accepted", tmp_path / "quarantine")
    assert (written.accepted.rows, written.quarantine.rows) == (2, 1)


def test_numbers_too_long_for_duckdb_are_refused_where_a_rule_names_them(judge, in_parts):
    given = in_parts({"a": pa.array([1], pa.decimal256(60, 2)), "b": [1]}, 1, 1)
    with pytest.raises(InputError, match=r"numbers of up to 38 digits .*'a' of decimal256"):
        judge(given, expectations="rules: [{rule: unique, columns: [a]}]")
    assert judge(given, expectations="rules: [{rule: unique, columns: [b]}]").decision == "pass"
