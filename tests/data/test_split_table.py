"""What split_table promises: exact shares, no row lost or shared, the same again for a seed."""

from collections import Counter

import pytest

from holdfast.data.split_table.logic import split
from holdfast.errors import InputError


@pytest.fixture
def table(ingest):
    """1,000 rows: 700 a, 200 b, 97 c and 3 d, in turns rather than in blocks."""
    blocks = "a" * 700 + "b" * 200 + "c" * 97 + "d" * 3
    rows = "".join(f"{n},{blocks[n * 7 % 1000]}\n" for n in range(1000))
    return ingest("id,label\n" + rows, target="label")


@pytest.fixture
def cut(tmp_path):
    def call(table, share=0.2, seed=42, name="a"):
        return split(table, tmp_path / f"{name}-train", tmp_path / f"{name}-test", share, seed)

    return call


def ids(table):
    return table.read().column("id").to_pylist()


def labels(table):
    return Counter(table.read().column("label").to_pylist())


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
    with pytest.raises(InputError, match=rf"`test_share` .*Found: {share}. The usual choice"):
        cut(table, share)
    assert not list(tmp_path.glob("a-*"))


@pytest.mark.parametrize(("share", "testing"), [(0.1, 0), (0.9, 3)])
def test_too_few_rows_for_both_sides_are_refused(ingest, cut, tmp_path, share, testing):
    table = ingest("id\n1\n2\n3\n")
    match = rf"`table` .*Found: 3 rows, of which {testing} would be for testing. Pass more rows"
    with pytest.raises(InputError, match=match):
        cut(table, share)
    assert not list(tmp_path.glob("a-*"))


@pytest.mark.real_data
def test_adult_is_split_by_class(real_table, tmp_path, cut):
    from holdfast.data.ingest_table.logic import ingest

    table = ingest(real_table("adult.parquet"), tmp_path / "adult", "class")
    parts = cut(table)
    assert (parts.train.rows, parts.test.rows) == (39_074, 9_768)
    whole = Counter(table.read(["class"]).column(0).to_pylist())
    drawn = Counter(parts.test.read(["class"]).column(0).to_pylist())
    assert all(abs(drawn[label] - whole[label] * 0.2) <= 1 for label in whole)
