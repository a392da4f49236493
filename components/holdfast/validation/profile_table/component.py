"""KFP interface of profile_table."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("validation"), install_kfp_package=False)
def profile_table(
    table: dsl.Input[dsl.Dataset],
    profile: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    shard: int = 0,
    shards: int = 1,
):
    """Describe each column of a table: TFDV's statistics, and a page to look at.

    The table is read once, in batches. Counts, range, mean, deviation and the frequencies of text
    are exact; quantiles and histograms are of a sample of 65,536 values (all of them in a smaller
    column), which is within 1 % of rank.

    Args:
        table: The table to describe.
        shard: Which of the shards of the rows to describe, from 0.
        shards: How many shards of consecutive rows there are, at least 1: pods describe one each,
            and merge_profiles makes them one.

    Returns:
        profile: A directory with FeatureStats.pb (a TFDV DatasetFeatureStatisticsList) and what is
            needed to merge it. It holds values of the table: guard it like the table.
        report: A page with each column's histogram, quantiles, frequent values and warnings.
        summary: The same as Markdown, without pictures.
    """
    from holdfast.table import open_table
    from holdfast.validation.profile_table import logic
    from holdfast.validation.statistics import write_profile

    found = logic.profile_shard(open_table(table.path), shard, shards)
    write_profile(found, profile.path)
    profile.metadata.update(found.metadata())
    logic.report(found).write(report.path, summary.path)
