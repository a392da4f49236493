"""Profile the rows of a table, or a shard of them."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.dataset as ds

from holdfast.errors import InputError
from holdfast.profiles.profile import Profile, profile_batches, seed_of
from holdfast.table import Table
from holdfast.validation.profile_page import report

__all__ = ["profile_shard", "report"]


def profile_shard(table: Table, shard: int, shards: int) -> Profile:
    """Return the profile of one of `shards` runs of consecutive rows, about equally long.

    A Parquet row group is in one shard: there can be shards without rows.

    Raises:
        InputError: There is no such shard.
    """
    if not 0 <= shard < shards:
        raise InputError(
            f"`shard` must lie from 0 to below `shards`. Found: {shard} of {shards}. Count from 0."
        )
    first, batches = _rows_of(table, shard, shards)
    return profile_batches(table.schema, batches, first, seed_of(table))


def _rows_of(table: Table, shard: int, shards: int) -> tuple[int, Iterator[pa.RecordBatch]]:
    """Return the number of the shard's first row, and its rows."""
    if shards == 1 or not table.rows:
        return 0, table.batches()
    starts, total = [0], table.rows
    for piece in table.pieces():
        starts.append(starts[-1] + _rows(piece))
    chosen = [n for n, start in enumerate(starts[:-1]) if start * shards // total == shard]
    if not chosen:
        return 0, iter(())
    return starts[chosen[0]], table.batches(None, chosen[0], chosen[-1] + 1)


def _rows(piece: ds.Fragment) -> int:
    # Of some row groups of a file, Arrow's count_rows counts the rows of the whole file.
    if isinstance(piece, ds.ParquetFileFragment):
        return sum(group.num_rows for group in piece.row_groups)
    return int(piece.count_rows())
