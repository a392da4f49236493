"""Take one share of a table: N calls give the N shares, which KFP's fixed outputs cannot."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from holdfast.data.shares import Plan, write_shares
from holdfast.errors import InputError
from holdfast.table import HOLDOUT, Table


def plan(
    shares: Mapping[str, float],
    method: str = "",
    by: str = "",
    oldest_first: Sequence[str] | None = None,
    seed: int = 42,
) -> Plan:
    """Return how a table is cut; the order in which the shares are given does not matter.

    Args:
        shares: Each share's part by its name, above 0 and below 1; they sum to 1.
        method: A method of holdfast.data.shares, or empty.
        by: The column of the method.
        oldest_first: All names in the order of time; only where the method is time.
        seed: Same table, shares, method and seed: same assignment.

    Raises:
        InputError: The shares are none, or the order does not name each of them once.
    """
    _check_shares(shares)
    # KFP hands a dictionary on as a protobuf map, which has no order: the alphabet is one that
    # every call sees, backwards because then train, test and holdout lie as split_table has them.
    order = sorted(shares, reverse=True)
    if method == "time":
        order = list(oldest_first or [])
        if sorted(order) != sorted(shares):
            raise InputError(
                f"`oldest_first` must name each of `shares` once where `method` is 'time'. Found: "
                f"{order} for {sorted(shares)}. List the names from the oldest rows to the newest."
            )
    elif oldest_first:
        raise InputError(
            f"`oldest_first` must be empty where `method` is {method!r}. Found: "
            f"{list(oldest_first)}. Leave it out, or choose the method time."
        )
    return Plan({name: shares[name] for name in order}, method, by, seed)


def take(table: Table, plan: Plan, name: str, path: str | Path) -> Table:
    """Write the rows of one share.

    Args:
        table: The source.
        plan: How it is cut, as `plan` returns it.
        name: The share to write.
        path: Where it goes.

    Raises:
        InputError: There is no such share, or the plan does not fit the table.
    """
    if name not in plan.shares:
        raise InputError(
            f"`name` must be one of `shares`. Found: {name!r} among {sorted(plan.shares)}."
        )
    paths = {name: Path(path)}
    with tempfile.TemporaryDirectory() as scratch:
        if HOLDOUT in plan.shares and name != HOLDOUT:
            # Written only for its hash, by which the lock travels.
            paths[HOLDOUT] = Path(scratch) / HOLDOUT
        return write_shares(table, plan, paths)[name]


def _check_shares(shares: Mapping[str, float]) -> None:
    numbers = all(isinstance(share, int | float) for share in shares.values())
    if not numbers or not all(name and 0 < share < 1 for name, share in shares.items()):
        raise InputError(
            f"`shares` must give each name a part above 0 and below 1. Found: {dict(shares)}. "
            f'Pass, for example, {{"train": 0.7, "test": 0.2, "holdout": 0.1}}.'
        )
    total = sum(shares.values())
    if not abs(total - 1) <= 1e-9:
        raise InputError(
            f"`shares` must sum to 1. Found: {total} for {dict(shares)}. Change one of them, or "
            f"add a share for the rest."
        )
