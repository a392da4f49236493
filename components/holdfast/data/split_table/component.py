"""KFP interface of split_table."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def split_table(
    table: dsl.Input[dsl.Dataset],
    train: dsl.Output[dsl.Dataset],
    test: dsl.Output[dsl.Dataset],
    holdout: dsl.Output[dsl.Dataset],
    test_size: float = 0.2,
    holdout_size: float = 0.0,
    method: str = "",
    by: str = "",
    seed: int = 42,
):
    """Split a table into a training and a test share, and a locked holdout if wanted.

    Rows keep their order, and the same table, shares, method and seed give the same bytes. The
    holdout's rows do not depend on test_size. No training component reads a holdout: its manifest
    locks it, and its hash travels with the other shares. take_share cuts any number of shares.

    Args:
        table: The table to split. Needs: {role: not holdout, columns: [$by]}
        test_size: Share of the rows that goes to the test side, above 0 and below 1.
        holdout_size: Share of the rows that is locked away, at least 0; less than 1 with
            test_size.
        method: random or stratified (exact counts; stratified gives each class its part of every
            share); time (exact counts, train oldest, holdout newest; rows of one time keep their
            order and may lie on both sides of a cut); group (no value of `by` in two shares, and
            missing values are one group); hash (the value of `by` and the seed alone decide, so a
            row stays where it is as others arrive; counts are near). Empty for stratified where
            the table's task is classification, else random.
        by: The column of the classes (empty for the target), times, groups or keys. Times and keys
            must not be missing.
        seed: Seed of the random order, of the groups' order or of the hash; at least 0.

    Returns:
        train: The rows to learn from. Gives: {like: table, role: train}
        test: round(rows * test_size) rows to judge with; within one row if there is a holdout,
            and near for group and hash. Gives: {like: table, role: test}
        holdout: round(rows * holdout_size) rows for the last judgement, near for group and hash.
            A table without rows where holdout_size is 0. Gives: {like: table, role: holdout}
    """
    from holdfast.data.split_table import logic
    from holdfast.table import open_table

    paths = logic.Paths(train.path, test.path, holdout.path)
    opened = open_table(table.path)
    result = logic.split(opened, paths, test_size, holdout_size, method, by, seed)
    train.metadata.update(result.train.metadata())
    test.metadata.update(result.test.metadata())
    holdout.metadata.update(result.holdout.metadata())
