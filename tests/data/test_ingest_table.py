"""What ingest_table promises: nothing changed, nothing lost, and a clear answer to a bad file."""

import datetime
import decimal
import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.data.ingest_table import logic
from holdfast.errors import InputError

# More rows than types are first told from.
MANY = 60_000


def values(table):
    return table.read().to_pylist()


def test_columns_keep_their_names_and_order(ingest):
    assert ingest("b,a,c\n1,2,3\n").schema.names == ["b", "a", "c"]


def test_rows_keep_their_order(ingest):
    count = 150_000
    table = ingest("n\n" + "".join(f"{n}\n" for n in range(count)))
    assert table.read().column("n").to_pylist() == list(range(count))


def test_types_are_told_from_the_values(ingest):
    table = ingest("i,f,b,d,t,s\n1,1.5,true,2024-02-29,2024-02-29 12:30:00,x\n")
    assert table.schema.types == [
        pa.int64(),
        pa.float64(),
        pa.bool_(),
        pa.date32(),
        pa.timestamp("us"),
        pa.string(),
    ]
    assert values(table) == [
        {
            "i": 1,
            "f": 1.5,
            "b": True,
            "d": datetime.date(2024, 2, 29),
            "t": datetime.datetime(2024, 2, 29, 12, 30),
            "s": "x",
        }
    ]


def test_an_empty_field_is_missing_and_the_text_na_is_text(ingest):
    assert values(ingest("a,b\n,x\n2,\n3,NA\n")) == [
        {"a": None, "b": "x"},
        {"a": 2, "b": None},
        {"a": 3, "b": "NA"},
    ]


def test_a_column_without_values_is_kept_as_text(ingest):
    table = ingest("a,b\n1,\n2,\n")
    assert table.schema.field("b").type == pa.string()
    assert table.read().column("b").to_pylist() == [None, None]


def test_numbers_with_leading_zeros_stay_text(ingest):
    assert ingest("zip\n01234\n98765\n").read().column("zip").to_pylist() == ["01234", "98765"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_from_the_header(ingest, delimiter):
    table = ingest("\n".join(delimiter.join(row) for row in ("ab", "12", "34")))
    assert values(table) == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


def test_a_decimal_comma_does_not_split_a_semicolon_file(ingest):
    assert values(ingest("a;b\n1,5;2\n")) == [{"a": "1,5", "b": 2}]


def test_a_byte_order_mark_is_no_part_of_the_first_name(ingest):
    assert values(ingest("\ufeffa,b\n1,2\n")) == [{"a": 1, "b": 2}]


def test_windows_line_ends_are_no_part_of_a_value(ingest):
    assert values(ingest("a,b\r\n1,x\r\n2,y\r\n")) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_names_and_values_may_hold_commas_quotes_and_line_breaks(ingest):
    table = ingest('"x, y","say ""hi"""\n"1, 2","a ""b""\nc"\n')
    assert values(table) == [{"x, y": "1, 2", 'say "hi"': 'a "b"\nc'}]


def test_column_names_may_differ_in_case_alone(ingest):
    assert values(ingest("a,A\n1,2\n")) == [{"a": 1, "A": 2}]


def test_names_outside_ascii_are_kept(ingest):
    assert values(ingest("größe,色\n1,é\n")) == [{"größe": 1, "色": "é"}]


def test_text_far_below_numbers_makes_a_text_column_and_loses_nothing(ingest):
    rows = [*(str(n) for n in range(MANY)), "unknown"]
    table = ingest("a\n" + "\n".join(rows) + "\n")
    assert table.schema.field("a").type == pa.string()
    assert table.read().column("a").to_pylist() == rows


@pytest.mark.parametrize(
    ("usual", "odd"),
    [
        ("3", "2.7"),
        ("3", "007"),
        ("true", "1"),
        ("2024-01-01", "2024-01-02 10:30:00"),
        ("", "5"),
    ],
)
def test_a_value_is_the_same_wherever_in_the_file_it_stands(ingest, usual, odd):
    first = ingest(f"a,b\n1,{odd}\n" + f"1,{usual}\n" * MANY, out="first").read().column("b")
    last = ingest("a,b\n" + f"1,{usual}\n" * MANY + f"1,{odd}\n", out="last").read().column("b")
    assert last[MANY].as_py() == first[0].as_py()


def test_dictionaries_and_decimals_of_parquet_become_text_and_numbers(ingest):
    table = ingest(
        pa.table(
            {
                "colour": pa.array(["red", None, "red"]).dictionary_encode(),
                "price": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("2.50")]),
            }
        )
    )
    assert table.schema.types == [pa.string(), pa.float64()]
    assert values(table) == [
        {"colour": "red", "price": 1.25},
        {"colour": None, "price": None},
        {"colour": "red", "price": 2.5},
    ]


def test_parquet_is_told_by_its_content_and_not_by_its_name(ingest):
    assert values(ingest(pa.table({"a": [1, None]}))) == [{"a": 1}, {"a": None}]


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (["x", "y"], "classification"),
        (["true", "false"], "classification"),
        ([str(n) for n in range(20)], "classification"),
        ([str(n) for n in range(21)], "regression"),
        (["1.0", "2.0"], "classification"),
        (["1.0", "2.5"], "regression"),
    ],
    ids=["text", "booleans", "20 whole", "21 whole", "whole floats", "fractions"],
)
def test_the_task_is_told_from_the_target(ingest, target, task):
    assert ingest("t\n" + "\n".join(target) + "\n", target="t").task == task


def test_the_task_is_told_from_all_rows(ingest):
    late = "t\n" + "1\n2\n" * MANY + "".join(f"{n}\n" for n in range(3, 22))
    assert ingest(late, target="t").task == "regression"


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_task_that_is_asked_for_is_taken(ingest, task):
    assert ingest("t\n1\n2\n", target="t", task=task).task == task


def test_a_table_without_a_target_has_no_task(ingest):
    table = ingest("a\n1\n2\n")
    assert (table.target, table.task) == ("", "")


def test_the_manifest_states_rows_columns_target_task_and_hashes(ingest):
    table = ingest("a,b\n1,x\n2,y\n3,x\n", target="b")
    manifest = json.loads((table.path / "_manifest.json").read_text())
    part = table.path / "part-00000.parquet"
    assert manifest["rows"] == 3
    assert manifest["columns"] == [{"name": "a", "type": "int64"}, {"name": "b", "type": "string"}]
    assert (manifest["target"], manifest["task"]) == ("b", "classification")
    assert manifest["parts"] == [
        {
            "file": part.name,
            "rows": 3,
            "bytes": part.stat().st_size,
            "sha256": hashlib.sha256(part.read_bytes()).hexdigest(),
        }
    ]


def test_others_read_the_table_as_a_plain_parquet_directory(ingest):
    table = ingest("a,b\n1,x\n2,y\n")
    assert pq.read_table(table.path).to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


def test_the_same_file_gives_the_same_bytes(ingest, digests):
    content = "a,b\n" + "".join(f"{n},{n % 7}\n" for n in range(MANY))
    first, second = (ingest(content, target="b", out=out) for out in ("one", "two"))
    assert digests(first.path) == digests(second.path)
    assert first.sha256 == second.sha256 != ""


def test_an_empty_file_is_refused(refuse):
    refuse("", r"`uri` .*Found: an empty file. Check the export")


@pytest.mark.parametrize("content", ["a,b\n", "a,b"])
def test_a_header_without_rows_is_refused(refuse, content):
    refuse(content, r"`uri` must hold at least one row. Found: .*no row. Check")


def test_parquet_without_rows_is_refused(refuse):
    refuse(pa.table({"a": pa.array([], pa.int64())}), r"`uri` must hold at least one row.")


@pytest.mark.parametrize("content", ["\n", "\na,b\n1,2\n"])
def test_an_empty_first_line_is_refused(refuse, content):
    refuse(content, "`uri` .*header")


def test_a_target_that_is_not_there_is_refused(refuse):
    match = r"`target` must be a column.*Found: 'B', which is not among \['a', 'b'\].*spelling"
    refuse("a,b\n1,2\n", match, target="B")


def test_a_constant_target_is_refused(refuse):
    match = r"`target` 'b' must have at least two values. Found: only 2 in 3 rows. Choose"
    refuse("a,b\n1,2\n2,2\n3,2\n", match, target="b")


@pytest.mark.parametrize(
    "content",
    ["a,b\n1,2\n2,\n3,4\n", pa.table({"b": [1.0, float("nan"), 2.0]})],
    ids=["empty field", "NaN"],
)
def test_a_target_with_missing_values_is_refused(refuse, content):
    found = r"Found: 1 missing or infinite values in 3 rows. Drop these rows"
    refuse(content, rf"`target` 'b' must be known.*{found}", target="b")


def test_regression_on_text_is_refused(refuse):
    match = r"`target` 'b' must be numeric for regression. Found: values such as '[xy]'. Use task="
    refuse("a,b\n1,x\n2,y\n", match, target="b", task="regression")


def test_an_unknown_task_is_refused(refuse):
    match = r"`task` must be classification or regression. Found: 'ranking'. Leave it out"
    refuse("a,b\n1,2\n2,3\n", match, target="b", task="ranking")


@pytest.mark.parametrize(
    "content",
    ["a,b,a\n1,2,3\n", pa.Table.from_arrays([pa.array([1])] * 3, ["a", "b", "a"])],
    ids=["CSV", "Parquet"],
)
def test_columns_of_one_name_are_refused(refuse, content):
    refuse(content, r"`uri` must name each column once. Found.*\['a'\].*Rename")


@pytest.mark.parametrize("before", [1, MANY])
def test_text_that_is_not_utf8_is_refused(refuse, before):
    content = b"a,b\n" + b"1,x\n" * before + b"2,caf\xe9\n"
    refuse(content, r"`uri` must be a UTF-8 CSV file.*Found: .*iconv -f LATIN1 -t UTF-8")


@pytest.mark.parametrize("before", [1, MANY])
@pytest.mark.parametrize(("row", "found"), [("1,2,3", 3), ("1", 1)], ids=["long", "short"])
def test_a_row_of_another_length_is_refused_by_its_line(refuse, before, row, found):
    match = rf"`uri` .*have 2 values.*Found: .*Line: {before + 2}.*Found: {found}. Correct the line"
    refuse("a,b\n" + "1,2\n" * before + f"{row}\n", match)


@pytest.mark.parametrize("before", [1, MANY])
def test_a_quote_that_is_not_closed_is_refused_by_its_line(refuse, before):
    content = "a,b\n" + "1,x\n" * before + '2,"y\n3,z\n'
    refuse(content, rf"`uri` .*Found: .*Line: {before + 2}.*[Qq]uote.* Correct the line")


@pytest.mark.parametrize("row", ["1,secret,3", '1,"secret\n1,secret', '1,"x"secret'])
def test_a_message_does_not_print_rows_of_the_data(ingest, row):
    with pytest.raises(InputError) as refused:
        ingest(f"a,b\n1,2\n{row}\n")
    assert "secret" not in str(refused.value)


def test_a_cut_off_parquet_file_is_refused(refuse, tmp_path):
    whole = tmp_path / "table.source"
    pq.write_table(pa.table({"a": list(range(1000))}), whole)
    cut = whole.read_bytes()[:-100]
    refuse(cut, r"`uri` must be a whole Parquet file. Found: .*Copy it again")


@pytest.mark.parametrize(
    "column",
    [pa.array([[1], [2]]), pa.array([{"x": 1}, {"x": 2}]), pa.array([b"\xff", b"a"])],
    ids=["lists", "structs", "bytes"],
)
def test_parquet_columns_that_are_no_plain_values_are_refused_by_name(refuse, column):
    refuse(pa.table({"id": [1, 2], "nested": column}), "`uri` .*nested")


@pytest.mark.real_data
def test_adult_is_ingested_whole(real_table, ingest):
    source = pq.read_table(real_table("adult.parquet"))
    table = ingest(source, target="class")
    assert (table.rows, len(table.schema.names), table.task) == (48_842, 15, "classification")
    assert sum(column.null_count for column in table.read().columns) == 6_465


@pytest.mark.real_data
def test_chicago_taxi_keeps_the_one_value_of_a_column_in_its_last_row(real_table, ingest):
    tracts = (
        ingest(real_table("chicago_taxi.csv").read_bytes()).read().column("pickup_census_tract")
    )
    assert (len(tracts), tracts.null_count) == (15_002, 15_001)
    assert tracts[15_001].as_py() == 17_031_081_401


@pytest.mark.real_data
def test_bike_rentals_are_measured_and_not_classes(real_table, ingest):
    table = ingest(real_table("bike_hour.csv").read_bytes(), target="cnt")
    assert (table.rows, table.task) == (17_379, "regression")
    assert table.read().column("cnt").to_pylist()[:3] == [16, 40, 32]


def test_a_folder_that_looks_like_a_partition_adds_no_column(tmp_path):
    source = tmp_path / "day=3" / "t.csv"
    source.parent.mkdir()
    source.write_text("a,b\n1,2\n")
    table = logic.ingest(source, tmp_path / "table")
    assert table.schema.names == ["a", "b"]
