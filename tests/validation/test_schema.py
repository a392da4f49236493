"""Schemas as text that people keep in git."""

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0.schema_pb2 import Schema

from holdfast.errors import InputError
from holdfast.validation.schema import (
    bounds,
    constraints,
    interval,
    is_sensitive,
    metadata,
    named_domains,
    read_schema,
    string_domain,
    write_schema,
)

TEXT = """
feature { name: "n" type: INT int_domain { min: 0 max: 9007199254740993 }
          presence { min_fraction: 0.5 } not_in_environment: "serving" }
feature { name: "own" type: BYTES string_domain { value: "x" value: "y" }
          annotation { tag: "sensitive" } }
feature { name: "shared" type: BYTES domain: "d" distribution_constraints { min_domain_mass: 0.9 } }
feature { name: "lost" type: BYTES domain: "nowhere" }
feature { name: "f" type: FLOAT float_domain { max: 0.5 } }
string_domain { name: "d" value: "a" value: "b" value: "c" }
"""
SCHEMA = text_format.Parse(TEXT, Schema())
FEATURES = {feature.name: feature for feature in SCHEMA.feature}


def test_a_schema_survives_its_text(tmp_path, schema_of):
    path = schema_of({"größe": [1, 2], "s": ["é", 'a "b"\n'], "<script>": [0.5, 1]}, tolerance=0.01)
    schema = read_schema(path)
    write_schema(schema, tmp_path / "again")
    assert read_schema(tmp_path / "again") == schema
    assert 'name: "größe"' in (tmp_path / "again").read_text(encoding="utf-8")


def test_remarks_in_the_text_are_left_out(tmp_path):
    (tmp_path / "s").write_text('# kept by hand\nfeature { name: "a" }  # yes\n')
    assert [f.name for f in read_schema(tmp_path / "s").feature] == ["a"]


def test_an_empty_file_is_an_empty_schema(tmp_path):
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


def test_a_domain_is_a_columns_own_or_shared_by_name():
    named = named_domains(SCHEMA)
    domains = {name: string_domain(feature, named) for name, feature in FEATURES.items()}
    assert domains == {
        "n": None, "own": ["x", "y"], "shared": ["a", "b", "c"], "lost": None, "f": None,
    }  # fmt: skip


def test_bounds_are_those_that_are_written():
    assert bounds(FEATURES["n"]) == (0, 2**53 + 1)
    assert bounds(FEATURES["f"]) == (None, 0.5)
    assert bounds(FEATURES["own"]) == (None, None)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0, 120, "from 0 to 120"),
        (None, 2**53 + 1, "at most 9007199254740993"),
        (0.5, None, "at least 0.5"),
        (-1e20, 0.1, "from -1e+20 to 0.1"),
        (None, None, "any number"),
    ],
)
def test_an_interval_is_said_in_words(low, high, words):
    assert interval(low, high) == words


def test_the_constraints_of_a_column_are_said_in_a_line_without_its_values():
    said = {name: constraints(f, named_domains(SCHEMA)) for name, f in FEATURES.items()}
    assert said == {
        "n": "INT, present in at least 0.5 of rows, from 0 to 9007199254740993, not in serving",
        "own": "BYTES, at least 1 of values out of 2 known ones",
        "shared": "BYTES, at least 0.9 of values out of 3 known ones",
        "lost": "BYTES",
        "f": "FLOAT, at most 0.5",
    }


def test_sensitive_is_an_annotation():
    assert [name for name, feature in FEATURES.items() if is_sensitive(feature)] == ["own"]


def test_the_metadata_tells_the_contract_and_the_number_of_columns():
    assert metadata(SCHEMA) == {"holdfast_contract": "schema/1", "columns": 5}


def test_a_schema_that_names_a_column_twice_is_refused(tmp_path):
    (tmp_path / "s").write_text('feature { name: "a" } feature { name: "b" } feature { name: "a" }')
    with pytest.raises(InputError, match=r"`schema` must name each column once.*Found: \['a'\]"):
        read_schema(tmp_path / "s")
