"""Split a table into a training, a test and a holdout share."""

from dataclasses import dataclass
from pathlib import Path

from holdfast.data.shares import Plan, write_shares
from holdfast.errors import InputError
from holdfast.table import Table


@dataclass(frozen=True)
class Split:
    """The tables of a split; their rows keep the order of the source."""

    train: Table
    test: Table
    holdout: Table


@dataclass(frozen=True)
class Paths:
    """Where the tables of a split go."""

    train: str | Path
    test: str | Path
    holdout: str | Path


def split(
    table: Table,
    paths: Paths,
    test_size: float,
    holdout_size: float = 0.0,
    method: str = "",
    by: str = "",
    seed: int = 42,
) -> Split:
    """Write three tables that share no row and together hold all of them.

    Args:
        table: The source.
        paths: Where the shares go.
        test_size: Above 0 and below 1.
        holdout_size: 0 for an empty holdout; with test_size below 1.
        method: A method of holdfast.data.shares, or empty.
        by: The column of the method.
        seed: Same table, shares, method and seed: same rows.

    Raises:
        InputError: A share is out of range or would be empty, or the method does not fit.
    """
    if not 0 < test_size < 1:
        raise InputError(
            f"`test_size` must lie above 0 and below 1. Found: {test_size}. The usual choice is "
            f"0.2."
        )
    if not (holdout_size >= 0 and test_size + holdout_size < 1):
        raise InputError(
            f"`holdout_size` must be 0 or more, and leave rows to train on besides `test_size` "
            f"{test_size}. Found: {holdout_size}. The usual choices are 0 and 0.1."
        )
    train_share = 1 - test_size - holdout_size
    shares = {"train": train_share, "test": test_size, "holdout": holdout_size}
    written = write_shares(
        table,
        Plan(shares, method, by, seed),
        {name: Path(getattr(paths, name)) for name in shares},
    )
    return Split(**written)
