"""transform_table: what an estimator reads, as a table."""

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.table import open_table
from holdfast.training.features import training_inputs
from holdfast.training.fit_transformer.logic import fit_transformer
from holdfast.training.transform_table.logic import transform
from tests.training.samples import bundled, train_model, write_table

COLUMNS = {
    "key": ["k1", "k2", "k3", "k4"],
    "size": [1, None, 3, 4],
    "fruit": ["pear", "fig", None, "pear"],
    "y": ["no", "yes", "no", "yes"],
}


@pytest.fixture
def table(tmp_path):
    return write_table(tmp_path / "table", COLUMNS, "y", role="test", holdout="ab" * 32)


@pytest.fixture
def transformer(tmp_path):
    columns = {name: COLUMNS[name] for name in ("size", "fruit", "y")}
    return fit_transformer(write_table(tmp_path / "train", columns, "y"), 1)


def test_features_are_written_beside_what_is_kept(tmp_path, table, transformer):
    written = transform(table, transformer, ["key"], tmp_path / "out")
    assert written.read().to_pydict() == {
        "key": COLUMNS["key"],
        "y": COLUMNS["y"],
        "size": [1.0, None, 3.0, 4.0],
        "fruit": [1.0, 0.0, None, 1.0],
    }


def test_the_new_table_is_the_same_share_with_the_same_target(tmp_path, table, transformer):
    written = transform(table, transformer, [], tmp_path / "out")
    told = [(t.target, t.task, t.role, t.holdout) for t in (written, table)]
    assert told[0] == told[1] == ("y", "classification", "test", "ab" * 32)


def test_a_table_without_a_target_has_features_alone(tmp_path, transformer):
    rows = write_table(tmp_path / "rows", {"size": [7], "fruit": ["kiwi"]}, "", "")
    written = transform(rows, transformer, [], tmp_path / "out")
    assert written.read().to_pydict() == {"size": [7.0], "fruit": [-1.0]}
    assert written.target == ""


def test_of_a_model_it_is_what_the_estimator_reads_in_any_number_of_batches(tmp_path, monkeypatch):
    train = bundled(tmp_path / "train", "breast_cancer")
    model = train_model(train)
    inputs = training_inputs(fit_transformer(train, 1), train)[0]
    # Row groups of a thousand rows at the least: the table is written anew, in several.
    monkeypatch.setattr("holdfast.table.ROW_GROUP_VALUES", 1)
    thrice = pa.concat_tables([train.read()] * 3)
    long = write_table(
        tmp_path / "long", dict(zip(thrice.column_names, thrice.columns, strict=True)), "target"
    )
    assert len(list(long.pieces())) > 1
    written = transform(long, model, [], tmp_path / "out").read().drop_columns("target")
    assert written.num_rows == 3 * len(inputs)
    found = np.column_stack([column.to_numpy() for column in written.columns])
    np.testing.assert_array_equal(found, np.concatenate([inputs] * 3))


def test_the_same_rows_give_the_same_bytes(tmp_path, table, transformer):
    first = transform(table, transformer, [], tmp_path / "one")
    assert first.sha256 == transform(table, transformer, [], tmp_path / "two").sha256


def test_a_table_without_rows_stays_one(tmp_path, table, transformer):
    empty = write_table(tmp_path / "empty", table.read().slice(0, 0).to_pydict() | {
        "size": pa.array([], pa.int64()), "fruit": pa.array([], pa.string()),
    })  # fmt: skip
    written = transform(empty, transformer, [], tmp_path / "out")
    assert (written.rows, written.schema.names) == (0, ["size", "fruit"])


@pytest.mark.parametrize(
    ("keep", "found"),
    [(["kee"], r"`keep` must name columns.*Found: \['kee'\]"), (["size"], r"Found: \['size'\]")],
)
def test_what_cannot_be_kept_is_named_and_nothing_is_written(
    tmp_path, table, transformer, keep, found
):
    with pytest.raises(InputError, match=found):
        transform(table, transformer, keep, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_that_lacks_a_feature_is_refused(tmp_path, transformer):
    other = write_table(tmp_path / "other", {"size": [1]}, "", "")
    with pytest.raises(InputError, match="'fruit'"):
        transform(open_table(other.path), transformer, [], tmp_path / "out")
