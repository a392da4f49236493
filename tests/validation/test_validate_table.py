"""The verdict on a table: its decision, its inputs, its page."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.errors import InputError
from holdfast.table import open_table

GOOD = {"id": list(range(100)), "colour": ["red", "blue"] * 50}
PARTLY = "{rule: row_count, max: 5, policy: %s}"
ASIDE = '{rule: condition, sql: "id > 0", policy: quarantine}'


def findings(verdict):
    return [(reason.code, reason.subject) for reason in verdict.reasons]


@pytest.fixture
def empty(tmp_path):
    """Return the path of an empty file, as fetch_artifact writes it."""
    (tmp_path / "empty").touch()
    return str(tmp_path / "empty")


# The decision.


@pytest.mark.parametrize(
    ("rules", "baseline", "decision"),
    [
        ([], False, "pass"),
        ([], True, "no_baseline"),
        ([PARTLY % "warn"], False, "warn"),
        ([PARTLY % "warn"], True, "warn"),
        ([ASIDE], False, "warn"),
        ([ASIDE], True, "warn"),
        ([ASIDE, PARTLY % "warn"], True, "warn"),
        ([PARTLY % "fail"], False, "fail"),
        ([ASIDE, PARTLY % "warn", PARTLY % "fail"], True, "fail"),
    ],
)
def test_fail_goes_before_warn_before_no_baseline_before_pass(
    judge, empty, rules, baseline, decision
):
    verdict = judge(
        GOOD, expectations=f"rules: [{', '.join(rules)}]", baseline=empty if baseline else ""
    )
    assert verdict.decision == decision
    order = ["fail", "quarantine", "warn", "no_baseline"]
    effects = [order.index(reason.effect) for reason in verdict.reasons]
    assert effects == sorted(effects)
    assert len(effects) == len(rules) + baseline


def test_an_empty_schema_is_no_baseline(judge, empty):
    verdict = judge(GOOD, schema=empty)
    assert verdict.decision == "no_baseline"
    assert findings(verdict) == [("empty_schema", "schema")]


def test_rules_are_judged_without_a_schema(judge, empty):
    assert (
        judge(GOOD, schema=empty, expectations="rules: [{rule: row_count, max: 5}]").decision
        == "fail"
    )


def test_an_empty_baseline_file_is_no_baseline(judge, empty):
    verdict = judge(GOOD, baseline=empty)
    assert findings(verdict) == [("no_baseline", "baseline")]


def test_a_baseline_without_rows_is_no_baseline(judge, profile_of):
    verdict = judge(GOOD, baseline=profile_of(pa.table(GOOD).slice(0, 0)))
    assert findings(verdict) == [("no_baseline", "baseline")]


def test_an_empty_serving_file_is_none(judge, empty):
    assert judge(GOOD, serving=empty).decision == "pass"


def test_all_is_told_that_is_found(judge, empty):
    verdict = judge(
        {"id": [1, 1], "extra": [1, 2]}, GOOD, baseline=empty,
        expectations="rules: [{rule: unique, columns: [id]}, {rule: row_count, min: 9}]",
    )  # fmt: skip
    assert findings(verdict) == [
        ("schema_missing_column", "colour"),
        ("schema_new_column", "extra"),
        ("row_count", "table"),
        ("unique", "id"),
        ("no_baseline", "baseline"),
    ]


# Environments.

LABELLED = {"id": [1, 2], "label": ["yes", "no"]}
ENVIRONMENTS = "{environments: [training, serving], columns: {label: {not_in: [serving]}}}"


@pytest.mark.parametrize(
    ("environment", "decision"), [("serving", "pass"), ("training", "fail"), ("", "fail")]
)
def test_the_label_may_be_absent_in_the_environment_that_says_so(judge, environment, decision):
    verdict = judge({"id": [1, 2]}, LABELLED, changes=ENVIRONMENTS, environment=environment)
    assert verdict.decision == decision


def test_an_environment_that_the_schema_does_not_know_is_refused(judge):
    with pytest.raises(InputError, match=r"`environment` .*\['serving', 'training'\]. Found: 'x'"):
        judge(LABELLED, changes=ENVIRONMENTS, environment="x")


# Inputs.


def test_the_profile_of_the_table_may_be_given(judge, table, profile_of):
    given = table(GOOD)
    assert judge(given, profile=profile_of(given)).decision == "pass"


@pytest.mark.parametrize(
    "other",
    [
        {"id": GOOD["id"]},
        {**GOOD, "id": [float(n) for n in GOOD["id"]]},
        pa.table(GOOD).slice(0, 50),
        {**GOOD, "id": [*range(99), 7]},
    ],
    ids=["columns", "types", "rows", "content"],
)
def test_the_profile_of_another_table_is_refused(judge, profile_of, other):
    with pytest.raises(InputError, match="`profile` must be that of `table`"):
        judge(GOOD, profile=profile_of(other))


@pytest.mark.parametrize("name", ["profile", "baseline", "serving"])
def test_what_is_no_profile_is_refused_by_its_name(judge, tmp_path, name):
    (tmp_path / "x").write_text("x")
    with pytest.raises(InputError, match=f"`{name}` must be a profile"):
        judge(GOOD, **{name: str(tmp_path / "x")})


def test_a_sensitive_column_that_is_misspelt_is_refused_rather_than_shown(judge):
    with pytest.raises(InputError, match=r"`sensitive` must name columns .*Found: \['Colour'\]"):
        judge(GOOD, sensitive=("Colour",))


def test_a_sensitive_column_may_be_absent_from_this_table(judge):
    assert judge({"id": GOOD["id"]}, GOOD, sensitive=("colour",)).decision == "fail"


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"expectations": "rules: [{rule: uniqe}]"}, "`expectations`"),
        ({"expectations": 'rules: [{rule: condition, sql: "id >"}]'}, "`expectations`"),
        ({"expectations": "rules: [{rule: matches, column: colour, pattern: '('}]"}, "RE2"),
        ({"expectations": "rules: [{rule: mean, column: colour, min: 0}]"}, "needs numbers"),
        ({"expectations": "rules: [{rule: fresh, column: id, hours: 1}]"}, "needs dates"),
        ({"as_of": "noon"}, "`as_of`"),
        ({"sensitive": ("x",)}, "`sensitive`"),
        ({"environment": "x"}, "`environment`"),
        ({"max_quarantine_share": 2.0}, "`max_quarantine_share`"),
    ],
)
def test_a_mistake_in_the_request_is_told_before_any_row_is_read(
    judge, table, schema_of, asked, match
):
    given, schema = table(GOOD), schema_of(GOOD)
    (part,) = given.path.glob("*.parquet")
    # The footer, with the columns, stays; the rows are gone.
    content = bytearray(part.read_bytes())
    content[4:200] = bytes(196)
    part.write_bytes(content)
    with pytest.raises(InputError, match=match):
        judge(given, schema=schema, **asked)


# Hostile content.

NASTY = ["<script>alert(1)</script>", "a|b\n| c |", "x" * 1000, "[l](http://x)", "é\u202e\x00"]


@pytest.mark.parametrize("nasty", NASTY, ids=["script", "pipe", "long", "link", "control"])
def test_names_and_values_of_the_data_stay_data_on_the_page(validation, nasty):
    result = validation(
        {nasty: [nasty, nasty], "k": [1, 1]}, {nasty: ["x", "y"], "k": [1, 2]},
        expectations="rules: [{rule: unique, columns: [k]}]",
    )  # fmt: skip
    html, markdown = result.report.html(), result.report.markdown()
    assert result.verdict.reasons[0].subject == nasty
    assert "<script" not in html + markdown
    assert "x" * 201 not in html + markdown
    tables = [line for line in markdown.splitlines() if line.startswith("|")]
    counts = {len(re.findall(r"(?<!\\)\|", line)) for line in tables}
    assert counts <= {7, 3}
    assert not re.search(r"(?<!\\)\[l(?<!\\)\]\(http", markdown)


def test_a_rule_of_hostile_text_stays_text(validation):
    sql = "colour <> '<script>alert(1)</script>' AND id < 0"
    result = validation(GOOD, expectations=f'rules: [{{rule: condition, sql: "{sql}"}}]')
    assert result.verdict.decision == "fail"
    assert "<script" not in result.report.html() + result.report.markdown()


def test_a_column_named_like_ours_is_judged_like_any(judge):
    columns = {"holdfast_row": [5, 5], "rows": [1, 2], "b0": [1, 2], "first": [1, 1]}
    rules = (
        'rules: [{rule: condition, sql: "holdfast_row > 9 AND rows > 0 AND b0 > 0"},'
        " {rule: unique, columns: [holdfast_row, first]}]"
    )
    verdict = judge(columns, expectations=rules)
    assert [(r.code, r.share) for r in verdict.reasons] == [("condition", 1.0), ("unique", 0.5)]


def test_a_thousand_bad_columns_make_a_verdict_and_a_small_page(validation):
    good = pa.table({f"column {n} {'<' * 50}": ["a", "b"] for n in range(1100)})
    bad = pa.table({name: ["a", "z"] for name in good.schema.names})
    result = validation(bad, good)
    assert len(result.verdict.reasons) == 1100
    assert len(result.report.html().encode()) < 2 * 2**20
    assert len(result.report.markdown().encode()) < 2 * 2**20


def test_rows_of_many_columns_are_set_aside_by_the_schema(validation):
    good = pa.table({f"c{n}": ["a", "b"] for n in range(250)})
    bad = pa.table({name: ["a", "z"] for name in good.schema.names})
    text = "policies: {enum_type_unexpected_string_values: quarantine}"
    result = validation(bad, good, expectations=text, max_quarantine_share=1.0)
    assert result.aside.rows.tolist() == [1]
    assert result.aside.reasons[result.aside.codes[0]].count("domain(") == 250


# The page.


def test_the_report_shows_the_decision_the_findings_and_the_schema(validation):
    page = validation({"id": GOOD["id"]}, GOOD, tolerance=0.01).report.html()
    assert '<span class="decision fail">fail</span>' in page
    assert "100 rows and 1 columns against a schema of 2 columns: 1 findings." in page
    assert "0 rows were set aside, 100 go on." in page
    assert "<td>colour</td><td>schema missing column</td>" in page
    assert "at least 0.99 of values out of 2 known ones" in page


def test_the_report_loads_nothing(validation):
    page = validation(GOOD).report.html()
    assert not re.search(r"https?:|src=|href=|url\(|@import|<script|<link", page)


# Real tables.


@pytest.mark.real_data
def test_one_half_of_adult_passes_the_schema_of_the_other(judge, real_table, table):
    rows = pq.read_table(real_table("adult.parquet"))
    assert (
        judge(table(rows.slice(24_421)), table(rows.slice(0, 24_421)), tolerance=0.01).decision
        == "pass"
    )


@pytest.mark.real_data
def test_a_year_of_bike_rentals_fails_where_its_dates_became_numbers(judge, real_table, table):
    bikes = open_table(real_table("bike_hour.csv")).read()
    days = bikes.column("dteday").cast(pa.int32())
    column = bikes.schema.get_field_index("dteday")
    moved = bikes.set_column(column, "dteday", days.cast(pa.float64()))
    verdict = judge(table(moved), table(bikes), tolerance=0.01)
    assert findings(verdict) == [("unexpected_data_type", "dteday")]
