"""Properties of splits: no row is lost or shared, whatever the table and the shares are."""

from collections import Counter

import pyarrow as pa
from hypothesis import assume, given
from hypothesis import strategies as st

from holdfast.data.split_table.logic import Paths, split
from holdfast.errors import InputError
from holdfast.table import TableWriter, open_table
from tests.properties import folder

LABELS = st.lists(st.sampled_from("aaabbc"), min_size=8, max_size=60)
SHARES = st.tuples(st.floats(0.05, 0.6), st.sampled_from([0.0, 0.1, 0.25]))
METHODS = st.sampled_from(["random", "stratified", "time", "group", "hash"])


def divide(path, labels, shares, method, seed, name="split"):
    """Split rows with ids and labels; return the shares' rows, None where they would be empty."""
    rows = pa.table({"id": range(len(labels)), "label": labels})
    if not (path / "table").exists():
        with TableWriter(path / "table", rows.schema, "label", "classification") as writer:
            writer.write(rows.to_batches()[0])
    by = {"random": "", "stratified": "label", "group": "label"}.get(method, "id")
    paths = Paths(*(path / f"{name}-{side}" for side in ("train", "test", "holdout")))
    try:
        made = split(open_table(path / "table"), paths, *shares, method, by, seed)
    except InputError:
        return None
    return [share.read().to_pylist() for share in (made.train, made.test, made.holdout)]


@given(LABELS, SHARES, METHODS, st.integers(0, 2**32 - 1))
def test_each_row_is_in_one_share_and_the_same_again(labels, shares, method, seed):
    with folder() as path:
        found = divide(path, labels, shares, method, seed)
        assume(found is not None)
        ids = [row["id"] for share in found for row in share]
        assert sorted(ids) == list(range(len(labels)))
        assert divide(path, labels, shares, method, seed, "again") == found


@given(LABELS, SHARES, st.integers(0, 2**32 - 1))
def test_random_shares_have_their_size_to_the_row(labels, shares, seed):
    with folder() as path:
        found = divide(path, labels, shares, "random", seed)
        assume(found is not None)
        wanted = (1 - sum(shares), *shares)
        for share, part in zip(found, wanted, strict=True):
            assert abs(len(share) - part * len(labels)) <= 1


@given(LABELS, SHARES, st.integers(0, 2**32 - 1))
def test_each_class_is_divided_like_the_whole_within_a_row(labels, shares, seed):
    with folder() as path:
        found = divide(path, labels, shares, "stratified", seed)
        assume(found is not None)
        wanted = (1 - sum(shares), *shares)
        for label, count in Counter(labels).items():
            for share, part in zip(found, wanted, strict=True):
                there = sum(row["label"] == label for row in share)
                assert abs(there - part * count) < 1 + 1e-6


@given(LABELS, SHARES, st.integers(0, 2**32 - 1))
def test_no_group_is_in_two_shares(labels, shares, seed):
    with folder() as path:
        found = divide(path, labels, shares, "group", seed)
        assume(found is not None)
        groups = [{row["label"] for row in share} for share in found]
        assert sum(map(len, groups)) == len(set().union(*groups))


@given(st.lists(st.integers(0, 10**6), min_size=20, max_size=60, unique=True), st.data())
def test_a_row_stays_in_its_share_by_hash_whatever_other_rows_are_there(ids, data):
    some = sorted(data.draw(st.sets(st.sampled_from(ids), min_size=len(ids) - 3)))

    def shares_of(name, chosen):
        rows = pa.table({"id": chosen})
        with TableWriter(path / name, rows.schema) as writer:
            writer.write(rows.to_batches()[0])
        paths = Paths(*(path / f"{name}-{side}" for side in ("train", "test", "holdout")))
        made = split(open_table(path / name), paths, 0.4, 0.0, "hash", "id", 1)
        return [set(share.read()["id"].to_pylist()) for share in (made.train, made.test)]

    with folder() as path:
        try:
            whole, part = shares_of("whole", ids), shares_of("part", some)
        except InputError:
            assume(False)
        for more, fewer in zip(whole, part, strict=True):
            assert fewer == more & set(some)
