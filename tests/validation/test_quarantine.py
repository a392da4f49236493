"""Rows set aside: every row is in one of two tables, in order, with its reasons."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.errors import InputError
from holdfast.table import open_table

BY_FARE = '{rule: condition, sql: "fare > 0", policy: quarantine}'
BY_ID = "{rule: unique, columns: [id], policy: quarantine}"
ROWS = {"id": [1, 2, 2, 4, 5], "fare": [5, 9, -1, 0, 3]}


@pytest.fixture
def split(validation, tmp_path):
    """Return a function that validates by rules and writes both tables."""

    def call(current, rules, **asked):
        asked = {"max_quarantine_share": 1.0} | asked
        result = validation(current, expectations=f"rules: [{rules}]", **asked)
        written = result.write_rows(tmp_path / "accepted", tmp_path / "quarantine")
        return result.verdict, written.accepted, written.quarantine

    return call


def test_each_row_is_in_one_of_the_two_tables_and_order_is_kept(split):
    verdict, accepted, quarantine = split(ROWS, f"{BY_FARE}, {BY_ID}")
    assert verdict.decision == "warn"
    assert accepted.read().to_pydict() == {"id": [1, 2, 5], "fare": [5, 9, 3]}
    assert quarantine.read().to_pydict() == {
        "id": [2, 4],
        "fare": [-1, 0],
        "quarantine_reasons": ["condition(fare > 0); unique(id)", "condition(fare > 0)"],
    }
    assert accepted.rows + quarantine.rows == 5


def test_two_conditions_on_one_column_are_told_apart(split):
    rules = f'{BY_FARE}, {{rule: condition, sql: "fare < 9", policy: quarantine}}'
    _, _, quarantine = split(ROWS, rules)
    assert quarantine.read()["quarantine_reasons"].to_pylist() == [
        "condition(fare < 9)", "condition(fare > 0)", "condition(fare > 0)",
    ]  # fmt: skip


def test_rows_that_break_a_rule_with_another_policy_go_on(split):
    rules = '{rule: condition, sql: "fare > 0", policy: warn}, {rule: unique, columns: [id]}'
    verdict, accepted, quarantine = split(ROWS, rules)
    assert (verdict.decision, accepted.rows, quarantine.rows) == ("fail", 5, 0)


def test_a_failed_table_is_split_all_the_same(split):
    rules = f"{BY_FARE}, {{rule: row_count, min: 100}}"
    verdict, accepted, quarantine = split(ROWS, rules)
    assert (verdict.decision, accepted.rows, quarantine.rows) == ("fail", 3, 2)


def test_where_no_row_is_set_aside_the_accepted_table_is_the_same_to_the_byte(split, table):
    given = table(ROWS, target="fare", task="regression")
    _, accepted, quarantine = split(given, "{rule: row_count, min: 1}")
    assert accepted.sha256 == given.sha256
    assert accepted.metadata() == given.metadata()
    assert (quarantine.rows, quarantine.schema.names[-1]) == (0, "quarantine_reasons")


@pytest.mark.parametrize("rules", [BY_FARE, "{rule: row_count, min: 1}"])
def test_target_task_role_and_holdout_are_kept(split, table, rules):
    known = {"target": "fare", "task": "regression", "role": "train", "holdout": "ab" * 32}
    _, *both = split(table(ROWS, **known), rules)
    for written in both:
        assert {name: getattr(written, name) for name in known} == known


@pytest.mark.parametrize("rules", [BY_FARE, "{rule: row_count, min: 1}"])
def test_a_locked_holdout_stays_locked(split, table, rules):
    _, *both = split(table(ROWS, role="holdout"), rules)
    for written in both:
        with pytest.raises(InputError, match="locked holdout"):
            written.require_trainable("train")


def test_all_rows_may_be_set_aside(split):
    verdict, accepted, quarantine = split(ROWS, BY_FARE.replace("> 0", "> 100"))
    assert (verdict.decision, accepted.rows, quarantine.rows) == ("warn", 0, 5)
    assert accepted.schema == quarantine.schema.remove(2)


def test_a_table_without_rows_becomes_two(split):
    given = pa.table({"id": pa.array([], pa.int64()), "fare": pa.array([], pa.int64())})
    _, accepted, quarantine = split(given, BY_FARE)
    assert (accepted.rows, quarantine.rows) == (0, 0)


def test_a_plain_csv_without_rows_to_set_aside_becomes_a_table(split, tmp_path):
    (tmp_path / "t.csv").write_text("id,fare\n1,5\n2,6\n")
    _, accepted, quarantine = split(open_table(tmp_path / "t.csv"), BY_FARE)
    assert (accepted.rows, quarantine.rows) == (2, 0)
    assert (tmp_path / "accepted" / "_manifest.json").is_file()


def test_rows_over_parts_and_batches_are_counted_once(split, in_parts):
    given = in_parts({"id": list(range(1000)), "fare": [n % 7 for n in range(1000)]}, 90, 4)
    _, accepted, quarantine = split(given, f"{BY_FARE}, {BY_ID}")
    bad = [n for n in range(1000) if n % 7 == 0]
    assert quarantine.read()["id"].to_pylist() == bad
    assert accepted.read()["id"].to_pylist() == [n for n in range(1000) if n % 7]
    assert accepted.rows + quarantine.rows == 1000


def test_other_programs_read_both_tables(split, tmp_path):
    split(ROWS, BY_FARE)
    assert pq.read_table(tmp_path / "accepted").num_rows == 3
    assert pq.read_table(tmp_path / "quarantine")["fare"].to_pylist() == [-1, 0]


def test_types_of_other_teams_are_kept(split, in_parts):
    rows = pa.table(
        {
            "fare": [1, -1, 2, -2],
            "d": pa.array(["1.10", None, "2.20", "3.30"]).cast(pa.decimal128(10, 2)),
            "c": pa.array(["x", "y", None, "z"]).dictionary_encode(),
            "t": pa.array([1, 2, 3, None], pa.timestamp("us", tz="UTC")),
        }
    )
    _, accepted, quarantine = split(in_parts(rows, 3, 1), BY_FARE)
    assert accepted.read().to_pylist() == rows.take([0, 2]).to_pylist()
    assert (
        quarantine.read().drop_columns("quarantine_reasons").to_pylist()
        == rows.take([1, 3]).to_pylist()
    )
    assert accepted.schema.types == rows.schema.types


def test_a_table_that_has_the_column_of_the_reasons_is_refused_before_it_is_read(validation):
    with pytest.raises(InputError, match=r"`table` must have no column 'quarantine_reasons'"):
        validation({"quarantine_reasons": ["x"]})


# How many.


@pytest.mark.parametrize(
    ("bad", "rows", "limit", "decision"),
    [
        (29, 100, 0.29, "warn"),  # 0.29 * 100 is less than 29
        (30, 100, 0.29, "fail"),
        (1, 3, 0.3, "fail"),
        (0, 10, 0.0, "pass"),
        (1, 10, 0.0, "fail"),
        (10, 10, 1.0, "warn"),
    ],
)
def test_more_than_the_greatest_share_fails(split, bad, rows, limit, decision):
    columns = {"fare": [0] * bad + [1] * (rows - bad)}
    verdict, accepted, quarantine = split(columns, BY_FARE, max_quarantine_share=limit)
    assert verdict.decision == decision
    assert ("quarantine_share" in [r.code for r in verdict.reasons]) == (decision == "fail")
    assert (accepted.rows, quarantine.rows) == (rows - bad, bad)


def test_the_share_counts_each_row_once(split):
    verdict, _, quarantine = split(ROWS, f"{BY_FARE}, {BY_ID}", max_quarantine_share=0.3)
    reason = next(r for r in verdict.reasons if r.code == "quarantine_share")
    assert (reason.observed, reason.share) == ("2 of 5 rows set aside", 0.4)
    assert quarantine.rows == 2


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_greatest_share_that_is_none_is_refused(split, share):
    with pytest.raises(InputError, match=r"`max_quarantine_share` must lie from 0 to 1\. Found"):
        split(ROWS, BY_FARE, max_quarantine_share=share)


# By the schema.

POLICIES = """
policies:
  enum_type_unexpected_string_values: quarantine
  int_type_small_int: quarantine
  int_type_big_int: quarantine
  float_type_small_float: quarantine
  float_type_big_float: quarantine
  feature_type_low_fraction_present: quarantine
  invalid_feature_shape: quarantine
"""
GOOD = {"c": ["x", "y"] * 5, "n": list(range(10)), "f": [0.5] * 10}
CHANGES = """
columns:
  n: {min: 0, max: 9}
  f: {min: 0, max: 1}
"""


@pytest.fixture
def by_schema(validation, tmp_path):
    """Return a function that sets aside what anomalies find in GOOD with some columns changed."""

    def call(**changed):
        result = validation(
            {**GOOD, **changed}, GOOD, changes=CHANGES, expectations=POLICIES,
            max_quarantine_share=1.0,
        )  # fmt: skip
        written = result.write_rows(tmp_path / "accepted", tmp_path / "quarantine")
        assert written.accepted.rows + written.quarantine.rows == 10
        return result.verdict, written.quarantine.read().to_pylist()

    return call


def test_rows_with_unknown_text_are_set_aside(by_schema):
    verdict, rows = by_schema(c=["x", "new", "y", None, "x", "x", "x", "x", "x", "x"])
    assert verdict.decision == "warn"
    assert [(r.code, r.share, r.examples) for r in verdict.reasons] == [
        ("presence", 0.1, ("None",)), ("domain", 0.1, ("new",)),
    ]  # fmt: skip
    assert [(r["c"], r["quarantine_reasons"]) for r in rows] == [
        ("new", "domain(c)"), (None, "presence(c)"),
    ]  # fmt: skip


def test_rows_out_of_range_are_set_aside_and_others_go_on(by_schema):
    verdict, rows = by_schema(n=[-1, 10, *range(8)], f=[0.5] * 9 + [1.5])
    assert [(r.subject, r.share, r.expected) for r in verdict.reasons] == [
        ("f", 0.1, "from 0 to 1"), ("n", 0.2, "from 0 to 9"),
    ]  # fmt: skip
    assert [(r["n"], r["f"], r["quarantine_reasons"]) for r in rows] == [
        (-1, 0.5, "range(n)"), (10, 0.5, "range(n)"), (7, 1.5, "range(f)"),
    ]  # fmt: skip


def test_nan_is_a_missing_value_and_no_number_out_of_range(by_schema):
    verdict, rows = by_schema(f=[float("nan")] + [0.5] * 9)
    assert [(r.code, r.subject) for r in verdict.reasons] == [("presence", "f")]
    assert len(rows) == 1


def test_infinity_is_out_of_range(by_schema):
    verdict, rows = by_schema(f=[float("inf"), -float("inf")] + [0.5] * 8)
    assert [(r.code, r.share) for r in verdict.reasons] == [("range", 0.2)]
    assert len(rows) == 2


def test_rows_that_the_schema_tolerates_go_on(validation):
    changed = {**GOOD, "c": ["new", *GOOD["c"][1:]], "n": [None, *range(9)]}
    result = validation(changed, GOOD, tolerance=0.1, expectations=POLICIES)
    assert (result.verdict.decision, len(result.aside.rows)) == ("pass", 0)


def test_a_column_with_gaps_in_the_schema_may_have_gaps(validation):
    gaps = {**GOOD, "n": [None, *range(9)]}
    result = validation(gaps, gaps, expectations=POLICIES)
    assert (result.verdict.decision, len(result.aside.rows)) == ("pass", 0)


def test_a_column_of_another_type_fails_and_no_row_is_set_aside(by_schema):
    verdict, rows = by_schema(n=[str(n) for n in range(10)], c=list(range(10)))
    assert verdict.decision == "fail"
    assert {r.code for r in verdict.reasons if r.effect == "fail"} == {"unexpected_data_type"}
    assert rows == []


@pytest.mark.parametrize(
    ("values", "bad"),
    [
        (pa.array([0, 86400, 2 * 86400], pa.timestamp("s")), 2),
        (pa.array([0, 1, 2], pa.date32()), 2),
        (pa.array([False, True, True]), None),
        (pa.array([0, 86400, 86401], pa.uint64()), 2),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_times_dates_and_booleans_are_bounded_as_the_profile_counts_them(validation, values, bad):
    limit = 86400 if bad is not None else 0
    result = validation(
        {"a": values}, changes=f"columns: {{a: {{min: 0, max: {limit}}}}}",
        expectations=POLICIES, max_quarantine_share=1.0,
    )  # fmt: skip
    assert result.aside.rows.tolist() == ([1, 2] if bad is None else [bad])
