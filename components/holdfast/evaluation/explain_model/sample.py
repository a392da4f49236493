"""A seeded sample of a table's rows, read in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.errors import InputError
from holdfast.table import Table

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Sample:
    """Rows in random order, so that the first of them are a sample, too.

    `numbers` are their places in the table that they are of, from 0.
    """

    numbers: "npt.NDArray[np.int64]"
    table: Table


def draw(table: Table, columns: Sequence[str], rows: int, seed: int) -> Sample:
    """Draw rows of a table without putting any back; all of them if there are not more.

    Raises:
        InputError: The table has no rows.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.dataset as ds

    if not table.rows:
        raise InputError("`test` must hold rows. Found: none. Pass another share of the table.")
    chosen = np.random.default_rng(seed).permutation(table.rows)[:rows]
    ordered = np.sort(chosen)
    taken, first = [], 0
    for batch in table.batches(columns):
        start, end = np.searchsorted(ordered, (first, first + batch.num_rows))
        taken.append(batch.take(pa.array(ordered[start:end] - first)))
        first += batch.num_rows
    found = pa.Table.from_batches(taken).take(pa.array(np.searchsorted(ordered, chosen)))
    memory = ds.dataset(found.combine_chunks())
    return Sample(chosen, Table(table.path, memory, len(chosen), table.target, table.task))
