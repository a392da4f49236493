"""Infer what a good table looks like, as a TensorFlow Metadata schema."""

from tensorflow_metadata.proto.v0.schema_pb2 import Schema

from holdfast.errors import InputError
from holdfast.profiles.profile import Profile
from holdfast.validation import tfdv
from holdfast.validation.statistics import table_statistics


def infer_schema(profile: Profile, tolerance: float) -> Schema:
    """Return the schema of a table.

    Args:
        profile: That of a table which is taken to be good, such as the training share.
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
    schema = tfdv.infer_schema(table_statistics(profile))
    # A share that is just the tolerance must pass, however it is rounded.
    share = 1 - tolerance - 1e-9 if tolerance else 1.0
    for feature in schema.feature:
        if profile.columns[feature.name].present <= tolerance * profile.rows:
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
