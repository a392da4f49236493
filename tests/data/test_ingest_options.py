"""What ingest_table promises beyond one plain file: parts, formats, encodings, types, rows."""

import bz2
import datetime
import gzip
import json
import lzma
import math
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.data.ingest_table import logic, opening
from holdfast.data.ingest_table.rows import Reading
from holdfast.errors import InputError

UTC = datetime.UTC
PLAIN = b"a,b\n1,x\n2,y\n"
ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def values(table):
    return table.read().to_pylist()


def types(table):
    return [str(kind) for kind in table.schema.types]


def noise(rows=100_000):
    generator = random.Random(1)
    return ("a,b\n" + "".join(f"{generator.random()},{n}\n" for n in range(rows))).encode()


# Times.


def test_times_that_all_carry_an_offset_are_utc(ingest):
    table = ingest(
        "a\n2024-01-01T00:00:00Z\n2024-01-02 00:00:00+05:00\n2024-01-03T00:00:00.5-0130\n"
    )
    assert types(table) == ["timestamp[us, tz=UTC]"]
    assert [value.as_py() for value in table.read().column("a")] == [
        datetime.datetime(2024, 1, 1, tzinfo=UTC),
        datetime.datetime(2024, 1, 1, 19, tzinfo=UTC),
        datetime.datetime(2024, 1, 3, 1, 30, 0, 500_000, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    "written",
    [
        ["2024-01-01T00:00:00+05:00", "2024-01-02T00:00:00"],
        ["2024-01-01T00:00:00Z", "2024-01-02"],
        ["2024-01-01", "01/02/2024", "1 Jan 2024", "20240101"],
        ["01/02/2024", "03/04/2024"],
        ["01/02/2024 10:00:00"],
        ["2024-01-01 00:00:00 UTC"],
        ["2024-01-01 00:00:00.123456789"],
        ["infinity", "2024-01-01"],
        ["12:30", "9:05"],
    ],
    ids=["some offsets", "date and offset", "four formats", "slashes", "slashes and time", "zone",
         "nanoseconds", "infinity", "time of day"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_times_that_a_guess_would_change_are_text(ingest, written, kind):
    if kind == "csv":
        content = "a\n" + "\n".join(written) + "\n"
    else:
        content = "\n".join(json.dumps({"a": value}) for value in written)
    table = ingest(content)
    assert types(table) == ["string"]
    assert table.read().column("a").to_pylist() == written


def test_whole_numbers_beyond_64_bits_are_text(ingest):
    assert values(ingest("a\n99999999999999999999\n1\n")) == [
        {"a": "99999999999999999999"},
        {"a": "1"},
    ]


def test_hexadecimal_and_binary_numbers_are_text(ingest):
    table = ingest("a,b,c,d\n1,0x10,x,0b1\n2,3,0X1F,1\n")
    assert types(table) == ["int64", "string", "string", "string"]
    assert values(table)[0] == {"a": 1, "b": "0x10", "c": "x", "d": "0b1"}


# Numbers that are none.


def test_nan_is_a_number_and_inf_makes_text_unless_declared(ingest):
    assert math.isnan(values(ingest("a\nnan\n1\n", out="nan"))[0]["a"])
    assert types(ingest("a\ninf\n1\n", out="inf")) == ["string"]
    declared = values(ingest("a\ninf\n-inf\n1\n", out="declared", types={"a": "float64"}))
    assert [row["a"] for row in declared] == [math.inf, -math.inf, 1.0]


# Parts.


def test_parts_are_one_table_in_the_order_of_their_names(ingest_parts):
    table = ingest_parts({"2.csv": "b,a\ny,2\n", "1.csv": "a,b\n1,x\n", "_SUCCESS": ""})
    assert values(table) == ROWS


@pytest.mark.parametrize(
    ("one", "two", "expected", "kind"),
    [
        ("1", "2.5", [1.0, 2.5], "double"),
        ("1.50", "x", ["1.50", "x"], "string"),
        ("007", "8", ["007", "8"], "string"),
        ("true", "1", ["true", "1"], "string"),
        ("", "5", [None, 5], "int64"),
        ("2024-01-01", "x", ["2024-01-01", "x"], "string"),
    ],
)
def test_types_are_told_from_all_parts_and_no_value_is_altered(
    ingest_parts, one, two, expected, kind
):
    table = ingest_parts({"1.csv": f"a,b\n{one},0\n", "2.csv": f"b,a\n0,{two}\n"})
    assert table.read().column("a").to_pylist() == expected
    assert str(table.schema.field("a").type) == kind


def test_parts_of_parquet_are_aligned_by_name_and_widened(ingest_parts):
    table = ingest_parts(
        {
            "1": pa.table({"x": [1], "y": ["a"], "z": pa.nulls(1)}),
            "2": pa.table({"z": [3], "y": [1.5], "x": [1.5]}),
        }
    )
    assert values(table) == [{"x": 1.0, "y": "a", "z": None}, {"x": 1.5, "y": "1.5", "z": 3}]


def test_a_part_with_other_columns_is_named_with_what_differs(ingest_parts):
    with pytest.raises(
        InputError, match=r"part '2.csv' must have.*'1.csv'. Found: \['b'\].*\['c'\]"
    ):
        ingest_parts({"1.csv": "a,b\n1,2\n", "2.csv": "a,c\n1,2\n"})


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (b"a,b\n1,2,3\n", "Line: 2.*Found: 3"),
        (b"", "an empty file"),
        (b"a,b\n1,caf\xe9\n", "UTF-8"),
        (gzip.compress(noise(2000))[:-100], "Truncated"),
        (b'{"a": 1, "b": 2}', "jsonl"),
    ],
    ids=["ragged", "empty", "encoding", "truncated", "format"],
)
def test_one_bad_part_among_a_hundred_is_named(ingest_parts, tmp_path, bad, found):
    parts = {f"{n:03d}.csv": f"a,b\n{n},x\n" for n in range(100)} | {"057.csv": bad}
    with pytest.raises(InputError, match=rf"(?s)`uri` part '057.csv' .*{found}"):
        ingest_parts(parts)
    assert not list(tmp_path.glob("table*"))


# Compression and encodings.


@pytest.mark.parametrize(
    "compress",
    [gzip.compress, bz2.compress, lzma.compress, lambda c: pa.compress(c, "zstd", asbytes=True),
     lambda c: gzip.compress(c[:8]) + gzip.compress(c[8:])],
    ids=["gzip", "bz2", "xz", "zstd", "gzip members"],
)  # fmt: skip
def test_compression_is_told_from_the_content(ingest, no_leftovers, compress):
    assert values(ingest(compress(PLAIN))) == ROWS


@pytest.mark.parametrize(
    "compress",
    [gzip.compress, bz2.compress, lzma.compress, lambda c: pa.compress(c, "zstd", asbytes=True)],
    ids=["gzip", "bz2", "xz", "zstd"],
)
def test_a_truncated_file_is_refused_whole(ingest, no_leftovers, compress, tmp_path):
    with pytest.raises(InputError, match=r"`uri` must be a whole .* file. Found: .*Copy it again"):
        ingest(compress(noise(10_000))[:-2000])
    assert not list(tmp_path.glob("table/*"))


def test_a_gzip_bomb_ends_at_the_limit_and_leaves_nothing(ingest, no_leftovers, tmp_path):
    bomb = gzip.compress(b"a\n" + b"0\n" * 20_000_000)
    with pytest.raises(InputError, match=r"`max_bytes` = 1000000 bytes, decompressed. Found: more"):
        ingest(bomb, max_bytes=1_000_000)
    assert not list(tmp_path.glob("table/*"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", ["a,b\n1,ü\n", '{"a": 1, "b": "ü"}\n'], ids=["csv", "jsonl"])
def test_a_mark_tells_the_encoding(ingest, no_leftovers, encoding, text):
    assert values(ingest(text.encode(encoding))) == [{"a": 1, "b": "ü"}]


def test_another_encoding_is_refused_with_a_guess_and_read_when_it_is_given(ingest, refuse):
    content = ("a,b\n" + "1,Größe für Käse\n" * 20).encode("cp1252")
    refuse(content, "`uri` must be a UTF-8.*looks like cp1252: pass that as `encoding`")
    assert values(ingest(content, encoding="cp1252", out="given"))[0]["b"] == "Größe für Käse"
    assert values(ingest(content, encoding="detect", out="guessed"))[0]["b"] == "Größe für Käse"


def test_a_wrong_or_unknown_encoding_never_mangles(refuse):
    refuse("a\né\n".encode("latin-1"), "shift_jis text. Found: bytes that", encoding="shift-jis")
    refuse("a\n1\n", "`encoding` must be one that Python knows.*'klingon'", encoding="klingon")


@pytest.mark.parametrize(
    ("option", "value"),
    [("format", "xls"), ("compression", "rar"), ("delimiter", '"'), ("max_bytes", 0)],
)
def test_an_option_that_cannot_be_meant_is_refused(refuse, option, value):
    refuse("a\n1\n", rf"`{option}` must .*Found: {value!r}", **{option: value})


@pytest.mark.parametrize("delimiter", ["~", "||", "\x01"])
def test_a_delimiter_can_be_given(ingest, delimiter):
    assert values(ingest(f"a{delimiter}b\n1{delimiter}x\n", delimiter=delimiter)) == ROWS[:1]


# JSON lines.


def test_json_lines_are_told_by_their_first_character(ingest):
    table = ingest('\n{"a": 1, "b": "x"}\n{"b": null, "a": 2.5}\n{"a": 3}\n')
    assert table.schema.names == ["a", "b"]
    assert values(table) == [{"a": 1.0, "b": "x"}, {"a": 2.5, "b": None}, {"a": 3.0, "b": None}]


def test_json_text_stays_text_and_mixed_values_become_text(ingest):
    table = ingest('{"zip": "007", "m": 1, "t": true}\n{"zip": "1", "m": "x", "t": false}\n')
    assert values(table) == [
        {"zip": "007", "m": "1", "t": True},
        {"zip": "1", "m": "x", "t": False},
    ]


@pytest.mark.parametrize("value", ['{"x": 1}', "[1]", "{}", "[]"])
def test_nested_json_is_refused_with_the_column(refuse, value):
    refuse(
        f'{{"ok": 1, "deep": {value}}}\n', r"must hold plain values.*lists or objects in \['deep'\]"
    )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('{"a": secret}', "in line 2"),
        ('{"a": 2, "b', "in line 2"),
        ("[1]", "something else than an object in line 2"),
        ('{"a": 1, "a": "secret"}', "names a key twice"),
        ('{"a": "caf\udce9"}', "UTF-8.*line 2"),
    ],
)
def test_a_line_that_is_no_object_is_named_and_not_printed(ingest, line, found):
    content = b'{"a": 1}\n' + line.encode("utf-8", "surrogateescape") + b"\n"
    with pytest.raises(InputError, match=f"`uri` must be .*{found}") as refused:
        ingest(content)
    assert "secret" not in str(refused.value)


def test_json_keys_that_differ_in_case_alone_are_refused(ingest, refuse):
    refuse('{"a": 1, "A": 2}\n', "differ in more than case")
    assert values(ingest('{"a": 1, "a_1": 2}\n', out="other")) == [{"a": 1, "a_1": 2}]


def test_json_numbers_beyond_64_bits_are_text(ingest):
    assert values(ingest('{"a": 18446744073709551615}\n{"a": 1}\n'))[0] == {
        "a": "18446744073709551615"
    }


# Types, missing values, columns, rows.


def test_a_declared_type_is_taken(ingest):
    table = ingest(
        "zip,n,f,b,d,t,z\n007, 5,1,TRUE,2024-02-29,2024-02-29 10:00:00,2024-02-29T10:00:00+02:00\n",
        types={"zip": "string", "n": "int64", "f": "float64", "b": "bool", "d": "date32",
               "t": "timestamp", "z": "timestamp[us, tz=UTC]"},
    )  # fmt: skip
    assert values(table) == [
        {
            "zip": "007",
            "n": 5,
            "f": 1.0,
            "b": True,
            "d": datetime.date(2024, 2, 29),
            "t": datetime.datetime(2024, 2, 29, 10),
            "z": datetime.datetime(2024, 2, 29, 8, tzinfo=UTC),
        }
    ]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("1.5", "int64"),
        ("secret", "float64"),
        ("maybe", "bool"),
        ("01/02/2024", "date32"),
        ("2024-01-01T00:00:00Z", "timestamp"),
        ("2024-01-01T00:00:00", "timestamp[us, tz=UTC]"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_value_that_is_not_as_declared_is_refused_by_row_and_not_printed(
    ingest, value, kind, form
):
    rows = [None] * 700 + [value] + [None] * 300
    content = {
        "csv": "a,b\n" + "".join(f"{row or ''},1\n" for row in rows),
        "jsonl": "".join(json.dumps({"a": row}) + "\n" for row in rows),
        "parquet": pa.table({"a": rows}),
    }[form]
    with pytest.raises(InputError, match=r"`types` says that column 'a' is .* row 701 of") as error:
        ingest(content, types={"a": kind})
    assert value not in str(error.value)


def test_the_part_of_a_value_that_is_not_as_declared_is_named(ingest_parts):
    with pytest.raises(InputError, match=r"column 'a' .* row 2 of `uri` part '2.csv'"):
        ingest_parts({"1.csv": "a\n1\n2\n", "2.csv": "a\n3\nx\n"}, types={"a": "int64"})


def test_parquet_is_cast_as_declared_without_rounding(ingest, refuse):
    table = ingest(pa.table({"x": ["1", " 2"]}), out="text", types={"x": "int64"})
    assert table.read().column("x").to_pylist() == [1, 2]
    with pytest.raises(InputError, match=r"column 'x' is int64.*row 2"):
        ingest(pa.table({"x": [1.0, 2.5]}), out="floats", types={"x": "int64"})


@pytest.mark.parametrize("option", ["types", "columns"])
def test_a_column_that_is_not_there_is_refused_with_those_that_are(refuse, option):
    value = {"x": "int64"} if option == "types" else ["a", "x"]
    refuse(
        "a,b\n1,2\n", rf"`{option}` must name .*Found: \['x'\]. .*\['a', 'b'\]", **{option: value}
    )


def test_an_unknown_type_is_refused_with_the_known_ones(refuse):
    refuse("a\n1\n", r"`types` must give .*int64.*Found: \['integer'\]", types={"a": "integer"})


@pytest.mark.parametrize(
    "content",
    [
        "a,b\nNA,x\n2,-\n",
        '{"a": "NA", "b": "x"}\n{"a": 2, "b": "-"}\n',
        pa.table({"a": ["NA", "2"], "b": ["x", "-"]}),
    ],
    ids=["csv", "jsonl", "parquet"],
)
def test_further_texts_can_mean_missing(ingest, content):
    table = ingest(content, null_values=["NA", "-"], types={"a": "int64"})
    assert values(table) == [{"a": None, "b": "x"}, {"a": 2, "b": None}]


@pytest.mark.parametrize(
    "content",
    ["a,d\nNA,NA\n2,2024-01-01\n", '{"a":"NA","d":"NA"}\n{"a":2,"d":"2024-01-01"}\n'],
    ids=["csv", "jsonl"],
)
def test_types_are_told_without_the_texts_that_mean_missing(ingest, content):
    assert types(ingest(content, null_values=["NA"])) == ["int64", "date32[day]"]


@pytest.mark.parametrize(
    "content",
    ["a,b,c\n1,2,3\n4,5,6\n", '{"a":1,"b":2,"c":3}\n{"a":4,"b":5,"c":6}\n',
     pa.table({"a": [1, 4], "b": [2, 5], "c": [3, 6]})],
    ids=["csv", "jsonl", "parquet"],
)  # fmt: skip
def test_columns_are_kept_in_the_order_asked_for_and_where_may_use_the_others(ingest, content):
    table = ingest(content, columns=["c", "a"], where="b > 2")
    assert table.schema.names == ["c", "a"]
    assert values(table) == [{"c": 6, "a": 4}]


def test_nested_columns_of_parquet_can_be_left_out(ingest):
    table = ingest(pa.table({"x": [1, 2], "deep": [[1], [2]]}), columns=["x"], where="deep[1] = 2")
    assert values(table) == [{"x": 2}]


def test_where_keeps_the_order_of_many_rows(ingest):
    table = ingest("n\n" + "".join(f"{n}\n" for n in range(150_000)), where='"n" % 3 = 0')
    assert table.read().column("n").to_pylist() == list(range(0, 150_000, 3))


def test_where_leaves_out_rows_for_which_it_is_unknown(ingest):
    assert values(ingest("a,b\n1,x\n,y\n3,z\n", where="a > 0 -- only known")) == [
        {"a": 1, "b": "x"},
        {"a": 3, "b": "z"},
    ]


@pytest.mark.parametrize(
    "where",
    [
        "a >",
        "nope = 1",
        "a > 1; DROP TABLE x",
        "a > 1, b",
        "sum(a) > 1",
        "row_number() OVER () > 1",
        "a > (SELECT max(a) FROM source)",
        "CAST(s AS INT) > 1",
        "a > (SELECT count(*) FROM '/etc/passwd')",
        "s IN (SELECT content FROM read_text('/etc/passwd'))",
        "s IN (SELECT column0 FROM read_csv('/etc/passwd'))",
        "EXISTS (SELECT * FROM glob('/etc/*'))",
        "read_text('/etc/passwd') IS NOT NULL",
        "getenv('HOME') <> ''",
        "s IN (SELECT secret_string FROM duckdb_secrets())",
    ],
)
def test_an_expression_that_is_none_or_reaches_out_is_refused(refuse, where):
    refuse(
        "a,b,s\n1,2,hidden\n",
        r"`where` must be a SQL condition(?!.*hidden)(?!.*root:)",
        where=where,
    )


def test_where_that_leaves_nothing_is_refused(refuse):
    refuse("a\n1\n", "`uri` must hold at least one row.*`where`", where="a > 1")


# Extremes.


def test_ten_thousand_columns_are_read(ingest):
    header = ",".join(f"column {n}" for n in range(10_000))
    row = ",".join(str(n / 2 if n % 2 else n) for n in range(10_000))
    table = ingest(f"{header}\n{row}\n{row}\n")
    assert len(table.schema.names) == 10_000
    assert values(table)[1]["column 9999"] == 4999.5


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_cell_of_a_hundred_megabytes_is_refused_and_one_of_ten_is_read(ingest, refuse, form):
    def content(size):
        cell = "x" * size
        return f"a,b\n1,{cell}\n" if form == "csv" else f'{{"a": 1, "b": "{cell}"}}\n'

    refuse(content(100_000_000), "(row|line) of more than 16")
    assert len(values(ingest(content(10_000_000), out="ten"))[0]["b"]) == 10_000_000


@pytest.mark.parametrize(
    "content",
    ['<script>alert(1)</script>,{long},"x\ny"\n1,2,3\n',
     '{{"<script>alert(1)</script>":1,"{long}":2,"x\\ny":3}}\n'],
    ids=["csv", "jsonl"],
)  # fmt: skip
def test_names_may_be_anything(ingest, content):
    long = "n" * 1000
    table = ingest(content.format(long=long))
    assert values(table) == [{"<script>alert(1)</script>": 1, long: 2, "x\ny": 3}]


def test_a_long_name_is_cut_in_messages(ingest):
    with pytest.raises(InputError) as refused:
        ingest("n" * 1000 + ",b\n1,2\n", columns=["c"])
    assert len(str(refused.value)) < 300


def test_a_plain_path_and_options_go_through_one_call(tmp_path):
    (tmp_path / "t.csv").write_bytes(PLAIN)
    assert values(logic.ingest(tmp_path / "t.csv", tmp_path / "table")) == ROWS


def test_no_rows_are_a_table_where_that_is_allowed(tmp_path):
    source = tmp_path / "source.csv"
    source.write_text("a,t\n1,x\n")
    with opening.open_rows(source, "", Reading(where="a > 1"), "") as rows:
        table = logic.write(rows, tmp_path / "table", "t", allow_empty=True)
    assert (table.rows, table.target, table.task) == (0, "t", "")
    assert table.schema.names == ["a", "t"]


def said(path, metadata):
    """Write a Parquet part with metadata of its schema."""
    pq.write_table(pa.table({"a": [1, 2]}).replace_schema_metadata(metadata), path)


def test_what_a_table_of_ours_says_of_its_columns_is_kept_if_all_parts_say_it(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    said(folder / "1.parquet", {"holdfast.predictions": "{}", "holdfast.x": "1", "pandas": "no"})
    said(folder / "2.parquet", {"holdfast.predictions": "{}", "holdfast.x": "2"})
    table = logic.ingest(folder, tmp_path / "table", reading=Reading(where="a > 1"))
    assert table.schema.metadata == {b"holdfast.predictions": b"{}"}
    assert table.rows == 2
