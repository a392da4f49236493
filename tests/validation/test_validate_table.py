"""What validate_table finds, with TFDV itself as the judge."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0.schema_pb2 import Schema

from holdfast.errors import InputError
from holdfast.table import open_table
from holdfast.validation.infer_schema.logic import infer_schema
from holdfast.validation.validate_table.logic import read_schema, validate

GOOD = {"id": list(range(100)), "colour": ["red", "blue"] * 50}


@pytest.fixture
def judge(table):
    """Return a function that validates a table against the schema of a good one."""

    def call(current, good=GOOD, tolerance=0.01):
        return validate(table(current), infer_schema(table(good), tolerance)).verdict

    return call


def findings(verdict):
    return [(reason.code, reason.subject) for reason in verdict.reasons]


def test_a_table_passes_its_own_schema(judge):
    assert judge(GOOD).decision == "pass"
    assert judge(GOOD).reasons == ()


def test_a_column_without_values_passes_its_own_schema(judge):
    columns = {**GOOD, "empty": pa.nulls(100, pa.string())}
    assert judge(columns, columns).decision == "pass"


def test_a_missing_column_fails(judge):
    verdict = judge({"id": GOOD["id"]})
    assert verdict.decision == "fail"
    assert findings(verdict) == [("schema_missing_column", "colour")]


def test_a_new_column_fails(judge):
    verdict = judge({**GOOD, "extra": GOOD["id"]})
    assert verdict.decision == "fail"
    assert findings(verdict) == [("schema_new_column", "extra")]
    assert verdict.reasons[0].expected == "no such column"


@pytest.mark.parametrize(
    ("kind", "found"), [(pa.float64(), "FLOAT"), (pa.string(), "STRING")], ids=str
)
def test_another_type_fails_and_both_types_are_told(judge, kind, found):
    verdict = judge({**GOOD, "id": pa.array(GOOD["id"]).cast(kind)})
    assert verdict.decision == "fail"
    assert findings(verdict) == [("unexpected_data_type", "id")]
    assert verdict.reasons[0].message == f"Expected data of type: INT but got {found}"


@pytest.mark.parametrize("tolerance", [0.01, 0.08, 0.3])
def test_unseen_text_in_as_many_rows_as_tolerated_passes(judge, tolerance):
    unseen = round(100 * tolerance)
    colours = ["green"] * unseen + ["red"] * (100 - unseen)
    assert judge({**GOOD, "colour": colours}, tolerance=tolerance).decision == "pass"


@pytest.mark.parametrize("tolerance", [0, 0.01, 0.08, 0.3])
def test_unseen_text_in_more_rows_than_tolerated_fails_by_value(judge, tolerance):
    unseen = round(100 * tolerance) + 1
    colours = ["green"] * unseen + ["red"] * (100 - unseen)
    verdict = judge({**GOOD, "colour": colours}, tolerance=tolerance)
    assert verdict.decision == "fail"
    assert findings(verdict) == [("enum_type_unexpected_string_values", "colour")]
    assert f"green (~{unseen}%)" in verdict.reasons[0].message


@pytest.mark.parametrize("tolerance", [0.01, 0.08, 0.3])
def test_missing_values_in_as_many_rows_as_tolerated_pass(judge, tolerance):
    gaps = round(100 * tolerance)
    ids = [None] * gaps + list(range(100 - gaps))
    assert judge({**GOOD, "id": ids}, tolerance=tolerance).decision == "pass"


@pytest.mark.parametrize("tolerance", [0, 0.01, 0.08, 0.3])
def test_missing_values_in_more_rows_than_tolerated_fail(judge, tolerance):
    gaps = round(100 * tolerance) + 1
    ids = [None] * gaps + list(range(100 - gaps))
    verdict = judge({**GOOD, "id": ids}, tolerance=tolerance)
    assert verdict.decision == "fail"
    assert ("feature_type_low_fraction_present", "id") in findings(verdict)


def test_missing_values_where_there_were_some_pass(judge):
    gaps = {**GOOD, "id": [None, *range(99)]}
    more = {**GOOD, "id": [None] * 40 + list(range(60))}
    assert judge(more, gaps).decision == "pass"


def test_a_column_that_lost_all_its_values_fails(judge):
    verdict = judge({**GOOD, "id": pa.nulls(100, pa.int64())})
    assert verdict.decision == "fail"
    assert ("feature_type_not_present", "id") in findings(verdict)


def test_a_table_without_rows_does_not_pass(judge):
    assert judge(pa.table(GOOD).slice(0, 0), GOOD).decision != "pass"


def test_a_range_that_a_user_wrote_into_the_schema_is_kept(table):
    schema = infer_schema(table(GOOD), 0.01)
    schema.feature[0].int_domain.min, schema.feature[0].int_domain.max = 0, 50
    verdict = validate(table(GOOD), schema).verdict
    assert findings(verdict) == [("int_type_big_int", "id")]
    assert verdict.reasons[0].expected.endswith("from 0 to 50")


def test_a_number_of_rows_that_a_user_wrote_into_the_schema_is_kept(table):
    schema = infer_schema(table(GOOD), 0.01)
    schema.dataset_constraints.min_examples_count = 1000
    assert validate(table(GOOD), schema).verdict.decision == "fail"


def test_an_empty_schema_is_no_baseline(table):
    verdict = validate(table(GOOD), Schema()).verdict
    assert verdict.decision == "no_baseline"
    assert findings(verdict) == [("empty_schema", "schema")]


def test_an_empty_schema_file_is_an_empty_schema(tmp_path):
    (tmp_path / "schema.pbtxt").write_text("")
    assert read_schema(tmp_path / "schema.pbtxt") == Schema()


@pytest.mark.parametrize("text", [b"feature {", b"feature { name: 1 }", b"hello", b"\xff"])
def test_what_is_no_schema_is_refused(tmp_path, text):
    (tmp_path / "schema.pbtxt").write_bytes(text)
    with pytest.raises(InputError, match=r"(?s)`schema` must be .*Found: .*Make one with infer_"):
        read_schema(tmp_path / "schema.pbtxt")


def test_a_schema_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"`schema` .*No such file"):
        read_schema(tmp_path / "absent.pbtxt")


def test_the_report_escapes_names_and_values_of_the_data(table):
    name, value = "<script>alert(1)</script>", "<img src=x onerror=alert(2)>"
    schema = infer_schema(table({name: ["x", "y"], "b": [1, 2]}), 0.01)
    report = validate(table({name: [value, value], "b": [1, 2]}), schema).report
    assert "<script" not in report.html()
    assert "<img" not in report.html()
    assert "&lt;script&gt;" in report.html()
    assert "<script" not in report.markdown()
    assert "<img" not in report.markdown()


def test_the_report_shows_the_decision_the_findings_and_the_schema(table):
    schema = infer_schema(table(GOOD), 0.01)
    page = validate(table({"id": GOOD["id"]}), schema).report.html()
    assert '<span class="decision fail">fail</span>' in page
    assert "100 rows and 1 columns against a schema of 2 columns: 1 findings." in page
    assert "<td>colour</td><td>schema_missing_column</td>" in page
    assert "at least 0.99 of values out of 2 known ones" in page


def test_the_report_loads_nothing(table):
    page = validate(table(GOOD), infer_schema(table(GOOD), 0.01)).report.html()
    assert not re.search(r"https?:|src=|href=|url\(|@import|<script|<link", page)


@pytest.mark.real_data
def test_one_half_of_adult_passes_the_schema_of_the_other(real_table, table):
    source = pq.read_table(real_table("adult.parquet"))
    plain = pa.schema(
        [(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in source.schema]
    )
    rows = source.cast(plain)
    schema = infer_schema(table(rows.slice(0, 24_421)), 0.01)
    assert validate(table(rows.slice(24_421)), schema).verdict.decision == "pass"


@pytest.mark.real_data
def test_a_year_of_bike_rentals_fails_where_its_dates_became_numbers(real_table, table):
    bikes = open_table(real_table("bike_hour.csv")).read()
    schema = infer_schema(table(bikes), 0.01)
    days = bikes.column("dteday").cast(pa.int32())
    column = bikes.schema.get_field_index("dteday")
    moved = bikes.set_column(column, "dteday", days.cast(pa.float64()))
    assert findings(validate(table(moved), schema).verdict) == [("unexpected_data_type", "dteday")]
