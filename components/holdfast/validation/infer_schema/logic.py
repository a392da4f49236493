"""Infer what a good table looks like, as a TensorFlow Metadata schema."""

from google.protobuf import text_format
from tensorflow_metadata.proto.v0.schema_pb2 import Schema
from tensorflow_metadata.proto.v0.statistics_pb2 import CommonStatistics, FeatureNameStatistics

from holdfast.errors import InputError
from holdfast.table import Table
from holdfast.validation import tfdv
from holdfast.validation.statistics import table_statistics


def infer_schema(table: Table, tolerance: float) -> Schema:
    """Return the schema of a table.

    Args:
        table: A table that is taken to be good, such as the training share.
        tolerance: Share of the rows of another table that may lack a value where this one lacks
            none, or hold a string that this one does not; from 0 to below 1. A column with values
            in no larger share of this table's rows may be without values there.

    Raises:
        InputError: The tolerance is out of range.
    """
    if not 0 <= tolerance < 1:
        raise InputError(
            f"`tolerance` must lie from 0 to below 1. Found: {tolerance}. The usual choice is 0.01."
        )
    statistics = table_statistics(table)
    schema = tfdv.infer_schema(statistics)
    rare = tolerance * statistics.num_examples
    present = {f.path.step[0]: _common(f).num_non_missing for f in statistics.features}
    # A share that is just the tolerance must pass, however it is rounded.
    share = 1 - tolerance - 1e-9 if tolerance else 1.0
    for feature in schema.feature:
        if present[feature.name] <= rare:
            # TFDV asks for one value at least, which a sample of an all but empty column may lack.
            feature.presence.min_count = 0
        if tolerance and feature.presence.min_fraction == 1:
            feature.presence.min_fraction = share
            # A fixed shape allows no missing value; one value in each row that has any does.
            feature.ClearField("shape")
            feature.value_count.min = feature.value_count.max = 1
        if feature.HasField("domain"):
            feature.distribution_constraints.min_domain_mass = share
    return schema


def _common(feature: FeatureNameStatistics) -> CommonStatistics:
    kind = feature.WhichOneof("stats")
    return getattr(feature, kind).common_stats


def to_text(schema: Schema) -> str:
    """Return the schema as text proto, which people edit and keep in git."""
    return text_format.MessageToString(schema, as_utf8=True)
