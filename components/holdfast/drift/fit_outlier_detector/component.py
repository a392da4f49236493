"""KFP interface of fit_outlier_detector."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("drift"), install_kfp_package=False)
def fit_outlier_detector(
    reference: dsl.Input[dsl.Dataset],
    detector: dsl.Output[dsl.Artifact],
    summary: dsl.Output[dsl.Markdown],
    method: str = "isolation_forest",
    contamination: float = 0.01,
    columns: List[str] = [],  # noqa: B006  # KFP reads the default from the signature
    sample_rows: int = 20000,
    seed: int = 0,
):
    """Fit an outlier detector on a reference, once: checks never read the reference again.

    Numbers are taken as they are, a missing one as the median with a mark; a category by how rare
    it is. Values that the reference never had raise a row's score. Times are left out.

    Args:
        reference: Rows as they should be, such as the training share.
            Needs: {role: not holdout, columns: [$columns]}
        method: isolation_forest (Alibi Detect) or mahalanobis (squared distance from the mean).
        contamination: Share of rows like the reference that count as outliers, above 0 to 0.5. The
            threshold is their score among rows of the reference that were not learned from.
        columns: Columns to read; empty for all but the target.
        sample_rows: Rows drawn from the reference: half to learn from, half for the threshold.
            What a column holds is told by all rows.
        seed: Of the rows drawn and of the forest, 0 to 4294967295.

    Returns:
        detector: A directory of JSON and arrays, without a pickle; metadata tells the threshold.
            It holds values of the table: guard it like the table.
        summary: What was fitted on which columns.
    """
    from holdfast.drift.fit_outlier_detector import logic
    from holdfast.table import open_table

    request = logic.Request(method, contamination, tuple(columns), sample_rows, seed)
    fitted = logic.fit(open_table(reference.path, "reference"), request)
    fitted.write(detector.path)
    logic.report(fitted).write_markdown(summary.path)
    detector.metadata.update(fitted.metadata())
