"""Assign each row of a table to one of any number of named shares, and write the shares.

Shares have an order, and are cut from the last to the first: how the earlier ones are divided never
moves the last, so that a holdout keeps its rows while the test share is still being chosen.

An assignment is one small number per row. It reads the columns that the method needs and no others;
the rows themselves are written in batches.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.errors import InputError
from holdfast.table import HOLDOUT, Table, TableWriter, is_number, open_table

Integers: TypeAlias = npt.NDArray[np.integer[Any]]

# How many bits of an md5 a float64 holds exactly.
HASH_BITS = 53


@dataclass(frozen=True)
class Plan:
    """How a table is cut.

    `shares` gives each share's part of the rows by its name, in order; they sum to 1. `method` is
    one of:

    - random: exact counts, in a random order (ShuffleSplit).
    - stratified: exact counts, and each class its part of every share, within one row of two
      shares, two of three and little more of many (StratifiedShuffleSplit). Missing values are a
      class. `by` is empty for the target.
    - time: exact counts, the oldest rows in the first share (TimeSeriesSplit). Rows of one time
      keep their order, and may lie on both sides of a cut. Missing times are refused.
    - group: all rows of a value in one share (GroupShuffleSplit), in a random order of the values.
      Counts are so near to the wanted ones that no further group would bring a share nearer.
      Missing values are one group: whoever they are, they are on one side.
    - hash: the key and the seed alone decide, so that a row stays where it is as others come and
      go. Counts are near to the wanted ones. Missing keys are refused.

    Empty is stratified by the target where the task is classification, else random. `by` names the
    column of the classes, times, groups or keys.
    """

    shares: Mapping[str, float]
    method: str = ""
    by: str = ""
    seed: int = 42

    @property
    def ends(self) -> npt.NDArray[np.float64]:
        """Where each share ends between 0 and 1, the last share first."""
        return np.cumsum(list(self.shares.values())[::-1])

    def sizes(self, rows: int) -> npt.NDArray[np.int64]:
        """Return how many of the rows go to each share, the last share first.

        They sum to `rows`, and each is within one row of its exact part.
        """
        ends = np.rint(rows * self.ends).astype(np.int64)
        ends[-1] = rows
        return np.diff(ends, prepend=0)


def write_shares(table: Table, plan: Plan, paths: Mapping[str, Path]) -> dict[str, Table]:
    """Write the shares that `paths` names; their rows keep the order of the table.

    Each says which share it is, and carries the hash of the share named holdout where that is
    written too and has rows.

    Raises:
        InputError: The plan does not fit the table, or the table is a locked holdout itself.
    """
    table.require_trainable("table")
    codes = assign(table, plan)
    with ExitStack() as stack:
        others = {n: _writer(table, n, path) for n, path in paths.items() if n != HOLDOUT}
        for writer in others.values():
            stack.enter_context(writer)
        if HOLDOUT not in paths:
            _write(table, plan, codes, others)
        else:
            # The holdout is finished first: the others write its hash into their manifests.
            with _writer(table, HOLDOUT, paths[HOLDOUT]) as locked:
                _write(table, plan, codes, {**others, HOLDOUT: locked})
            holdout = open_table(paths[HOLDOUT])
            for writer in others.values():
                writer.holdout = holdout.sha256 if holdout.rows else table.holdout
    return {name: open_table(path) for name, path in paths.items()}


def _writer(table: Table, name: str, path: Path) -> TableWriter:
    # The lock of an earlier split stays, unless this one has a holdout of its own.
    return TableWriter(path, table.schema, table.target, table.task, name, table.holdout)


def _write(table: Table, plan: Plan, codes: Integers, writers: Mapping[str, TableWriter]) -> None:
    names, start = list(plan.shares), 0
    for batch in table.batches():
        here = codes[start : start + batch.num_rows]
        for name, writer in writers.items():
            writer.write(batch.filter(pa.array(here == names.index(name))))
        start += batch.num_rows


def assign(table: Table, plan: Plan) -> Integers:
    """Return for each row the position of its share in the plan.

    Raises:
        InputError: The method or the seed is none, the column does not fit the method, or a share
            would be empty.
    """
    if plan.seed < 0:
        raise InputError(f"`seed` must be 0 or more. Found: {plan.seed}. Choose another.")
    method, column = _choose(table, plan)
    wanted = plan.sizes(table.rows)
    _require_rows(table, plan, wanted, "Pass more rows, or other shares.")
    codes = _METHODS[method](table, column, plan)
    found = np.bincount(codes, minlength=len(plan.shares))[::-1]
    _require_rows(
        table, plan, found, f"Pass more rows, or a `by` with more values than {column!r}."
    )
    return codes


def _choose(table: Table, plan: Plan) -> tuple[str, str]:
    """Return the method and its column, once both are known to fit."""
    if plan.method not in ("", *_METHODS):
        raise InputError(
            f"`method` must be one of {list(_METHODS)}, or empty for stratified by the target of a "
            f"classification and random otherwise. Found: {plan.method!r}."
        )
    usual = "stratified" if table.task == "classification" else "random"
    method = plan.method or usual
    if plan.by and (not plan.method or method == "random"):
        raise InputError(
            f"`by` must be empty where `method` is {plan.method!r}. Found: {plan.by!r}. Choose "
            f"stratified, time, group or hash."
        )
    column = table.target if method == "stratified" and not plan.by else plan.by
    if method != "random" and column not in table.schema.names:
        raise InputError(
            f"`by` must name a column of `table` where `method` is {method!r}; for stratified it "
            f"may be empty if the table has a target. Found: {plan.by!r} among "
            f"{table.schema.names[:30]}. Choose one of these."
        )
    return method, column


def _require_rows(table: Table, plan: Plan, sizes: Integers, remedy: str) -> None:
    shares = list(plan.shares.items())[::-1]
    pairs = zip(shares, sizes.tolist(), strict=True)
    empty = [name for (name, share), size in pairs if share and not size]
    if empty:
        raise InputError(
            f"`table` must have enough rows for every share. Found: {table.rows} rows, of which "
            f"none would be in {empty[:10]}. {remedy}"
        )


def _random(table: Table, _column: str, plan: Plan) -> Integers:
    return _by_class(np.zeros(table.rows, dtype=np.uint8), plan)


def _stratified(table: Table, column: str, plan: Plan) -> Integers:
    return _by_class(_values(table, column), plan)


def _by_class(classes: Integers, plan: Plan) -> Integers:
    random = np.random.default_rng(plan.seed)
    # A random order of all rows, then grouped by class: within each, a random order.
    order = random.permutation(len(classes))
    order = order[np.argsort(classes[order], kind="stable")]
    left = np.bincount(classes)
    sizes = []
    for wanted in plan.sizes(len(classes))[:-1]:
        sizes.append(_largest_remainder(left, int(wanted), random))
        left = left - sizes[-1]
    labels = np.tile(_labels(plan)[::-1], len(left))
    codes = np.empty(len(classes), dtype=labels.dtype)
    codes[order] = np.repeat(labels, np.column_stack([*sizes, left]).ravel())
    return codes


def _largest_remainder(
    counts: npt.NDArray[np.int64], wanted: int, random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Share `wanted` out in proportion to `counts` (Hamilton's method), exactly."""
    exact = counts * (wanted / counts.sum())
    sizes = np.floor(exact).astype(np.int64)
    rest = wanted - int(sizes.sum())
    # Among more classes than rows to give, the first classes are the head of the table.
    ties = random.permutation(len(counts)) if len(counts) > wanted else np.arange(len(counts))
    sizes[ties[np.argsort((sizes - exact)[ties], kind="stable")[:rest]]] += 1
    return sizes


def _time(table: Table, column: str, plan: Plan) -> Integers:
    kind = table.schema.field(column).type
    if not (is_number(kind) or pa.types.is_temporal(kind)):
        raise InputError(
            f"`by` must name a column of dates, timestamps or numbers where `method` is 'time'. "
            f"Found: {column!r} of type {kind}. Convert it at the source."
        )
    _refuse_missing(table, column, "time")
    order = pc.sort_indices(table.read([column]).column(0)).to_numpy()
    codes = np.empty(table.rows, dtype=_labels(plan).dtype)
    codes[order] = np.repeat(_labels(plan), plan.sizes(table.rows)[::-1])
    return codes


def _group(table: Table, column: str, plan: Plan) -> Integers:
    groups = _values(table, column)
    counts = np.bincount(groups)
    labels = _labels(plan)
    # The first share takes what the others leave.
    chosen = np.zeros(len(counts), dtype=labels.dtype)
    waiting = np.random.default_rng(plan.seed).permutation(np.flatnonzero(counts))
    for label, wanted in zip(labels[:0:-1], plan.sizes(table.rows)[:-1], strict=True):
        taken = _fill(counts[waiting], int(wanted))
        chosen[waiting[taken]] = label
        waiting = waiting[~taken]
    return chosen[groups]


def _fill(counts: npt.NDArray[np.int64], wanted: int) -> npt.NDArray[np.bool_]:
    """Choose, in order, each group that still fits; then one more if that comes nearer."""
    taken = np.zeros(len(counts), dtype=bool)
    gap = wanted
    fitting = np.flatnonzero(counts <= gap)
    while len(fitting):
        ends = np.cumsum(counts[fitting])
        many = int(np.searchsorted(ends, gap, side="right"))
        taken[fitting[:many]] = True
        gap -= int(ends[many - 1])
        fitting = fitting[many:][counts[fitting[many:]] <= gap]
    rest = np.flatnonzero(~taken)
    if gap and len(rest):
        smallest = rest[np.argmin(counts[rest])]
        # A share without a row is of no use, however far a whole group leads.
        taken[smallest] = counts[smallest] - gap < gap or gap == wanted
    return taken


def _hash(table: Table, column: str, plan: Plan) -> Integers:
    import duckdb

    _refuse_missing(table, column, "hash")
    # The upper 53 of 128 bits; four times as fast as md5_number_upper.
    query = "SELECT (md5_number($seed || ':' || key) >> 75)::UBIGINT FROM keys"
    ends = np.floor(plan.ends[:-1] * 2**HASH_BITS).astype(np.uint64)
    labels = _labels(plan)[::-1]
    codes = []
    # One thread: the answers come in the order of the rows.
    with duckdb.connect(config={"threads": 1}) as connection:
        for batch in table.batches([column]):
            keys = _plain(partial(batch.column(0).cast, pa.string()), column)
            connection.register("keys", pa.table({"key": keys}))
            found = connection.sql(query, params={"seed": str(plan.seed)}).to_arrow_table()
            hashes = found.column(0).to_numpy()
            codes.append(labels[np.searchsorted(ends, hashes, side="right")])
    return np.concatenate(codes)


# A method's name -> what assigns the rows.
_METHODS: dict[str, Callable[[Table, str, Plan], Integers]] = {
    "random": _random,
    "stratified": _stratified,
    "time": _time,
    "group": _group,
    "hash": _hash,
}


def _labels(plan: Plan) -> Integers:
    """Return the positions of the shares in the smallest type that holds them."""
    return np.arange(len(plan.shares), dtype=np.min_scalar_type(len(plan.shares)))


def _values(table: Table, column: str) -> Integers:
    """Return a number for each distinct value of a column; missing values have one of their own."""
    values = table.read([column]).column(0)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    # A column that is stored encoded may have another dictionary in each part.
    stored = pa.types.is_dictionary(values.type)
    encoded = _plain(values.unify_dictionaries if stored else values.dictionary_encode, column)
    missing = len(encoded.chunk(0).dictionary)
    # Sorting is several times faster in 16 bits.
    small = np.min_scalar_type(missing) if missing < 2**16 else np.int32
    codes = (chunk.indices.cast(pa.int32()).fill_null(missing) for chunk in encoded.chunks)
    return np.concatenate([code.to_numpy().astype(small) for code in codes])


def _plain(read: Callable[[], Any], column: str) -> Any:
    try:
        return read()
    except (pa.ArrowException, TypeError) as error:
        raise InputError(
            f"`by` must name a column of plain values, such as text, numbers or dates. Found: "
            f"{column!r}, which Arrow cannot compare. Choose another."
        ) from error


def _refuse_missing(table: Table, column: str, method: str) -> None:
    counts = [
        pc.sum(pc.is_null(batch.column(0), nan_is_null=True)).as_py() or 0
        for batch in table.batches([column])
    ]
    if sum(counts):
        raise InputError(
            f"`by` must name a column without missing values where `method` is {method!r}. Found: "
            f"{sum(counts)} missing among {table.rows} in {column!r}. Fill or drop them at the "
            f"source."
        )
