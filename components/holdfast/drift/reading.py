"""One pass over a table: its profile, and a seeded sample of its rows."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from holdfast.errors import InputError
from holdfast.profiles.profile import Profile, profile_batches, seed_of
from holdfast.table import Table

# Every row, where a number of rows is asked for.
ALL = 0


def read(
    table: Table, columns: Sequence[str], rows: int, seed: int, profile: Profile | None = None
) -> tuple[Profile, pa.Table]:
    """Return the profile of the columns, and so many of the rows in their order, in one pass.

    Args:
        table: What is read, batch by batch.
        columns: Which columns.
        rows: How many rows are drawn without replacement; 0 for all. Each set of rows is as likely
            as any other.
        seed: Seed of the draw.
        profile: The profile of the same table, if it is known: then rows are drawn only.
    """
    schema = pa.schema([table.schema.field(name) for name in columns])
    drawn = _Drawn(chosen_rows(table.rows, rows, seed))
    batches = drawn.passing(table.batches(list(columns)))
    if profile is None:
        profile = profile_batches(schema, batches, 0, seed_of(table))
    else:
        for _ in batches:
            pass
    return profile, pa.Table.from_batches(drawn.batches, schema).combine_chunks()


def chosen_rows(total: int, rows: int, seed: int) -> "np.ndarray | None":
    """Return the numbers of the rows that are drawn, ascending; None for all."""
    if rows == ALL or rows >= total:
        return None
    generator = np.random.default_rng(seed)
    return np.sort(generator.choice(total, rows, replace=False, shuffle=False))


class _Drawn:
    """Keeps the chosen rows of the batches that pass."""

    def __init__(self, rows: "np.ndarray | None") -> None:
        self.rows = rows
        self.batches: list[pa.RecordBatch] = []

    def passing(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        first = 0
        for batch in batches:
            self._keep(batch, first)
            first += batch.num_rows
            yield batch

    def _keep(self, batch: pa.RecordBatch, first: int) -> None:
        if self.rows is None:
            self.batches.append(batch)
            return
        start, end = np.searchsorted(self.rows, (first, first + batch.num_rows))
        if end > start:
            # A copy: a slice would keep the whole batch in memory.
            self.batches.append(batch.take(pa.array(self.rows[start:end] - first)))


def require_same(profile: Profile, table: Table, columns: Sequence[str], name: str) -> None:
    """Refuse the profile of another table.

    Raises:
        InputError: It lacks columns, or is of another number of rows.
    """
    lacking = [column for column in columns if column not in profile.columns]
    if lacking or profile.rows != table.rows:
        raise InputError(
            f"`profile` must be of the same table as `{name}`. Found: a profile of {profile.rows} "
            f"rows that lacks {lacking[:10]}, for a table of {table.rows} rows. Pass the profile "
            f"of this table, or none."
        )
