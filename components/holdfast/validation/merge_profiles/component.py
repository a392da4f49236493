"""KFP interface of merge_profiles."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def merge_profiles(
    profiles: dsl.Input[List[dsl.Artifact]],
    profile: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
):
    """Merge the profiles of a table's shards, or of tables with the same columns, into one.

    Args:
        profiles: What profile_table wrote for each; columns and types must be the same.

    Returns:
        profile: The profile of all rows together; merging shards gives what profiling the whole
            table gives.
        report: The page of all rows.
        summary: The same as Markdown.
    """
    from holdfast.validation.merge_profiles import logic
    from holdfast.validation.statistics import write_profile

    found = logic.merge([each.path for each in profiles])
    write_profile(found, profile.path)
    profile.metadata.update(found.metadata())
    logic.report(found).write(report.path, summary.path)
