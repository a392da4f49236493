"""Shards are runs of consecutive rows, and together all of them."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.errors import InputError
from holdfast.profiles.profile import profile_table
from holdfast.table import TableWriter, open_table
from holdfast.validation.profile_table.logic import profile_shard
from tests.validation.profiles import exact_state, moments


@pytest.fixture
def grouped(tmp_path):
    """Return a table of 1000 numbered rows in two files with ten row groups of 100."""
    (tmp_path / "grouped").mkdir()
    numbers = pa.table({"number": range(1000), "text": [f"row {n % 30}" for n in range(1000)]})
    for name, start in (("a", 0), ("b", 600)):
        part = numbers.slice(start, 600 if name == "a" else 400)
        pq.write_table(part, tmp_path / "grouped" / f"{name}.parquet", row_group_size=100)
    return open_table(tmp_path / "grouped")


def ranges(table, shards):
    """Return the numbers of the rows of each shard that has any, and how many they are."""
    profiles = [profile_shard(table, shard, shards) for shard in range(shards)]
    numbers = [(p.columns["number"], p.rows) for p in profiles if p.rows]
    return [(int(c.low), int(c.high), rows) for c, rows in numbers]


def test_one_shard_is_the_whole_table(grouped, tmp_path):
    one = exact_state(profile_shard(grouped, 0, 1), tmp_path / "one")
    assert one == exact_state(profile_table(grouped), tmp_path / "whole")


def test_shards_hold_consecutive_rows_of_about_equal_number(grouped):
    assert ranges(grouped, 2) == [(0, 499, 500), (500, 999, 500)]
    assert ranges(grouped, 3) == [(0, 399, 400), (400, 699, 300), (700, 999, 300)]


@pytest.mark.parametrize("shards", [4, 7, 10, 25])
def test_shards_are_disjoint_and_together_all_rows(grouped, shards):
    found = ranges(grouped, shards)
    starts, ends, rows = zip(*found, strict=True)
    assert starts == (0, *(end + 1 for end in ends[:-1]))
    assert ends[-1] == 999
    assert sum(rows) == 1000
    assert all(end - start + 1 == count for start, end, count in found)


def test_more_shards_than_row_groups_leave_some_without_rows(grouped):
    assert len(ranges(grouped, 25)) == 10


@pytest.mark.parametrize("shards", [2, 3, 25])
def test_merged_shards_are_the_whole_table(grouped, shards, tmp_path):
    profiles = [profile_shard(grouped, shard, shards) for shard in range(shards)]
    merged, whole = profiles[0], profile_table(grouped)
    for other in profiles[1:]:
        merged.merge(other)
    assert exact_state(merged, tmp_path / "merged") == exact_state(whole, tmp_path / "whole")
    assert moments(merged) == pytest.approx(moments(whole), rel=1e-12)


def test_shards_of_a_table_of_ours_share_its_seed(tmp_path):
    rows = pa.table({"number": range(2100), **{f"c{n}": [0] * 2100 for n in range(2047)}})
    with TableWriter(tmp_path / "ours", rows.schema) as writer:
        for batch in rows.to_batches():
            writer.write(batch)
    table = open_table(tmp_path / "ours")
    assert ranges(table, 2) == [(0, 2047, 2048), (2048, 2099, 52)]
    merged, whole = profile_shard(table, 1, 2), profile_table(table)
    merged.merge(profile_shard(table, 0, 2))
    one, other = (p.columns["number"].sample.priorities for p in (merged, whole))
    assert one.tolist() == other.tolist()


def test_a_csv_file_has_shards(tmp_path):
    (tmp_path / "t.csv").write_text("number\n" + "\n".join(map(str, range(100))) + "\n")
    assert sum(rows for *_, rows in ranges(open_table(tmp_path / "t.csv"), 3)) == 100


@pytest.mark.parametrize("shards", [1, 2])
def test_a_table_without_rows_has_a_profile(table, shards):
    empty = table(pa.table({"number": pa.array([], pa.int64()), "text": pa.array([], pa.string())}))
    found = profile_shard(empty, shards - 1, shards)
    assert (found.rows, list(found.columns)) == (0, ["number", "text"])


@pytest.mark.parametrize(("shard", "shards"), [(1, 1), (-1, 2), (0, 0), (5, 3)])
def test_a_shard_that_is_not_there_is_refused(grouped, shard, shards):
    with pytest.raises(InputError, match=f"Found: {shard} of {shards}"):
        profile_shard(grouped, shard, shards)
