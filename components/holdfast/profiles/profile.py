"""The profile of a table: what statistics, schemas, reports and drift checks are made from.

A profile is read once from a table, in batches, and kept as a directory. `profile.parquet` has a
row for each column with all that is needed to merge it with the profile of other rows; what the
steps of the validation family write holds TFDV's statistics beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.errors import InputError, first_line
from holdfast.profiles.columns import NO_COUNTS, NumberColumn, TextColumn
from holdfast.profiles.sketches import DistinctCount, ValueSample, draw
from holdfast.table import Table

CONTRACT = "profile/1"
FILE = "profile.parquet"
WHOLE = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_date, pa.types.is_timestamp)
FRACTIONS = (pa.types.is_floating, pa.types.is_decimal)
TEXT = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_time,
    pa.types.is_null,
)
# What all columns' samples, and all columns' distinct strings, may take together.
SAMPLED_VALUES = 2**24
SAMPLE_SIZES = (4096, 65_536)
TEXT_BYTES = 2**28
LEAST_TEXT_BYTES = 2**18
STATE = pa.schema(
    [
        ("name", pa.string()),
        ("type", pa.string()),
        # Null for text.
        ("whole", pa.bool_()),
        ("present", pa.int64()),
        ("missing", pa.int64()),
        ("zeros", pa.int64()),
        ("mean", pa.float64()),
        ("squares", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("length", pa.int64()),
        ("shortest", pa.int64()),
        ("longest", pa.int64()),
        ("undercount", pa.int64()),
        ("size", pa.int64()),
        ("hashes", pa.list_(pa.uint64())),
        ("sample_priorities", pa.list_(pa.uint64())),
        ("sample_values", pa.list_(pa.float64())),
        ("values", pa.large_list(pa.large_string())),
        ("counts", pa.large_list(pa.int64())),
    ]
)
MOMENTS = ("whole", "present", "missing", "zeros", "mean", "squares", "low", "high")
LENGTHS = ("present", "missing", "length", "shortest", "longest", "undercount")


@dataclass
class Profile:
    """What is known of a table's columns.

    `types` are Arrow's names of the columns' types; `seed` chooses the rows that are sampled.
    """

    types: dict[str, str]
    columns: dict[str, NumberColumn | TextColumn]
    rows: int = 0
    seed: int = 0

    def update(self, batch: pa.RecordBatch, first_row: int) -> None:
        """Take in a batch whose first row has this number in the table."""
        rows = draw(first_row, batch.num_rows, self.seed)
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            self.columns[name].update(_plain(values), rows)
        self.rows += batch.num_rows

    def merge(self, other: "Profile") -> None:
        """Take in the profile of other rows.

        Raises:
            InputError: The other profile has other columns or types.
        """
        differing = {name for name, _ in self.types.items() ^ other.types.items()}
        if differing:
            raise InputError(
                f"`profiles` must be of tables with the same columns and types. Found: "
                f"{sorted(differing)[:10]} differ. Profile parts of one table."
            )
        self.rows += other.rows
        for name, column in self.columns.items():
            column.merge(other.columns[name])  # type: ignore[arg-type]  # of one kind, as checked

    def metadata(self) -> dict[str, Any]:
        """Return what an artifact that holds this profile says about itself."""
        return {"holdfast_contract": CONTRACT, "rows": self.rows, "columns": len(self.columns)}

    def write(self, path: str | Path) -> None:
        """Write the directory."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        names = {"contract": CONTRACT, "rows": str(self.rows), "seed": str(self.seed)}
        rows = [self._state(name) for name in self.columns]
        fields = [_field(field.type, [row.get(field.name) for row in rows]) for field in STATE]
        table = pa.Table.from_arrays(fields, schema=STATE.with_metadata(names))
        pq.write_table(table, folder / FILE, compression="zstd")

    def _state(self, name: str) -> dict[str, object]:
        column = self.columns[name]
        row: dict[str, object] = {"name": name, "type": self.types[name]}
        row["hashes"] = column.hashes.hashes
        if isinstance(column, NumberColumn):
            row |= {name: getattr(column, name) for name in MOMENTS}
            row["size"] = column.sample.size
            row["sample_priorities"] = column.sample.priorities
            row["sample_values"] = column.sample.values
        else:
            counts = column.counts
            row |= {name: getattr(column, name) for name in LENGTHS}
            row["size"] = column.limit
            row["values"] = counts["value"].combine_chunks()
            row["counts"] = counts["count"].combine_chunks()
        return row


def _field(kind: pa.DataType, values: list[Any]) -> pa.Array:
    """Return a field of all columns as Arrow; lists are put together whole, not value by value."""
    lists = {pa.types.is_list: pa.ListArray, pa.types.is_large_list: pa.LargeListArray}
    made = next((array for check, array in lists.items() if check(kind)), None)
    if made is None:
        return pa.array(values, kind)
    parts = [pa.array([] if part is None else part, kind.value_type) for part in values]
    offsets = np.concatenate(([0], np.cumsum([len(part) for part in parts])))
    size = pa.int32() if made is pa.ListArray else pa.int64()
    flat = pa.concat_arrays(parts) if parts else pa.array([], kind.value_type)
    return made.from_arrays(pa.array(offsets, size), flat)


def profile_table(table: Table) -> Profile:
    """Profile a table."""
    return profile_batches(table.schema, table.batches(), 0, seed_of(table))


def seed_of(table: Table) -> int:
    """Return the seed that a table's rows are sampled by; 0 for a table without a manifest.

    It comes from the table's content: parts of one table agree on it, and different tables draw
    independently.
    """
    return int(table.sha256[:15] or "0", 16)


def profile_batches(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], first_row: int = 0, seed: int = 0
) -> Profile:
    """Profile a stream of batches, the first row of which has the number `first_row`."""
    profile = empty_profile(schema, seed)
    for batch in batches:
        profile.update(batch, first_row)
        first_row += batch.num_rows
    for column in profile.columns.values():
        column.settle()
    return profile


def empty_profile(schema: pa.Schema, seed: int = 0) -> Profile:
    """Return the profile of no rows.

    Raises:
        InputError: A column holds something else than numbers, booleans, dates, times and text.
    """
    kinds = [_kind(column) for column in schema]
    texts = kinds.count("text")
    size = int(np.clip(SAMPLED_VALUES // max(1, len(kinds) - texts), *SAMPLE_SIZES))
    limit = max(LEAST_TEXT_BYTES, TEXT_BYTES // max(1, texts))
    columns: dict[str, NumberColumn | TextColumn] = {
        name: TextColumn(limit)
        if kind == "text"
        else NumberColumn(kind == "whole", ValueSample(size))
        for name, kind in zip(schema.names, kinds, strict=True)
    }
    return Profile({f.name: str(f.type) for f in schema}, columns, 0, seed)


def read_profile(path: str | Path, name: str = "profile") -> Profile:
    """Read a profile.

    Raises:
        InputError: There is no profile there.
    """
    try:
        table = pq.read_table(Path(path) / FILE)
        about = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        if about.get("contract") != CONTRACT:
            raise ValueError(f"its contract is {about.get('contract')}, not {CONTRACT}")
        names, types = table["name"].to_pylist(), table["type"].to_pylist()
        columns = [_restored(table.slice(index, 1)) for index in range(table.num_rows)]
        profile = Profile(
            dict(zip(names, types, strict=True)),
            dict(zip(names, columns, strict=True)),
            int(about["rows"]),
            int(about["seed"]),
        )
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise InputError(
            f"`{name}` must be a profile. Found: {first_line(error)}. Pass the `profile` output of "
            f"profile_table or merge_profiles."
        ) from error
    return profile


def _restored(row: pa.Table) -> NumberColumn | TextColumn:
    hashes = DistinctCount(_list(row, "hashes").to_numpy(zero_copy_only=False))
    numeric = row["whole"].null_count == 0
    (scalars,) = row.select(["size", *(MOMENTS if numeric else LENGTHS)]).to_pylist()
    size = scalars.pop("size")
    if numeric:
        sample = ValueSample(
            size,
            _list(row, "sample_priorities").to_numpy(zero_copy_only=False),
            _list(row, "sample_values").to_numpy(zero_copy_only=False),
        )
        sample.settle()
        return NumberColumn(sample=sample, hashes=hashes, **scalars)
    counts = pa.table({"value": _list(row, "values"), "count": _list(row, "counts")})
    return TextColumn(limit=size, hashes=hashes, **scalars, _counts=counts.cast(NO_COUNTS.schema))


def _list(row: pa.Table, name: str) -> pa.Array:
    return row[name].combine_chunks().flatten()


def _kind(column: pa.Field) -> str:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if any(check(kind) for check in WHOLE):
        return "whole"
    if any(check(kind) for check in FRACTIONS):
        return "fraction"
    if any(check(kind) for check in TEXT):
        return "text"
    raise InputError(
        f"`table` must hold numbers, booleans, dates, times and text. Found: column "
        f"{column.name!r} of type {kind}. Leave it out, or pass the table through ingest_table."
    )


def _plain(values: pa.Array) -> pa.Array:
    """Return booleans as 0 and 1, times as whole seconds since 1970, text as one type."""
    if pa.types.is_dictionary(values.type):
        return _plain(values.dictionary_decode())
    if pa.types.is_decimal(values.type) or pa.types.is_float16(values.type):
        return values.cast(pa.float64())
    if pa.types.is_boolean(values.type):
        return values.cast(pa.int8())
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        seconds = values.cast(pa.timestamp("s", tz=getattr(values.type, "tz", None)), safe=False)
        return seconds.cast(pa.int64())
    if any(check(values.type) for check in TEXT):
        return values.cast(pa.string())
    return values
