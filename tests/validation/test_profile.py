"""A profile is the same however its rows are cut, merged, written and read."""

import datetime
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.errors import InputError
from holdfast.profiles.profile import (
    FILE,
    empty_profile,
    profile_batches,
    profile_table,
    read_profile,
    seed_of,
)
from holdfast.table import TableWriter, open_table
from holdfast.validation.statistics import STATISTICS, write_profile
from tests.validation.profiles import exact_state, moments, profiled

ROWS = 3000


@pytest.fixture
def rows() -> pa.Table:
    """Return one column of each kind, with holes."""
    numbers = range(ROWS)
    day = datetime.date(2020, 1, 1)
    return pa.table(
        {
            "whole": pa.array([None if n % 7 == 0 else n * n % 1009 - 500 for n in numbers]),
            "large": [2**53 * (n % 11) + n % 2 for n in numbers],
            "real": [math.nan if n % 13 == 0 else math.sin(n) for n in numbers],
            "flag": [n % 3 == 0 for n in numbers],
            "date": [day + datetime.timedelta(n % 100) for n in numbers],
            "text": [None if n % 11 == 0 else f"word {n * n % 37}" for n in numbers],
            "nothing": pa.nulls(ROWS, pa.float64()),
        }
    )


@pytest.mark.parametrize("rows_per_batch", [3, 13, 1000])
def test_a_profile_does_not_depend_on_how_the_rows_are_cut(rows, rows_per_batch, tmp_path):
    cut, whole = profiled(rows, rows_per_batch), profiled(rows)
    assert exact_state(cut, tmp_path / "cut") == exact_state(whole, tmp_path / "whole")
    assert moments(cut) == pytest.approx(moments(whole), rel=1e-12)


@pytest.mark.parametrize("cuts", [[1500], [1, 2, 2999], [0, 700, 700]], ids=str)
def test_merged_parts_of_a_table_are_the_whole(rows, cuts, tmp_path):
    ends = [*cuts, ROWS]
    parts = [
        profiled(rows.slice(start, end - start), None, start)
        for start, end in zip([0, *cuts], ends, strict=True)
    ]
    merged, whole = parts[0], profiled(rows)
    for part in parts[1:]:
        merged.merge(part)
    assert merged.rows == ROWS
    assert exact_state(merged, tmp_path / "merged") == exact_state(whole, tmp_path / "whole")
    assert moments(merged) == pytest.approx(moments(whole), rel=1e-12)


def test_a_sample_of_a_long_table_is_merged_from_those_of_its_parts(tmp_path):
    values = pa.table({"x": np.random.default_rng(0).normal(size=200_000)})
    merged = profiled(values.slice(150_000), None, 150_000)
    merged.merge(profiled(values.slice(0, 150_000), 4096))
    whole = profiled(values)
    assert len(whole.columns["x"].sample.values) == 65_536
    assert exact_state(merged, tmp_path / "merged") == exact_state(whole, tmp_path / "whole")


def test_tables_merge_in_any_order(rows, tmp_path):
    other = rows.slice(100, 500)
    one, two = profiled(rows), profiled(other)
    one.merge(profiled(other))
    two.merge(profiled(rows))
    assert exact_state(one, tmp_path / "one") == exact_state(two, tmp_path / "two")
    assert moments(one) == pytest.approx(moments(two), rel=1e-12)


def test_merging_with_a_profile_of_no_rows_changes_nothing(rows, tmp_path):
    none, whole = empty_profile(rows.schema), profiled(rows)
    none.merge(profiled(rows))
    assert exact_state(none, tmp_path / "none") == exact_state(whole, tmp_path / "whole")
    whole.merge(empty_profile(rows.schema))
    assert exact_state(whole, tmp_path / "both") == exact_state(none, tmp_path / "none")


@pytest.mark.parametrize("other", [{"x": [1.0]}, {"y": [1]}, {"x": [1], "y": [1]}], ids=str)
def test_profiles_of_other_columns_are_refused(other):
    with pytest.raises(InputError, match="must be of tables with the same columns"):
        profiled({"x": [1]}).merge(profiled(other))


def test_a_profile_that_is_written_and_read_is_the_same(rows, tmp_path):
    written = profiled(rows, seed=2**59)
    write_profile(written, tmp_path / "written")
    read = read_profile(tmp_path / "written")
    assert (read.types, read.rows, read.seed) == (written.types, ROWS, 2**59)
    write_profile(read, tmp_path / "read")
    for name in (FILE, STATISTICS):
        again, first = ((tmp_path / each / name).read_bytes() for each in ("read", "written"))
        assert again == first


def test_the_same_table_gives_the_same_bytes(rows, tmp_path):
    for name in ("one", "two"):
        write_profile(profiled(rows), tmp_path / name)
    for name in (FILE, STATISTICS):
        one, two = ((tmp_path / each / name).read_bytes() for each in ("one", "two"))
        assert one == two


def test_a_read_profile_merges_like_the_one_that_was_written(rows, tmp_path):
    write_profile(profiled(rows.slice(0, 1000)), tmp_path / "part")
    merged, whole = read_profile(tmp_path / "part"), profiled(rows)
    merged.merge(profiled(rows.slice(1000), None, 1000))
    assert exact_state(merged, tmp_path / "merged") == exact_state(whole, tmp_path / "whole")


def test_a_profile_of_no_rows_is_written_and_read(rows, tmp_path):
    write_profile(profile_batches(rows.schema, []), tmp_path)
    read = read_profile(tmp_path)
    assert read.rows == 0
    assert {c.present + c.missing + c.distinct for c in read.columns.values()} == {0}


def test_a_profile_is_not_read_where_there_is_none(tmp_path):
    with pytest.raises(InputError, match="`baseline` must be a profile"):
        read_profile(tmp_path, "baseline")


def test_a_parquet_file_of_another_kind_is_no_profile(tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / FILE)
    with pytest.raises(InputError, match="its contract is None, not profile/1"):
        read_profile(tmp_path)


def test_a_column_of_lists_is_refused_by_name():
    with pytest.raises(InputError, match="column 'tags' of type list"):
        profiled({"tags": [["a"], ["b"]]})


def test_booleans_and_times_are_whole_numbers():
    moment = datetime.datetime(1970, 1, 2, 0, 0, 1, 900_000)
    columns = profiled({"flag": [True, False, None], "time": [moment, moment, None]}).columns
    assert (columns["flag"].mean, columns["flag"].zeros) == (0.5, 1)
    assert (columns["time"].low, columns["time"].high, columns["time"].distinct) == (
        86_401,
        86_401,
        1,
    )
    assert all(column.whole and column.missing == 1 for column in columns.values())


def test_the_time_of_day_and_a_column_of_nulls_are_text():
    columns = profiled({"time": [datetime.time(12), None], "null": pa.nulls(2)}).columns
    assert columns["time"].counts["value"].to_pylist() == ["12:00:00.000000"]
    assert (columns["null"].present, columns["null"].missing) == (0, 2)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_every_type_of_text_is_counted(kind):
    column = profiled({"x": pa.array(["a", "b", "a", None], kind)}).columns["x"]
    assert (column.distinct, column.present, column.missing) == (2, 3, 1)


def test_the_seed_is_the_tables_own(tmp_path):
    for name, value in (("one", 1), ("two", 2), ("again", 1)):
        batch = pa.record_batch({"x": [value]})
        with TableWriter(tmp_path / name, batch.schema) as writer:
            writer.write(batch)
    seeds = [seed_of(open_table(tmp_path / name)) for name in ("one", "two", "again")]
    assert seeds[0] == seeds[2] != seeds[1]
    assert profile_table(open_table(tmp_path / "one")).seed == seeds[0]


def test_a_table_without_a_manifest_has_the_seed_zero(tmp_path):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "x.parquet")
    assert seed_of(open_table(tmp_path / "x.parquet")) == 0


def test_samples_of_wide_tables_are_smaller():
    sizes = {
        width: empty_profile(pa.schema([(str(n), pa.int64()) for n in range(width)]))
        for width in (1, 1024, 5000)
    }
    found = {width: p.columns["0"].sample.size for width, p in sizes.items()}
    assert found == {1: 65_536, 1024: 16_384, 5000: 4096}


def test_the_metadata_states_contract_and_size(rows):
    expected = {"holdfast_contract": "profile/1", "rows": ROWS, "columns": 7}
    assert profiled(rows).metadata() == expected
