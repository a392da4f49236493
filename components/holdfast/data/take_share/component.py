"""KFP interface of take_share."""

from typing import Optional

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def take_share(
    table: dsl.Input[dsl.Dataset],
    share: dsl.Output[dsl.Dataset],
    shares: dict[str, float],
    name: str,
    method: str = "",
    by: str = "",
    oldest_first: Optional[list[str]] = None,
    seed: int = 42,
):
    """Take one of any number of named shares of a table.

    Calls that differ in the name alone give shares that have no row in common and together hold
    all rows: {"train": 0.7, "test": 0.2, "holdout": 0.1} taken three times is a split in three,
    the same as split_table's; {"a": 0.2, "b": 0.2, "c": 0.2, "d": 0.2, "e": 0.2} taken five times
    is one in five. Rows keep their order. A share named holdout is locked: no training component
    reads it, and its hash travels with the other shares.

    Args:
        table: The table to take from. Needs: {role: not holdout, columns: [$by]}
        shares: Each share's part of the rows by its name, above 0 and below 1; they sum to 1.
        name: The share to take.
        method: random, stratified, time, group or hash, as in split_table. Empty for stratified
            where the table's task is classification, else random.
        by: The column of the classes (empty for the target), times, groups or keys. Times and keys
            must not be missing.
        oldest_first: For time, and only for it: the names in order, from the oldest rows to the
            newest. KFP does not keep the order of `shares`.
        seed: Seed of the random order, of the groups' order or of the hash; at least 0.

    Returns:
        share: The rows of the share: within one row of its part, near to it for group and hash.
            Gives: {like: table, role: $name}
    """
    from holdfast.data.take_share import logic
    from holdfast.table import open_table

    plan = logic.plan(shares, method, by, oldest_first, seed)
    taken = logic.take(open_table(table.path), plan, name, share.path)
    share.metadata.update(taken.metadata())
