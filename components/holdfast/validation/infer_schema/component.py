"""KFP interface of infer_schema."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def infer_schema(
    profile: dsl.Input[dsl.Artifact],
    schema: dsl.Output[dsl.Artifact],
    tolerance: float = 0.01,
):
    """Infer the schema of a table from its profile with TensorFlow Data Validation.

    The schema states type, presence and shape of each column, and the domain of text columns with
    up to 100 distinct values. update_schema adds what only people know.

    Args:
        profile: What profile_table wrote for a table that is taken to be good, such as the
            training share.
        tolerance: Share of the rows of another table that may lack a value where this one lacks
            none, or hold a string that this one does not; from 0 to below 1. A column with values
            in no larger share of this table's rows may be without values there.

    Returns:
        schema: A TensorFlow Metadata schema as text proto, to be edited and kept in git.
    """
    from holdfast.profiles.profile import read_profile
    from holdfast.validation.infer_schema import logic
    from holdfast.validation.schema import metadata, write_schema

    inferred = logic.infer_schema(read_profile(profile.path), tolerance)
    write_schema(inferred, schema.path)
    schema.metadata.update(metadata(inferred))
