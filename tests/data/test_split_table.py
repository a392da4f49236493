"""What split_table promises: exact shares, no row lost or shared, the same again for a seed."""

import hashlib
import json
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from holdfast.data.split_table.logic import Paths, split
from holdfast.errors import InputError
from holdfast.table import MANIFEST, TableWriter, open_table


@pytest.fixture
def table(ingest):
    """1,000 rows: 700 a, 200 b, 97 c and 3 d, in turns rather than in blocks."""
    blocks = "a" * 700 + "b" * 200 + "c" * 97 + "d" * 3
    rows = "".join(f"{n},{blocks[n * 7 % 1000]}\n" for n in range(1000))
    return ingest("id,label\n" + rows, target="label")


@pytest.fixture
def cut(tmp_path):
    def call(table, share=0.2, seed=42, name="a", **how):
        paths = Paths(*(tmp_path / f"{name}-{side}" for side in ("train", "test", "holdout")))
        return split(table, paths, share, seed=seed, **how)

    return call


@pytest.fixture
def write(tmp_path):
    """Return a function that writes columns as a table without a source."""

    def call(columns, target="", task="", name="written", role=""):
        rows = pa.table(columns)
        with TableWriter(tmp_path / name, rows.schema, target, task, role) as writer:
            for batch in rows.to_batches():
                writer.write(batch)
        return open_table(tmp_path / name)

    return call


def ids(table):
    return table.read().column("id").to_pylist()


def labels(table):
    return Counter(table.read().column("label").to_pylist())


def sides(parts):
    return parts.train, parts.test, parts.holdout


def values(parts, column):
    """Return the distinct values of a column on each side."""
    return [set(side.read().column(column).to_pylist()) for side in sides(parts)]


@pytest.mark.parametrize("share", [0.001, 0.2, 0.333, 0.5, 0.999])
def test_counts_are_exact(table, cut, share):
    parts = cut(table, share)
    assert parts.test.rows == len(ids(parts.test)) == round(1000 * share)
    assert parts.train.rows == len(ids(parts.train)) == 1000 - round(1000 * share)


def test_each_row_is_on_one_side_and_rows_keep_their_order(table, cut):
    parts = cut(table)
    train, test = ids(parts.train), ids(parts.test)
    assert sorted(train + test) == list(range(1000))
    assert train == sorted(train)
    assert test == sorted(test)


def test_rows_are_kept_with_their_values(table, cut):
    parts = cut(table)
    whole = dict(zip(ids(table), table.read().column("label").to_pylist(), strict=True))
    for side in parts.train, parts.test:
        for row in side.read().to_pylist():
            assert row["label"] == whole[row["id"]]


@pytest.mark.parametrize("share", [0.2, 0.25, 0.333, 0.9])
def test_each_class_has_its_share_within_one_row(table, cut, share):
    found = labels(cut(table, share).test)
    for label, count in labels(table).items():
        assert abs(found[label] - count * share) < 1


def test_without_classes_the_draw_is_plain_and_exact(ingest, cut):
    table = ingest("id,y\n" + "".join(f"{n},{n / 8}\n" for n in range(103)), target="y")
    assert table.task == "regression"
    parts = cut(table)
    assert parts.test.rows == 21
    assert sorted(ids(parts.train) + ids(parts.test)) == list(range(103))


def test_the_draw_is_not_the_head_or_the_tail(ingest, cut):
    table = ingest("id\n" + "".join(f"{n}\n" for n in range(1000)))
    drawn = ids(cut(table).test)
    # 200 of 1,000: all but never outside 60 to 140 per half.
    assert 60 <= sum(n < 500 for n in drawn) <= 140


def test_many_batches_are_split_as_one(ingest, cut):
    count = 200_000
    table = ingest("id\n" + "".join(f"{n}\n" for n in range(count)))
    parts = cut(table, 0.1)
    assert parts.test.rows == 20_000
    assert sorted(ids(parts.train) + ids(parts.test)) == list(range(count))


def test_the_same_seed_gives_the_same_bytes(table, cut, digests):
    first, second = cut(table, name="one"), cut(table, name="two")
    assert digests(first.train.path) == digests(second.train.path)
    assert digests(first.test.path) == digests(second.test.path)


def test_another_seed_gives_other_rows(table, cut):
    assert ids(cut(table, seed=1, name="one").test) != ids(cut(table, seed=2, name="two").test)


def test_both_sides_know_target_and_task(table, cut):
    parts = cut(table)
    for side in parts.train, parts.test:
        assert (side.target, side.task) == ("label", "classification")
        assert side.schema == table.schema


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(table, cut, tmp_path, share):
    with pytest.raises(InputError, match=rf"`test_size` .*Found: {share}. The usual choice"):
        cut(table, share)
    assert not list(tmp_path.glob("a-*"))


@pytest.mark.parametrize(("share", "empty"), [(0.1, "test"), (0.9, "train")])
def test_too_few_rows_for_both_sides_are_refused(ingest, cut, tmp_path, share, empty):
    table = ingest("id\n1\n2\n3\n")
    match = rf"`table` .*Found: 3 rows, of which none would be in \['{empty}'\]. Pass more rows"
    with pytest.raises(InputError, match=match):
        cut(table, share)
    assert not list(tmp_path.glob("a-*"))


@pytest.mark.parametrize("share", [-0.1, 0.8, 1, float("nan")])
def test_a_holdout_that_leaves_nothing_to_train_on_is_refused(table, cut, tmp_path, share):
    match = rf"`holdout_size` must be .*besides `test_size` 0.2. Found: {share}. The usual"
    with pytest.raises(InputError, match=match):
        cut(table, holdout_size=share)
    assert not list(tmp_path.glob("a-*"))


def test_without_a_holdout_its_table_is_empty_and_locks_nothing(table, cut):
    parts = cut(table)
    assert (parts.holdout.rows, parts.holdout.schema) == (0, table.schema)
    assert [side.holdout for side in sides(parts)] == ["", "", ""]


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_three_shares_are_exact_and_hold_each_row_once(table, cut, method):
    parts = cut(table, 0.25, holdout_size=0.125, method=method)
    assert [side.rows for side in sides(parts)] == [625, 250, 125]
    assert sorted(chain(*map(ids, sides(parts)))) == list(range(1000))
    for side in sides(parts):
        assert ids(side) == sorted(ids(side))


@pytest.mark.parametrize("seed", range(5))
def test_each_class_has_its_part_of_three_shares_within_two_rows(table, cut, seed):
    parts = cut(table, 0.23, seed, holdout_size=0.31)
    for side, share in zip(sides(parts), (0.46, 0.23, 0.31), strict=True):
        for label, count in labels(table).items():
            assert abs(labels(side)[label] - count * share) < 2


def test_each_share_says_which_it_is_and_carries_the_holdouts_hash(table, cut):
    parts = cut(table, holdout_size=0.1)
    assert [side.role for side in sides(parts)] == ["train", "test", "holdout"]
    assert [side.holdout for side in sides(parts)] == [*[parts.holdout.sha256] * 2, ""]
    manifest = json.loads((parts.holdout.path / MANIFEST).read_text())
    hashes = "".join(part["sha256"] for part in manifest["parts"])
    assert parts.train.metadata()["holdout"] == hashlib.sha256(hashes.encode()).hexdigest()


@pytest.mark.parametrize("method", ["random", "stratified", "time", "group", "hash"])
def test_the_holdouts_rows_do_not_depend_on_the_test_share(table, cut, method):
    by = "" if method in ("random", "stratified") else "id"
    how = {"holdout_size": 0.1, "method": method, "by": by}
    one, two = (cut(table, share, name=str(share), **how) for share in (0.2, 0.3))
    assert one.holdout.sha256 == two.holdout.sha256
    assert set(ids(one.test)) < set(ids(two.test))


def test_a_holdout_is_not_split_again(table, cut):
    holdout = cut(table, holdout_size=0.5).holdout
    with pytest.raises(InputError, match="`table` must not be a locked holdout"):
        cut(holdout, name="again")


def test_the_lock_stays_when_a_share_is_split_again(table, cut):
    first = cut(table, holdout_size=0.1)
    again = cut(first.train, name="again")
    assert (again.train.holdout, again.train.role) == (first.holdout.sha256, "train")


def test_stratified_by_a_named_column_gives_its_values_their_part(ingest, cut):
    rows = "".join(f"{n},{'north' if n % 5 else 'south'},{n / 8}\n" for n in range(200))
    table = ingest("id,region,y\n" + rows, target="y")
    parts = cut(table, 0.25, holdout_size=0.05, method="stratified", by="region")
    found = [Counter(side.read().column("region").to_pylist()) for side in sides(parts)]
    assert found == [
        {"north": 112, "south": 28},
        {"north": 40, "south": 10},
        {"north": 8, "south": 2},
    ]


@pytest.mark.parametrize("missing", [None, float("nan")], ids=["null", "not a number"])
@pytest.mark.parametrize("seed", range(4))
def test_missing_values_are_a_class_of_their_own(write, cut, missing, seed):
    table = write({"id": range(40), "k": pa.array([1.0, missing] * 20, from_pandas=False)})
    drawn = cut(table, seed=seed, method="stratified", by="k").test.read().column("k")
    assert drawn.to_pylist().count(1.0) == 4
    assert len(drawn) == 8


@pytest.mark.parametrize("seed", range(3))
def test_more_classes_than_test_rows_are_not_drawn_from_the_head(ingest, cut, seed):
    table = ingest("id,name\n" + "".join(f"{n},x{n}\n" for n in range(1000)))
    drawn = ids(cut(table, seed=seed, method="stratified", by="name").test)
    assert len(drawn) == 200
    assert 60 <= sum(n < 500 for n in drawn) <= 140


@pytest.mark.parametrize(
    "of",
    [
        lambda place: datetime(2024, 1, 1) + timedelta(hours=place),
        lambda place: date(2024, 1, 1) + timedelta(days=place),
        lambda place: place - 50,
        lambda place: place / 8 - 3,
    ],
    ids=["timestamps", "dates", "whole numbers", "numbers"],
)
def test_by_time_train_is_oldest_and_the_holdout_newest(write, cut, of):
    places = [n * 7 % 100 for n in range(100)]
    table = write({"id": places, "at": pa.array([of(place) for place in places])})
    parts = cut(table, holdout_size=0.1, method="time", by="at")
    assert [sorted(ids(side)) for side in sides(parts)] == [
        list(range(70)),
        list(range(70, 90)),
        list(range(90, 100)),
    ]
    assert ids(parts.train) == [place for place in places if place < 70]


def test_rows_of_one_time_are_cut_in_the_order_of_the_table(write, cut):
    table = write({"id": range(10), "at": [2] * 8 + [1, 3]})
    parts = cut(table, holdout_size=0.3, method="time", by="at")
    assert [ids(side) for side in sides(parts)] == [[0, 1, 2, 3, 8], [4, 5], [6, 7, 9]]


def test_rows_of_one_time_keep_their_order_across_batches(write, cut):
    table = write({"id": range(600_000), "at": [n % 2 for n in range(600_000)]})
    parts = cut(table, 0.25, holdout_size=0.25, method="time", by="at")
    assert ids(parts.train) == list(range(0, 600_000, 2))
    assert ids(parts.test) == list(range(1, 300_000, 2))
    assert ids(parts.holdout) == list(range(300_001, 600_000, 2))


def test_the_time_of_rows_in_many_batches_is_one_order(write, cut):
    count = 300_001
    places = [n * 7 % count for n in range(count)]
    table = write({"id": places})
    parts = cut(table, method="time", by="id")
    assert max(ids(parts.train)) == parts.train.rows - 1
    assert min(ids(parts.test)) == parts.train.rows


@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_on_two_sides_and_counts_are_near(write, cut, seed):
    # 100 groups of 1 to 10 rows, 550 in all.
    owners = [f"g{n}" for n in range(100) for _ in range(n % 10 + 1)]
    table = write({"id": range(550), "owner": owners})
    parts = cut(table, 0.2, seed, holdout_size=0.1, method="group", by="owner")
    train, test, holdout = values(parts, "owner")
    assert not (train & test or train & holdout or test & holdout)
    assert sorted(chain(*map(ids, sides(parts)))) == list(range(550))
    # Some group of one row is always left to fill a gap with.
    assert [side.rows for side in sides(parts)] == [385, 110, 55]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("share", "nearest"), [(0.21, 56), (0.22, 63)])
def test_counts_are_the_nearest_that_whole_groups_allow(write, cut, seed, share, nearest):
    # 280 rows in groups of 7 and 14: 59 and 62 rows are wanted, and there are multiples of 7.
    owners = [n for n in range(30) for _ in range(7 if n < 20 else 14)]
    parts = cut(write({"owner": owners}), share, seed, method="group", by="owner")
    assert parts.test.rows == nearest


def test_another_seed_draws_other_groups(write, cut):
    table = write({"owner": [n // 3 for n in range(300)]})
    one, two = (cut(table, seed=s, name=str(s), method="group", by="owner") for s in (1, 2))
    assert values(one, "owner")[1] != values(two, "owner")[1]


@pytest.mark.parametrize("kind", [pa.string(), pa.float64(), pa.dictionary(pa.int8(), pa.string())])
def test_rows_without_a_group_are_one_group(write, cut, kind):
    text = pa.array([None if n < 30 else str(n % 10) for n in range(100)])
    table = write({"id": range(100), "owner": text.cast(kind)})
    parts = cut(table, 0.3, holdout_size=0.2, method="group", by="owner")
    found = values(parts, "owner")
    assert sum(None in side for side in found) == 1
    assert sum(map(len, found)) == 11


def test_null_and_not_a_number_are_the_same_missing_group(write, cut):
    missing = pa.array([None, float("nan")] * 20, from_pandas=False)
    table = write({"owner": pa.concat_arrays([missing, pa.array([1.0] * 30 + [2.0] * 30)])})
    # 20 are wanted: either kind alone would be the nearest, both together are not.
    parts = cut(table, 0.2, method="group", by="owner")
    owners = [side.read().column("owner") for side in sides(parts)]
    counts = [pc.sum(pc.is_null(owner, nan_is_null=True)).as_py() or 0 for owner in owners]
    assert sorted(counts) == [0, 0, 40]


def test_a_group_is_taken_whole_even_where_it_is_too_large(write, cut):
    parts = cut(write({"owner": ["a"] * 6 + ["b"] * 4}), 0.1, method="group", by="owner")
    assert values(parts, "owner") == [{"a"}, {"b"}, set()]


def test_fewer_groups_than_shares_are_refused(write, cut, tmp_path):
    table = write({"owner": ["a"] * 10})
    with pytest.raises(InputError, match=r"none would be in \['train'\].*more values than 'owner'"):
        cut(table, method="group", by="owner")
    assert not list(tmp_path.glob("a-*"))


def bucket(seed, key):
    """Place a key between 0 and 1 by the upper 53 bits of its md5 as a little-endian number."""
    digest = hashlib.md5(f"{seed}:{key}".encode()).digest()
    return (int.from_bytes(digest, "little") >> 75) / 2**53


@pytest.mark.parametrize("seed", [0, 42])
@pytest.mark.parametrize("of", [int, str], ids=["numbers", "text"])
def test_by_hash_the_key_and_the_seed_alone_decide(write, cut, seed, of):
    table = write({"key": [of(n) for n in range(1000)]})
    parts = cut(table, 0.2, seed, holdout_size=0.1, method="hash", by="key")
    holdout = [of(n) for n in range(1000) if bucket(seed, n) < 0.1]
    test = [of(n) for n in range(1000) if 0.1 <= bucket(seed, n) < 0.1 + 0.2]
    assert parts.holdout.read().column("key").to_pylist() == holdout
    assert parts.test.read().column("key").to_pylist() == test


def test_by_hash_a_row_stays_where_it_is_as_others_come_and_go(write, cut):
    keys = [f"k{n}" for n in range(400)]
    before = values(cut(write({"k": keys}, name="1"), method="hash", by="k", name="x"), "k")
    moved = [*[f"new{n}" for n in range(300)], *keys[:50:-1]]
    after = values(cut(write({"k": moved}, name="2"), method="hash", by="k", name="y"), "k")
    for side, later in zip(before, after, strict=True):
        assert side & set(moved) == later & set(keys)


def test_by_hash_counts_are_near(write, cut):
    parts = cut(write({"k": range(100_000)}), 0.2, holdout_size=0.1, method="hash", by="k")
    # Five standard deviations of the binomial distribution.
    assert abs(parts.test.rows - 20_000) < 633
    assert abs(parts.holdout.rows - 10_000) < 475


@pytest.mark.parametrize("method", ["time", "hash"])
@pytest.mark.parametrize("missing", [None, float("nan")], ids=["null", "not a number"])
def test_a_missing_time_or_key_is_refused_with_how_many(write, cut, method, missing):
    table = write({"k": pa.array([1.0, missing, 3.0, missing], from_pandas=False)})
    with pytest.raises(InputError, match=r"`by` .*Found: 2 missing among 4 in 'k'"):
        cut(table, 0.5, method=method, by="k")


@pytest.mark.parametrize(
    ("method", "by", "match"),
    [
        ("shuffle", "", r"`method` must be one of .*'hash'.*Found: 'shuffle'"),
        ("time", "", r"`by` must name a column .*'time'.*Found: '' among \['id', 'label'\]"),
        ("hash", "ID", r"`by` must name a column .*'hash'.*Found: 'ID' among \['id', 'label'\]"),
        ("random", "id", r"`by` must be empty where `method` is 'random'. Found: 'id'"),
        ("", "id", r"`by` must be empty where `method` is ''. Found: 'id'. Choose stratified"),
        ("time", "label", r"`by` must name a column of dates.*Found: 'label' of type string"),
    ],
)
def test_a_method_or_column_that_does_not_fit_is_refused(table, cut, tmp_path, method, by, match):
    with pytest.raises(InputError, match=match):
        cut(table, method=method, by=by)
    assert not list(tmp_path.glob("a-*"))


@pytest.mark.parametrize("method", ["stratified", "group", "hash"])
def test_a_column_of_lists_is_refused(write, cut, method):
    with pytest.raises(InputError, match=r"`by` must name a column of plain values.*'k'"):
        cut(write({"k": [[1], [2], [3], [4]]}), 0.5, method=method, by="k")


def test_stratified_without_a_target_or_a_column_is_refused(write, cut):
    with pytest.raises(
        InputError, match=r"`by` .*may be empty if the table has a target. Found: ''"
    ):
        cut(write({"id": range(10)}), method="stratified")


def test_a_negative_seed_is_refused(table, cut):
    with pytest.raises(InputError, match="`seed` must be 0 or more"):
        cut(table, seed=-1)


@pytest.mark.parametrize(
    ("method", "by"), [("random", ""), ("time", "id"), ("group", "id"), ("hash", "id")]
)
def test_each_method_gives_the_same_bytes_again(table, cut, digests, method, by):
    how = {"holdout_size": 0.1, "method": method, "by": by}
    first, second = cut(table, name="one", **how), cut(table, name="two", **how)
    for one, two in zip(sides(first), sides(second), strict=True):
        assert digests(one.path) == digests(two.path)


@pytest.mark.real_data
def test_adult_is_split_by_class(real_table, tmp_path, cut):
    from holdfast.data.ingest_table.logic import ingest

    table = ingest(real_table("adult.parquet"), tmp_path / "adult", "class")
    parts = cut(table)
    assert (parts.train.rows, parts.test.rows) == (39_074, 9_768)
    whole = Counter(table.read(["class"]).column(0).to_pylist())
    drawn = Counter(parts.test.read(["class"]).column(0).to_pylist())
    assert all(abs(drawn[label] - whole[label] * 0.2) <= 1 for label in whole)
