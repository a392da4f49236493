"""TFDV's anomalies as reasons: code, column, rows to blame, examples, effect."""

from pathlib import Path

import pyarrow as pa
import pytest

GOOD = {"id": list(range(100)), "colour": ["red", "blue"] * 50}


def findings(verdict):
    return [(reason.code, reason.subject) for reason in verdict.reasons]


def test_a_table_passes_its_own_schema(judge):
    assert judge(GOOD).decision == "pass"
    assert judge(GOOD).reasons == ()


def test_a_column_without_values_passes_its_own_schema(judge):
    columns = {**GOOD, "empty": pa.nulls(100, pa.string()), "none": pa.nulls(100)}
    assert judge(columns).decision == "pass"


def test_a_missing_column_fails(judge):
    verdict = judge({"id": GOOD["id"]}, GOOD)
    assert verdict.decision == "fail"
    assert findings(verdict) == [("schema_missing_column", "colour")]


def test_a_new_column_fails(judge):
    verdict = judge({**GOOD, "extra": GOOD["id"]}, GOOD)
    assert verdict.decision == "fail"
    assert findings(verdict) == [("schema_new_column", "extra")]
    assert verdict.reasons[0].expected == "no such column"


@pytest.mark.parametrize(
    ("kind", "found"), [(pa.float64(), "FLOAT"), (pa.string(), "STRING")], ids=str
)
def test_another_type_fails_and_both_types_are_told(judge, kind, found):
    verdict = judge({**GOOD, "id": pa.array(GOOD["id"]).cast(kind)}, GOOD)
    assert verdict.decision == "fail"
    assert findings(verdict) == [("unexpected_data_type", "id")]
    assert verdict.reasons[0].message == f"id: Expected data of type: INT but got {found}"


@pytest.mark.parametrize("tolerance", [0.01, 0.08, 0.3])
def test_unseen_text_in_as_many_rows_as_tolerated_passes(judge, tolerance):
    unseen = round(100 * tolerance)
    colours = ["green"] * unseen + ["red"] * (100 - unseen)
    assert judge({**GOOD, "colour": colours}, GOOD, tolerance=tolerance).decision == "pass"


@pytest.mark.parametrize("tolerance", [0, 0.01, 0.08, 0.3])
def test_unseen_text_in_more_rows_than_tolerated_fails_by_value(judge, tolerance):
    unseen = round(100 * tolerance) + 1
    colours = ["green"] * unseen + ["red"] * (100 - unseen)
    verdict = judge({**GOOD, "colour": colours}, GOOD, tolerance=tolerance)
    assert verdict.decision == "fail"
    assert findings(verdict) == [("enum_type_unexpected_string_values", "colour")]
    (reason,) = verdict.reasons
    assert (reason.share, reason.examples) == (unseen / 100, ("green",))
    assert reason.observed == f"Unexpected string values ({unseen}.00% of rows)"


@pytest.mark.parametrize("tolerance", [0.01, 0.08, 0.3])
def test_missing_values_in_as_many_rows_as_tolerated_pass(judge, tolerance):
    gaps = round(100 * tolerance)
    ids = [None] * gaps + list(range(100 - gaps))
    assert judge({**GOOD, "id": ids}, GOOD, tolerance=tolerance).decision == "pass"


@pytest.mark.parametrize("tolerance", [0, 0.01, 0.08, 0.3])
def test_missing_values_in_more_rows_than_tolerated_fail(judge, tolerance):
    gaps = round(100 * tolerance) + 1
    ids = [None] * gaps + list(range(100 - gaps))
    verdict = judge({**GOOD, "id": ids}, GOOD, tolerance=tolerance)
    assert verdict.decision == "fail"
    assert ("feature_type_low_fraction_present", "id") in findings(verdict)
    assert {reason.share for reason in verdict.reasons} == {gaps / 100}


def test_missing_values_where_there_were_some_pass(judge):
    gaps = {**GOOD, "id": [None, *range(99)]}
    more = {**GOOD, "id": [None] * 40 + list(range(60))}
    assert judge(more, gaps).decision == "pass"


def test_a_column_that_lost_all_its_values_fails(judge):
    verdict = judge({**GOOD, "id": pa.nulls(100, pa.int64())}, GOOD)
    assert verdict.decision == "fail"
    assert ("feature_type_not_present", "id") in findings(verdict)


def test_a_table_without_rows_fails(judge):
    verdict = judge(pa.table(GOOD).slice(0, 0), GOOD)
    assert verdict.decision == "fail"
    assert findings(verdict)[0] == ("data_missing", "table")


def test_a_range_that_a_user_wrote_is_kept_and_the_ends_are_shown(judge):
    changes = "columns: {id: {min: 10, max: 50}}"
    verdict = judge(GOOD, changes=changes)
    assert {r.code for r in verdict.reasons} == {"int_type_big_int", "int_type_small_int"}
    assert verdict.reasons[0].examples == ("0", "99")
    assert verdict.reasons[0].expected.endswith("from 10 to 50")


def test_a_number_of_rows_that_a_user_wrote_is_kept(judge, schema_of, tmp_path):
    text = Path(schema_of(GOOD)).read_text()
    (tmp_path / "s").write_text(text + "dataset_constraints { min_examples_count: 1000 }")
    verdict = judge(GOOD, schema=str(tmp_path / "s"))
    assert verdict.decision == "fail"
    assert [r.subject for r in verdict.reasons] == ["table"]
    assert verdict.reasons[0].expected == "the constraints on the whole table"


@pytest.mark.parametrize("policy", ["fail", "warn"])
def test_an_anomaly_has_the_effect_of_its_policy(judge, policy):
    verdict = judge(
        {**GOOD, "extra": GOOD["id"]}, GOOD,
        expectations=f"policies: {{schema_new_column: {policy}}}",
    )  # fmt: skip
    assert (verdict.decision, verdict.reasons[0].effect) == (policy, policy)


def test_a_policy_is_for_its_own_anomaly_only(judge):
    verdict = judge(
        {"id": GOOD["id"], "extra": GOOD["id"]}, GOOD,
        expectations="policies: {schema_new_column: warn}",
    )  # fmt: skip
    assert [(r.code, r.effect) for r in verdict.reasons] == [
        ("schema_missing_column", "fail"), ("schema_new_column", "warn"),
    ]  # fmt: skip


# Where TFDV's own statistics are too coarse.


@pytest.mark.parametrize(
    "policy", ["", "policies: {enum_type_unexpected_string_values: quarantine}"]
)
def test_many_different_unseen_strings_are_counted_to_the_last(validation, policy):
    # TFDV looks at the 1,000 most frequent strings: 997 of 10,000 rows are less than a tenth.
    now = {"s": ["x"] * 7000 + [f"odd {n}" for n in range(3000)]}
    result = validation(now, {"s": ["x", "y"]}, tolerance=0.1, expectations=policy)
    (reason, *_) = [r for r in result.verdict.reasons if r.code == "domain"]
    assert (reason.share, reason.expected) == (0.3, "one of 2 known values")
    assert result.verdict.decision == "fail"
    assert len(result.aside.rows) == (3000 if policy else 0)


def test_many_different_unseen_strings_that_are_tolerated_pass(judge):
    now = {"s": ["x"] * 18_000 + [f"odd {n}" for n in range(2000)]}
    assert judge(now, {"s": ["x", "y"]}, tolerance=0.1).decision == "pass"


@pytest.mark.parametrize("bad", [2**53 + 1, 2**63 - 1, -(2**53) - 1])
def test_a_range_is_kept_to_the_last_digit_of_whole_numbers(judge, bad):
    changes = f"columns: {{n: {{min: {-(2**53)}, max: {2**53}}}}}"
    assert judge({"n": [2**53, -(2**53)]}, changes=changes).decision == "pass"
    verdict = judge({"n": [2**53, bad]}, changes=changes)
    assert verdict.decision == "fail"
    assert verdict.reasons[0].expected.endswith("from -9007199254740992 to 9007199254740992")


def test_the_exact_range_has_the_policy_of_its_anomaly(validation):
    result = validation(
        {"n": [1, 2**53 + 1]}, changes=f"columns: {{n: {{max: {2**53}}}}}",
        expectations="policies: {int_type_big_int: quarantine}", max_quarantine_share=1.0,
    )  # fmt: skip
    assert (result.verdict.decision, result.aside.rows.tolist()) == ("warn", [1])
    assert result.verdict.reasons[0].examples == (str(2**53 + 1),)


# Few values, short, or none.


def test_up_to_five_values_are_named_however_many_there_are(validation):
    now = {"s": [f"value {n} " + "x" * 1000 for n in range(50)]}
    result = validation(now, {"s": ["a", "b"]})
    (reason,) = result.verdict.reasons
    assert [len(value) for value in reason.examples] == [100] * 5
    shown = str(result.verdict) + result.report.html() + result.report.markdown()
    assert len({n for n in range(50) if f"value {n} " in shown}) == 5


SECRET = "Mr Secret of 7 Hidden Lane"


@pytest.mark.parametrize("how", ["by the request", "by the schema"])
@pytest.mark.parametrize(
    ("good", "now", "changes"),
    [
        (["x", "y"], [SECRET, "x"], ""),
        ([1, 2], [1, 987654321], "min: 0, max: 5"),
        ([0.5, 0.25], [0.5, 987654321.5], "max: 5"),
        ([1, 2], [SECRET, "x"], ""),
        (["x", "y"], [f"{SECRET} {n}" for n in range(2000)], ""),
    ],
    ids=["domain", "range", "fraction", "type", "many"],
)
def test_no_value_of_a_sensitive_column_is_shown_anywhere(
    validation, tmp_path, how, good, now, changes
):
    mark = "sensitive: true" if how == "by the schema" else ""
    parts = ", ".join(filter(None, [changes, mark]))
    result = validation(
        {"a": now}, {"a": good}, changes=f"columns: {{a: {{{parts}}}}}",
        sensitive=("a",) if how == "by the request" else (),
    )  # fmt: skip
    assert result.verdict.decision == "fail"
    result.verdict.write(tmp_path / "verdict")
    result.report.write(tmp_path / "html", tmp_path / "md")
    for name in ("verdict", "html", "md"):
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert "Secret" not in text and "98765" not in text


def test_the_value_that_skews_most_is_not_named_where_it_is_sensitive(validation, profile_of):
    result = validation(
        {"a": [SECRET, "x"]}, changes="columns: {a: {skew: {l_infinity: 0.1}, sensitive: true}}",
        serving=profile_of({"a": ["x", "x"]}),
    )  # fmt: skip
    assert result.verdict.decision == "fail"
    assert "Secret" not in str(result.verdict) + result.report.html()
