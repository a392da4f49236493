"""What infer_schema writes: a schema that people can read, edit and keep."""

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from holdfast.errors import InputError
from holdfast.validation.infer_schema.logic import infer_schema, to_text
from holdfast.validation.validate_table.logic import read_schema


def features(schema):
    return {feature.name: feature for feature in schema.feature}


def test_each_column_has_its_type(table):
    columns = {"i": [1, 2], "f": [0.5, 1.5], "s": ["x", "y"], "b": [True, False]}
    kinds = {name: f.type for name, f in features(infer_schema(table(columns), 0.01)).items()}
    assert kinds == {
        "i": schema_pb2.INT,
        "f": schema_pb2.FLOAT,
        "s": schema_pb2.BYTES,
        "b": schema_pb2.INT,
    }


def test_the_domain_of_text_is_what_the_table_holds(table):
    schema = infer_schema(table({"s": ["red", "blue", None, "red"]}), 0.01)
    assert sorted(schema.string_domain[0].value) == ["blue", "red"]


@pytest.mark.parametrize(("distinct", "domains"), [(100, 1), (101, 0)])
def test_text_with_up_to_100_distinct_values_has_a_domain(table, distinct, domains):
    values = [f"v{n % distinct}" for n in range(distinct * 20)]
    assert len(infer_schema(table({"s": values}), 0.01).string_domain) == domains


def test_the_tolerance_is_written_where_a_column_is_complete(table):
    found = features(infer_schema(table({"full": ["x", "y"], "gaps": ["x", None]}), 0.05))
    assert found["full"].presence.min_fraction == pytest.approx(0.95)
    assert found["gaps"].presence.min_fraction == 0
    assert found["full"].distribution_constraints.min_domain_mass == pytest.approx(0.95)


@pytest.mark.parametrize(("present", "required"), [(0, 0), (1, 0), (2, 1)])
def test_a_column_as_rare_as_the_tolerance_may_be_empty(table, present, required):
    column = [1] * present + [None] * (100 - present)
    schema = infer_schema(table({"full": range(100), "rare": column}), 0.01)
    assert features(schema)["rare"].presence.min_count == required


def test_the_schema_survives_its_text(table, tmp_path):
    schema = infer_schema(table({"größe": [1, 2], "s": ["é", 'a "b"']}), 0.01)
    (tmp_path / "schema.pbtxt").write_text(to_text(schema), encoding="utf-8")
    assert read_schema(tmp_path / "schema.pbtxt") == schema
    assert 'name: "größe"' in to_text(schema)


@pytest.mark.parametrize("tolerance", [-0.01, 1, 2, float("nan")])
def test_a_tolerance_that_is_no_share_is_refused(table, tolerance):
    with pytest.raises(InputError, match=rf"`tolerance` .*Found: {tolerance}. The usual choice"):
        infer_schema(table({"a": [1]}), tolerance)
