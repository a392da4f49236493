"""Properties of the contracts: what is written is read again, and the counts add up."""

import hashlib
import json

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from holdfast.documents import Document, read_document
from holdfast.errors import InputError
from holdfast.reading import read_json, read_yaml
from holdfast.report import Paragraph, Report, Rows
from holdfast.table import MANIFEST, TableWriter, open_table
from holdfast.verdict import Reason, Verdict, read_verdict
from tests.properties import JSON, TEXT, columns, folder, same

DECISIONS = st.sampled_from(["pass", "warn", "fail", "no_baseline"])
REASONS = st.builds(
    Reason, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT,
    st.none() | st.floats(0, 1), st.lists(TEXT, max_size=5).map(tuple),
)  # fmt: skip


@given(columns(), st.integers(1, 7), st.data())
def test_a_table_is_read_as_it_was_written_however_it_was_cut(drawn, step, data):
    rows = pa.table(drawn)
    target = data.draw(st.sampled_from(["", *rows.column_names]))
    with folder() as path:
        with TableWriter(path / "table", rows.schema, target) as writer:
            for start in range(0, rows.num_rows, step):
                for batch in rows.slice(start, step).to_batches():
                    writer.write(batch)
        table = open_table(path / "table")
        assert (table.rows, table.target) == (rows.num_rows, target)
        assert table.schema == rows.schema
        read = table.read().to_pydict()
        assert all(same(read[name], rows[name].to_pylist()) for name in rows.column_names)
        batches = [row for batch in table.batches() for row in batch.to_pylist()]
        assert same([list(r.values()) for r in batches],
                    [list(r.values()) for r in rows.to_pylist()])  # fmt: skip


@given(columns())
def test_the_counts_sizes_and_hashes_of_a_manifest_are_those_of_its_parts(drawn):
    rows = pa.table(drawn)
    with folder() as path:
        with TableWriter(path / "table", rows.schema) as writer:
            for batch in rows.to_batches():
                writer.write(batch)
        manifest = json.loads((path / "table" / MANIFEST).read_text(encoding="utf-8"))
        assert manifest["rows"] == sum(p["rows"] for p in manifest["parts"]) == rows.num_rows
        for part in manifest["parts"]:
            content = (path / "table" / part["file"]).read_bytes()
            assert part["bytes"] == len(content)
            assert part["sha256"] == hashlib.sha256(content).hexdigest()
        assert {p.name for p in (path / "table").iterdir()} == {
            MANIFEST, *(p["file"] for p in manifest["parts"])}  # fmt: skip


@given(st.sampled_from(["rows", "parts", "target", "task", "sha256", "role", "holdout"]), JSON)
def test_a_manifest_with_any_value_in_any_place_is_a_table_or_refused(key, value):
    rows = pa.table({"x": [1, 2]})
    with folder() as path:
        with TableWriter(path / "table", rows.schema, "x") as writer:
            writer.write(rows.to_batches()[0])
        file = path / "table" / MANIFEST
        manifest = json.loads(file.read_text()) | {key: value}
        file.write_text(json.dumps(manifest))
        try:
            table = open_table(path / "table")
        except InputError as error:
            assert "`table`" in str(error)
        else:
            assert table.read().num_rows == table.rows == 2


@given(DECISIONS, st.lists(REASONS, max_size=4))
def test_a_verdict_is_read_as_it_was_written(decision, reasons):
    verdict = Verdict(decision, tuple(reasons))
    with folder() as path:
        verdict.write(path / "verdict")
        assert read_verdict(path / "verdict") == verdict


@given(JSON)
def test_any_json_is_a_verdict_or_refused(document):
    with folder() as path:
        (path / "verdict").write_text(json.dumps(document))
        try:
            read_verdict(path / "verdict")
        except InputError as error:
            assert "`verdict`" in str(error)


class Sample(Document):
    """A document of each kind of value."""

    number: float = 0.0
    whole: int = 0
    flag: bool = False
    text: str = ""
    names: list[str] = Field(default=[])
    shares: dict[str, float] = Field(default={})


MODEST_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
SAMPLES = st.fixed_dictionaries({
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "whole": st.integers(-(2**63), 2**63), "flag": st.booleans(), "text": MODEST_TEXT,
    "names": st.lists(MODEST_TEXT, max_size=3),
    "shares": st.dictionaries(
        MODEST_TEXT, st.floats(allow_nan=False, allow_infinity=False), max_size=3),
}).map(lambda values: Sample(**values))  # fmt: skip


@given(SAMPLES)
def test_a_document_is_read_as_yaml_and_as_json_writes_it(sample):
    values = sample.model_dump()
    for text in (json.dumps(values), yaml.safe_dump(values)):
        assert read_document(text, Sample, "sample") == sample


@given(st.text())
def test_any_text_is_a_document_or_refused(text):
    try:
        read_document(text, Sample, "sample")
    except InputError as error:
        assert str(error).startswith("`sample` must be YAML")


@given(JSON)
def test_what_json_and_yaml_write_is_read_again(document):
    assert same(read_json(json.dumps(document)), document)
    assert read_json(json.dumps(document, ensure_ascii=False).encode()) == document


@given(st.text())
def test_whatever_is_wrong_with_json_or_yaml_is_a_value_error(text):
    for read in (read_json, read_yaml):
        try:
            read(text)
        except ValueError as error:
            str(error).encode()


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4), TEXT)
def test_no_text_adds_a_tag_to_a_page_or_a_cell_to_a_table(rows, text):
    page = Report(text, "", (Paragraph(text), Rows(text, ("a", "b"), tuple(rows))))
    plain = Report("x", "", (Paragraph("x"), Rows("x", ("a", "b"), (("x", "x"),) * len(rows))))
    assert page.html().count("<") == plain.html().count("<")
    lines = [line for line in page.markdown().splitlines() if line.startswith("| ")]
    assert len(lines) == 2 + len(rows)
    for line in lines:
        assert line.replace("\\\\", "").replace("\\|", "").count("|") == 3


@pytest.mark.parametrize("text", ["a: 1" + "0" * 400, "whole: 0x" + "f" * 5000, "!!int ''",
                                  'text: "\\ud800"', '"\\UFFFFFFFF"', "!!timestamp 2020",
                                  "whole: 1e400", "flag: !!bool x", "number: !!float ''",
                                  "a: &a [*a]", "[" * 5000])  # fmt: skip
def test_what_fuzzing_found_in_documents_stays_mended(text):
    with pytest.raises(InputError, match="`sample` must be YAML"):
        read_document(text, Sample, "sample")
