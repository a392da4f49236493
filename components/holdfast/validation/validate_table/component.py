"""KFP interface of validate_table."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def validate_table(
    table: dsl.Input[dsl.Dataset],
    schema: dsl.Input[dsl.Artifact],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
) -> str:
    """Validate a table against a schema with TensorFlow Data Validation.

    Args:
        table: The table to validate.
        schema: A TensorFlow Metadata schema as text proto, as infer_schema writes it.

    Returns:
        verdict: Decision and reasons as JSON; each anomaly of TFDV is a reason.
        report: The findings and the schema as a page.
        summary: The same as Markdown.
        Output: The decision: pass, warn, fail, or no_baseline for an empty schema.
    """
    from holdfast.table import open_table
    from holdfast.validation.validate_table import logic

    result = logic.validate(open_table(table.path), logic.read_schema(schema.path))
    result.verdict.write(verdict.path)
    verdict.metadata.update(result.verdict.metadata())
    result.report.write(report.path, summary.path)
    return result.verdict.decision
