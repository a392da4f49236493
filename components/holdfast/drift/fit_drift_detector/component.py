"""KFP interface of fit_drift_detector."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("drift"), install_kfp_package=False)
def fit_drift_detector(
    reference: dsl.Input[dsl.Dataset],
    detector: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    profile: dsl.Input[dsl.Artifact] = None,
    method: str = "tabular",
    correction: str = "",
    p_value: float = 0.05,
    columns: List[str] = [],  # noqa: B006  # KFP reads the default from the signature
    ignored: List[str] = [],  # noqa: B006
    categorical: List[str] = [],  # noqa: B006
    rows: int = 50000,
    components: float = 0.95,
    seed: int = 0,
    optional: bool = False,
):
    """Fit a drift detector to a reference table, so that no later check reads the table again.

    Features, the prediction and the target are told apart by the table's own target, and by what
    batch_predict says in a table of predictions. Times are left out.

    Args:
        reference: The rows that the model was trained on, or a table of predictions from a time
            when all was well; at least 50 rows.
            Needs: {role: not holdout, columns: [$columns, $categorical]}
        profile: What profile_table wrote of the same table, to save a second reading.
        method: tabular (Kolmogorov-Smirnov for numbers, chi-squared for categories), cvm
            (Cramer-von Mises for numbers), fet (Fisher's exact test for categories of two values),
            classifier (gradient boosting tries to tell the tables apart), or mmd, lsdd or
            spot_the_diff, which need PyTorch in the image.
        correction: For many columns: permutation (the default of tabular: right for columns that
            depend on each other, too), bonferroni (the default of others) or fdr.
        p_value: How often a check of an unchanged table may be alarmed, up to 0.5.
        columns: Columns to judge; empty for all.
        ignored: Columns not to judge, such as keys.
        categorical: Columns of numbers that stand for categories.
        rows: Rows of the reference, drawn at random, that tests compare with; 0 for all. The
            classifier takes at most 10,000, mmd, lsdd and spot_the_diff 2,000.
        components: Of a multivariate method: share of the variance, or number of principal
            components, that it sees; 0 for the columns themselves.
        seed: Seed of the rows that are drawn, and of what tests draw.
        optional: Whether too few rows leave an empty file, and checks answer no_baseline.

    Returns:
        detector: A directory with detector.json, the profile of all rows and the drawn rows. It
            holds values of the table: guard it like the table.
        report: Which columns are judged and how, and why others are not.
        summary: The same as Markdown.
    """
    from holdfast.drift.fit_drift_detector import logic
    from holdfast.optional import left_out
    from holdfast.table import open_table

    request = logic.ask(
        (columns, ignored, categorical), (method, correction, p_value), rows, components, seed
    )
    known = logic.profile_of(getattr(profile, "path", ""))
    with left_out(optional, detector.path, report.path, summary.path):
        found = logic.fit(open_table(reference.path, "reference"), request, known)
        found.write(detector.path)
        detector.metadata.update(found.metadata())
        logic.report(found).write(report.path, summary.path)
