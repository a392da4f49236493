"""Write the rows that go on and those that are set aside, so that the counts add up."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from holdfast.errors import InputError
from holdfast.table import MANIFEST, Table, TableWriter, open_table
from holdfast.validation.row_rules import Aside
from holdfast.writing import whole

REASONS = "quarantine_reasons"


@dataclass(frozen=True)
class SplitRows:
    """The two tables, which together hold every row once."""

    accepted: Table
    quarantine: Table


def require_room(table: Table) -> None:
    """Refuse a table that has a column of the name that the reasons need.

    Raises:
        InputError: It has one.
    """
    if REASONS in table.schema.names:
        raise InputError(
            f"`table` must have no column {REASONS!r}: the reasons of rows set aside go there. "
            f"Found: it has one. Rename it."
        )


def write_rows(
    table: Table, aside: Aside, accepted: str | Path, quarantine: str | Path
) -> SplitRows:
    """Write two tables; rows keep their order.

    Args:
        table: The rows.
        aside: Which of them to set aside, and why.
        accepted: Where the others go, as a table like the source.
        quarantine: Where they go, with the reasons in a last column.

    """
    if not len(aside.rows) and (table.path / MANIFEST).is_file():
        with whole(accepted) as unfinished:
            shutil.copytree(table.path, unfinished, copy_function=_link)
        with _writer(table, quarantine, with_reasons=True):
            pass
    else:
        _write_both(table, aside, accepted, quarantine)
    return SplitRows(open_table(accepted), open_table(quarantine))


def _write_both(table: Table, aside: Aside, accepted: str | Path, quarantine: str | Path) -> None:
    first = place = 0
    texts = pa.array(aside.reasons, pa.string())
    with (
        _writer(table, accepted, with_reasons=False) as good,
        _writer(table, quarantine, with_reasons=True) as bad,
    ):
        for batch in (each.cast(good.schema) for each in table.batches()):
            end = int(np.searchsorted(aside.rows, first + batch.num_rows))
            kept = np.ones(batch.num_rows, dtype=bool)
            kept[aside.rows[place:end] - first] = False
            good.write(batch.filter(pa.array(kept)))
            reasons = texts.take(pa.array(aside.codes[place:end]))
            rows = batch.filter(pa.array(~kept))
            bad.write(pa.RecordBatch.from_arrays([*rows.columns, reasons], schema=bad.schema))
            first, place = first + batch.num_rows, end


def _writer(table: Table, path: str | Path, *, with_reasons: bool) -> TableWriter:
    # Metadata of another writer says nothing true of these rows.
    # Arrow cannot choose among views of strings.
    schema = pa.schema(
        pa.field(f.name, pa.large_string() if pa.types.is_string_view(f.type) else f.type)
        for f in table.schema
    )
    if with_reasons:
        schema = schema.append(pa.field(REASONS, pa.string()))
    return TableWriter(path, schema, table.target, table.task, table.role, table.holdout)


def _link(source: str, target: str) -> None:
    """Copy a file; on one disk, without reading it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)
