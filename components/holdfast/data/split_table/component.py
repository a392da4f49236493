"""KFP interface of split_table."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def split_table(
    table: dsl.Input[dsl.Dataset],
    train: dsl.Output[dsl.Dataset],
    test: dsl.Output[dsl.Dataset],
    test_share: float = 0.2,
    seed: int = 42,
):
    """Split a table at random into a training and a test share.

    Each class has the same share on both sides where the table's task is classification. Counts
    are exact, rows keep their order, and the same table and seed give the same bytes.

    Args:
        table: The table to split.
        test_share: Share of the rows that goes to the test side, above 0 and below 1.
        seed: Seed of the random order.

    Returns:
        train: The rows to learn from.
        test: round(rows * test_share) rows to judge with.
    """
    from holdfast.data.split_table import logic
    from holdfast.table import open_table

    result = logic.split(open_table(table.path), train.path, test.path, test_share, seed)
    train.metadata.update(result.train.metadata())
    test.metadata.update(result.test.metadata())
