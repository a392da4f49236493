"""Split a table at random into exact shares, by class where the task is classification."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from holdfast.errors import InputError
from holdfast.table import Table, TableWriter, open_table


@dataclass(frozen=True)
class Split:
    """The two tables of a split; their rows keep the order of the source."""

    train: Table
    test: Table


def split(
    table: Table, train_path: str | Path, test_path: str | Path, test_share: float, seed: int
) -> Split:
    """Write two tables that share no row and together hold all of them.

    Args:
        table: The source.
        train_path: Where the larger share goes.
        test_path: Where the test share goes: exactly ``round(rows * test_share)`` rows.
        test_share: Above 0 and below 1.
        seed: Same table, share and seed: same rows.

    Raises:
        InputError: The share is out of range or leaves one side empty.
    """
    in_test = choose_test_rows(table, test_share, seed)
    with (
        TableWriter(train_path, table.schema, table.target, table.task) as train,
        TableWriter(test_path, table.schema, table.target, table.task) as test,
    ):
        start = 0
        for batch in table.batches():
            here = in_test[start : start + batch.num_rows]
            train.write(batch.filter(pa.array(~here)))
            test.write(batch.filter(pa.array(here)))
            start += batch.num_rows
    return Split(open_table(train_path), open_table(test_path))


def choose_test_rows(table: Table, test_share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Return for each row whether it belongs to the test share."""
    if not 0 < test_share < 1:
        raise InputError(
            f"`test_share` must lie above 0 and below 1. Found: {test_share}. The usual choice is "
            f"0.2."
        )
    if seed < 0:
        raise InputError(f"`seed` must be 0 or more. Found: {seed}. Choose another.")
    wanted = round(table.rows * test_share)
    if wanted in (0, table.rows):
        raise InputError(
            f"`table` must have enough rows for both sides. Found: {table.rows} rows, of which "
            f"{wanted} would be for testing. Pass more rows, or another test_share."
        )
    strata = _strata(table)
    sizes = _largest_remainder(np.bincount(strata), wanted)
    random = np.random.default_rng(seed)
    # A random order of all rows, then grouped by stratum: within each, a random order.
    order = random.permutation(table.rows)
    order = order[np.argsort(strata[order], kind="stable")]
    mask = np.zeros(table.rows, dtype=bool)
    starts = np.concatenate(([0], np.cumsum(np.bincount(strata))[:-1]))
    for start, size in zip(starts, sizes, strict=True):
        mask[order[start : start + size]] = True
    return mask


def _strata(table: Table) -> npt.NDArray[np.int64]:
    """Return the stratum of each row: its class, or one for all where there are no classes."""
    if table.task != "classification":
        return np.zeros(table.rows, dtype=np.int64)
    column = table.read([table.target]).column(0).combine_chunks()
    codes = column.dictionary_encode().indices
    return np.asarray(codes, dtype=np.int64)


def _largest_remainder(counts: npt.NDArray[np.int64], wanted: int) -> npt.NDArray[np.int64]:
    """Share `wanted` out in proportion to `counts` (Hamilton's method), exactly."""
    exact = counts * (wanted / counts.sum())
    sizes = np.floor(exact).astype(np.int64)
    rest = wanted - int(sizes.sum())
    sizes[np.argsort(sizes - exact, kind="stable")[:rest]] += 1
    return sizes
