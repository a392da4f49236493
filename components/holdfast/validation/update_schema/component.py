"""KFP interface of update_schema."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def update_schema(
    schema: dsl.Input[dsl.Artifact],
    updated: dsl.Output[dsl.Artifact],
    changes: str,
):
    """Change a schema: add what only people know to what was inferred.

    Changes are YAML. `environments` names the kinds of tables there are; under `columns`, each
    column takes any of: `required_share` (least share of rows with a value, 0 to 1), `min` and
    `max` (numbers), `domain` (the strings allowed), `add_to_domain`, `min_domain_mass` (share of
    values that must be in the domain), `not_in` (environments in which the column is absent, such
    as the label at serving), `sensitive` (true: its values are never shown), `drift` and `skew`
    (thresholds `l_infinity` for text, `jensen_shannon` for numbers or text), `remove` (true). For
    example:

    {environments: [training, serving], columns: {age: {min: 0, max: 120}, label: {not_in:
    [serving]}}}

    Args:
        schema: A TensorFlow Metadata schema as text proto, as infer_schema writes it.
        changes: The changes as YAML; all of them are made, or none.

    Returns:
        updated: The changed schema as text proto.
    """
    from holdfast.validation.schema import metadata, read_schema, write_schema
    from holdfast.validation.update_schema import logic

    changed = logic.update_schema(read_schema(schema.path), changes)
    write_schema(changed, updated.path)
    updated.metadata.update(metadata(changed))
