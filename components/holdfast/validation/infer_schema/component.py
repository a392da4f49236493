"""KFP interface of infer_schema."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def infer_schema(
    table: dsl.Input[dsl.Dataset],
    schema: dsl.Output[dsl.Artifact],
    tolerance: float = 0.01,
):
    """Infer the schema of a table with TensorFlow Data Validation.

    The schema states type, presence and shape of each column, and the domain of text columns with
    up to 100 distinct values.

    Args:
        table: A table that is taken to be good, such as the training share.
        tolerance: Share of the rows of another table that may lack a value where this one lacks
            none, or hold a string that this one does not; from 0 to below 1. A column with values
            in no larger share of this table's rows may be without values there.

    Returns:
        schema: A TensorFlow Metadata schema as text proto, to be edited and kept in git.
    """
    from pathlib import Path

    from holdfast.table import open_table
    from holdfast.validation.infer_schema import logic

    inferred = logic.infer_schema(open_table(table.path), tolerance)
    Path(schema.path).write_text(logic.to_text(inferred), encoding="utf-8")
    schema.metadata.update({"holdfast_contract": "schema/1", "columns": len(inferred.feature)})
