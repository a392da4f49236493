"""What infer_schema writes: a schema that people can read, edit and keep."""

import pyarrow as pa
import pytest
from tensorflow_metadata.proto.v0 import schema_pb2

from holdfast.errors import InputError
from holdfast.profiles.profile import profile_table, read_profile
from holdfast.validation.infer_schema.logic import infer_schema


@pytest.fixture
def infer(table):
    """Return a function from columns and a tolerance to the schema of a table of them."""
    return lambda columns, tolerance=0.01: infer_schema(profile_table(table(columns)), tolerance)


def features(schema):
    return {feature.name: feature for feature in schema.feature}


def test_each_column_has_its_type(infer):
    columns = {
        "i": [1, 2],
        "f": [0.5, 1.5],
        "s": ["x", "y"],
        "b": [True, False],
        "t": pa.array([0, 1], pa.timestamp("s")),
        "d": pa.array(["1.5", "2.5"]).cast(pa.decimal128(5, 1)),
        "c": pa.array(["x", "y"]).dictionary_encode(),
    }
    kinds = {name: f.type for name, f in features(infer(columns)).items()}
    whole, fraction, text = schema_pb2.INT, schema_pb2.FLOAT, schema_pb2.BYTES
    expected = {"i": whole, "f": fraction, "s": text, "b": whole, "t": whole, "d": fraction}
    assert kinds == {**expected, "c": text}


def test_the_domain_of_text_is_what_the_table_holds(infer):
    schema = infer({"s": ["red", "blue", None, "red"]})
    assert sorted(schema.string_domain[0].value) == ["blue", "red"]


@pytest.mark.parametrize(("distinct", "domains"), [(100, 1), (101, 0)])
def test_text_with_up_to_100_distinct_values_has_a_domain(infer, distinct, domains):
    values = [f"v{n % distinct}" for n in range(distinct * 20)]
    assert len(infer({"s": values}).string_domain) == domains


def test_the_tolerance_is_written_where_a_column_is_complete(infer):
    found = features(infer({"full": ["x", "y"], "gaps": ["x", None]}, 0.05))
    assert found["full"].presence.min_fraction == pytest.approx(0.95)
    assert found["gaps"].presence.min_fraction == 0
    assert found["full"].distribution_constraints.min_domain_mass == pytest.approx(0.95)


@pytest.mark.parametrize(("present", "required"), [(0, 0), (1, 0), (2, 1)])
def test_a_column_as_rare_as_the_tolerance_may_be_empty(infer, present, required):
    column = pa.array([1] * present + [None] * (100 - present), pa.int64())
    found = features(infer({"full": range(100), "rare": column}))
    assert found["rare"].presence.min_count == required


@pytest.mark.parametrize("tolerance", [-0.01, 1, 2, float("nan")])
def test_a_tolerance_that_is_no_share_is_refused(infer, tolerance):
    with pytest.raises(InputError, match=rf"`tolerance` .*Found: {tolerance}. The usual choice"):
        infer({"a": [1]}, tolerance)


def test_a_profile_that_was_written_gives_the_same_schema(infer, table, profile_of):
    given = table({"s": ["x", None, "y"], "f": [1.5, 2.5, None]})
    assert infer_schema(read_profile(profile_of(given)), 0.01) == infer(given.read())


def test_columns_of_any_name_are_in_the_schema(infer):
    names = ["<script>", "a\nb", "größe", 'a "b"', "x" * 1000, "ID", "id"]
    assert [f.name for f in infer({name: [1] for name in names}).feature] == names
