"""Profiles of small tables, and all that is known of them."""

import pyarrow as pa
import pyarrow.parquet as pq

from holdfast.profiles.profile import FILE, Profile, profile_batches
from holdfast.validation.statistics import write_profile

# Sums, which depend on the order of adding up; the rest must be the same to the bit.
MOMENTS = ["mean", "squares"]


def profiled(columns, rows_per_batch=None, first_row=0, seed=0) -> Profile:
    """Return the profile of columns, the rows cut into batches."""
    rows = columns if isinstance(columns, pa.Table) else pa.table(columns)
    batches = rows.to_batches(max_chunksize=rows_per_batch)
    return profile_batches(rows.schema, batches, first_row, seed)


def column(values, kind=None, rows_per_batch=None):
    """Return what is known of one column."""
    return profiled({"x": pa.array(values, kind)}, rows_per_batch).columns["x"]


def exact_state(profile: Profile, folder) -> pa.Table:
    """Return all that a profile keeps, but for the moments."""
    write_profile(profile, folder)
    return pq.read_table(folder / FILE).drop(MOMENTS)


def moments(profile: Profile) -> list[float]:
    """Return means and deviations of a profile's numbers."""
    numbers = [c for c in profile.columns.values() if hasattr(c, "mean")]
    return [value for c in numbers for value in (c.mean, c.deviation)]
