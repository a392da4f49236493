"""KFP interface of validate_table."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def validate_table(
    table: dsl.Input[dsl.Dataset],
    schema: dsl.Input[dsl.Artifact],
    verdict: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    accepted: dsl.Output[dsl.Dataset],
    quarantine: dsl.Output[dsl.Dataset],
    profile: dsl.Input[dsl.Artifact] = None,
    baseline: dsl.Input[dsl.Artifact] = None,
    serving: dsl.Input[dsl.Artifact] = None,
    reference: dsl.Input[dsl.Dataset] = None,
    expectations: str = "",
    environment: str = "",
    sensitive: List[str] = [],  # noqa: B006  # KFP copies it into the YAML
    max_quarantine_share: float = 0.1,
    as_of: str = "",
) -> str:
    """Validate a table against a schema, a baseline and expectations; set bad rows aside.

    TensorFlow Data Validation compares with the schema and its drift and skew comparators;
    expectations (YAML) say what a schema can't, and what follows: fail, warn or quarantine. The
    grammar is in components/holdfast/validation/expectations.py.

    Args:
        table: The table to validate. Needs: {without: [quarantine_reasons]}
        schema: A TensorFlow Metadata schema as text proto, as infer_schema writes it.
        profile: What profile_table wrote for this table; made here where it is not given.
        baseline: The profile of an earlier table, to find drift; an empty file for none yet.
        serving: The profile of serving requests, to find skew.
        reference: The table that exists_in_reference looks values up in.
        expectations: Rules and policies as YAML; empty for none.
        environment: One of the schema's environments, such as serving, where the label is absent.
        sensitive: Columns of which no value is shown, besides those that the schema marks.
        max_quarantine_share: Share of the rows that may be set aside, 0 to 1; more fails.
        as_of: The time that freshness is judged at, ISO 8601; empty for now.

    Returns:
        verdict: Decision and reasons as JSON: column, rule, observed, expected, share of rows, up
            to five example values.
        report: The findings and the schema as a page.
        summary: The same as Markdown.
        accepted: The rows that were not set aside, in order. Gives: {like: table}
        quarantine: The rows set aside, with the broken rules in the column quarantine_reasons.
            Gives: {like: table, adds: [quarantine_reasons]}
        Output: The decision: pass, warn (also when rows were set aside), fail, or no_baseline where
            there was no schema or baseline to compare with.
    """
    from holdfast.table import open_table
    from holdfast.validation.validate_table import logic

    request = logic.Request(
        expectations, environment, tuple(sensitive), max_quarantine_share, as_of
    )
    others = [getattr(each, "path", "") for each in (profile, baseline, serving, reference)]
    result = logic.validate(open_table(table.path), schema.path, logic.Others(*others), request)
    rows = result.write_rows(accepted.path, quarantine.path)
    result.verdict.write(verdict.path)
    result.report.write(report.path, summary.path)
    verdict.metadata.update(result.verdict.metadata())
    accepted.metadata.update(rows.accepted.metadata())
    quarantine.metadata.update(rows.quarantine.metadata())
    return result.verdict.decision
