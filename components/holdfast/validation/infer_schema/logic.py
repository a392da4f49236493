"""Infer what a good table looks like, as a TensorFlow Metadata schema."""

from google.protobuf import text_format
from tensorflow_metadata.proto.v0.schema_pb2 import Schema

from holdfast.errors import InputError
from holdfast.table import Table
from holdfast.validation import tfdv
from holdfast.validation.statistics import table_statistics


def infer_schema(table: Table, tolerance: float) -> Schema:
    """Return the schema of a table.

    Args:
        table: A table that is taken to be good, such as the training share.
        tolerance: Share of the rows of another table that may lack a value where this one lacks
            none, or hold a string that this one does not; from 0 to below 1.

    Raises:
        InputError: The tolerance is out of range.
    """
    if not 0 <= tolerance < 1:
        raise InputError(
            f"`tolerance` must lie from 0 to below 1. Found: {tolerance}. The usual choice is 0.01."
        )
    schema = tfdv.infer_schema(table_statistics(table))
    for feature in schema.feature:
        if feature.presence.min_fraction == 1:
            feature.presence.min_fraction = 1 - tolerance
        if feature.HasField("domain"):
            feature.distribution_constraints.min_domain_mass = 1 - tolerance
    return schema


def to_text(schema: Schema) -> str:
    """Return the schema as text proto, which people edit and keep in git."""
    return text_format.MessageToString(schema, as_utf8=True)
