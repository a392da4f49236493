"""What take_share promises: N calls, N shares, each row in one; the lock travels."""

from itertools import chain

import pytest

from holdfast.data.split_table.logic import Paths, split
from holdfast.data.take_share.logic import plan, take
from holdfast.errors import InputError

THREE = {"train": 0.7, "test": 0.2, "holdout": 0.1}
FIVE = {"a": 0.2, "b": 0.2, "c": 0.2, "d": 0.2, "e": 0.2}


@pytest.fixture
def table(ingest):
    """203 rows: labels in turns, customers of three rows, days from the newest to the oldest."""
    rows = "".join(f"{n},{'aab'[n % 3]},{n // 3},{300 - n}\n" for n in range(203))
    return ingest("id,label,customer,day\n" + rows, target="label")


@pytest.fixture
def take_all(tmp_path):
    """Return a function that takes every share, one call each."""

    def call(table, shares, out="taken", **how):
        cut = plan(shares, **how)
        return {name: take(table, cut, name, tmp_path / out / name) for name in shares}

    return call


def ids(table):
    return table.read().column("id").to_pylist()


@pytest.mark.parametrize("shares", [THREE, FIVE], ids=["three", "five"])
@pytest.mark.parametrize(
    ("method", "by"),
    [("", ""), ("random", ""), ("stratified", "label"), ("group", "customer"), ("hash", "id")],
)
def test_all_shares_together_hold_each_row_once_and_in_order(table, take_all, shares, method, by):
    taken = take_all(table, shares, method=method, by=by)
    assert sorted(chain(*map(ids, taken.values()))) == list(range(203))
    for share in taken.values():
        assert ids(share) == sorted(ids(share))


@pytest.mark.parametrize("method", ["random", "stratified"])
def test_counts_are_within_one_row_of_the_share(table, take_all, method):
    # A fifth of 203 is 40.6.
    counts = [share.rows for share in take_all(table, FIVE, method=method).values()]
    assert sum(counts) == 203
    assert set(counts) <= {40, 41}


@pytest.mark.parametrize("seed", range(5))
def test_each_class_has_its_part_of_five_shares_within_two_rows(table, take_all, seed):
    taken = take_all(table, FIVE, seed=seed)
    for label, count in {"a": 136, "b": 67}.items():
        for share in taken.values():
            found = share.read().column("label").to_pylist().count(label)
            assert abs(found - count / 5) <= 2


def test_by_time_the_shares_follow_the_order_that_is_given(table, take_all):
    shares = {"new": 0.25, "old": 0.25, "middle": 0.5}
    order = ["old", "middle", "new"]
    taken = take_all(table, shares, method="time", by="day", oldest_first=order)
    # Day 98 to 300; 203 / 4 is 50.75.
    days = {name: share.read().column("day").to_pylist() for name, share in taken.items()}
    assert [(min(days[name]), max(days[name])) for name in order] == [
        (98, 148),
        (149, 249),
        (250, 300),
    ]


@pytest.mark.parametrize(("method", "by"), [("", ""), ("group", "customer"), ("hash", "id")])
def test_train_test_and_holdout_are_those_of_split_table(
    table, take_all, tmp_path, digests, method, by
):
    taken = take_all(table, THREE, method=method, by=by)
    paths = Paths(*(tmp_path / f"split-{name}" for name in THREE))
    parts = split(table, paths, 0.2, 0.1, method, by)
    for name in THREE:
        assert digests(taken[name].path) == digests(getattr(parts, name).path)


def test_the_order_of_the_names_does_not_matter(table, take_all, digests):
    one = take_all(table, THREE, out="one")
    two = take_all(table, dict(reversed(THREE.items())), out="two")
    for name in THREE:
        assert digests(one[name].path) == digests(two[name].path)


def test_another_seed_takes_other_rows(table, take_all):
    one, two = (take_all(table, FIVE, out=str(seed), seed=seed) for seed in (1, 2))
    assert ids(one["a"]) != ids(two["a"])


def test_a_call_writes_its_own_share_and_nothing_else(table, tmp_path):
    take(table, plan(THREE), "train", tmp_path / "out" / "train")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["train"]


def test_each_share_carries_its_name_and_the_holdouts_hash(table, take_all):
    taken = take_all(table, THREE)
    assert {name: share.role for name, share in taken.items()} == {n: n for n in THREE}
    assert taken["train"].holdout == taken["test"].holdout == taken["holdout"].sha256
    assert {share.holdout for share in take_all(table, FIVE, out="five").values()} == {""}


def test_the_lock_stays_when_shares_are_taken_from_a_share(table, take_all):
    first = take_all(table, THREE)
    again = take_all(first["train"], FIVE, out="again")
    assert {share.holdout for share in again.values()} == {first["holdout"].sha256}


def test_target_task_and_schema_are_those_of_the_table(table, take_all):
    for share in take_all(table, FIVE).values():
        assert (share.target, share.task) == ("label", "classification")
        assert share.schema == table.schema


def test_a_holdout_is_not_taken_from(table, take_all, tmp_path):
    holdout = take_all(table, THREE)["holdout"]
    with pytest.raises(InputError, match="`table` must not be a locked holdout"):
        take(holdout, plan(FIVE), "a", tmp_path / "again")


@pytest.mark.parametrize(
    "shares",
    [{"a": 1.0}, {"a": 1.2, "b": -0.2}, {"a": 0.0, "b": 1.0}, {"": 0.5, "b": 0.5}, {"a": "x"}],
)
def test_a_part_that_is_none_is_refused(shares):
    with pytest.raises(InputError, match="`shares` must give each name a part above 0 and below 1"):
        plan(shares)


@pytest.mark.parametrize(
    "shares", [{}, {"a": 0.5, "b": 0.4}, {"a": 0.5, "b": 0.500000002}, {"a": float("nan")}]
)
def test_shares_that_do_not_sum_to_one_are_refused(shares):
    with pytest.raises(InputError, match="`shares` must"):
        plan(shares)


def test_a_sum_is_one_within_what_floats_can_say():
    # 0.1 ten times is 0.9999999999999999.
    assert len(plan({f"s{n}": 0.1 for n in range(10)}).shares) == 10


@pytest.mark.parametrize("order", [None, [], ["train", "test"], ["train", "test", "test"]])
def test_by_time_an_order_that_does_not_name_each_share_once_is_refused(order):
    with pytest.raises(InputError, match=r"`oldest_first` must name each .*\['holdout', 'test', "):
        plan(THREE, "time", "day", order)


def test_an_order_without_time_is_refused():
    with pytest.raises(InputError, match="`oldest_first` must be empty where `method` is 'random'"):
        plan(THREE, "random", oldest_first=list(THREE))


def test_an_unknown_name_is_refused_with_the_known_ones(table, tmp_path):
    match = r"`name` must be one of `shares`. Found: 'trian' among \['holdout', 'test', 'train'\]"
    with pytest.raises(InputError, match=match):
        take(table, plan(THREE), "trian", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_too_few_rows_for_every_share_are_refused(ingest, tmp_path):
    table = ingest("id\n1\n2\n3\n")
    with pytest.raises(InputError, match=r"`table` must have enough rows .*Found: 3 rows"):
        take(table, plan(FIVE), "a", tmp_path / "out")
