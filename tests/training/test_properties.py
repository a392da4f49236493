"""Properties of transformers: whatever they were fitted to, they do the same in another process."""

import json
import subprocess
import sys
from datetime import datetime

import numpy as np
import pyarrow as pa
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.model import feature_frame, load_model
from holdfast.training.fit_transformer.logic import fit_transformer
from tests.properties import MODEST, TEXT, folder
from tests.training.samples import ROOT, save, write_table

ROWS = 24
CATEGORIES = st.sampled_from(["a", "b", "c", "", "é", "\N{GRINNING FACE}", "<b>", "1"])
STEPS = st.sampled_from([
    "", "numeric: [{columns: [n], impute: median, scale: standard}]",
    "numeric: [{columns: [n], impute: 0, bins: 3}]",
    "numeric: [{columns: [n], clip: 0.1, impute: mean, indicator: true}]",
    "categorical: [{columns: [c], encode: one_hot, max_categories: 3}]",
    "categorical: [{columns: [c], encode: frequency}]",
    "categorical: [{columns: [c], encode: target, folds: 2}]",
    "datetime: [{columns: [d], parts: [year, month], cyclic: [month], flags: [weekend]}]",
])  # fmt: skip
TABLES = st.fixed_dictionaries({
    "n": st.lists(st.none() | MODEST, min_size=ROWS, max_size=ROWS),
    "c": st.lists(st.none() | CATEGORIES, min_size=ROWS, max_size=ROWS),
    "d": st.lists(
        st.none() | st.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1)),
        min_size=ROWS, max_size=ROWS),
    "y": st.just(["no", "yes"] * (ROWS // 2)),
})  # fmt: skip
NEW = st.fixed_dictionaries({
    "n": st.lists(st.none() | MODEST, min_size=3, max_size=3),
    "c": st.lists(st.none() | TEXT, min_size=3, max_size=3),
    "d": st.just([None, None, None]),
})  # fmt: skip
TYPES = {"n": pa.float64(), "c": pa.string(), "d": pa.timestamp("us"), "y": pa.string()}
AGAIN = """
import json, sys
import pyarrow.parquet as pq
from holdfast.model import feature_frame, load_model
from tests.training.test_properties import dense
for folder in json.load(sys.stdin):
    model = load_model(f"{folder}/model")
    frame = feature_frame(pq.read_table(f"{folder}/new.parquet"), model.info.features)
    print(json.dumps(dense(model.pipeline.transform(frame)).tobytes().hex()))
"""


def dense(found):
    """Return features as numbers."""
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64)


def rows_of(columns):
    return pa.table({name: pa.array(v, TYPES[name]) for name, v in columns.items()})


def fitted(path, columns, steps):
    """Fit a transformer; None where the steps can't be fitted to such columns."""
    table = write_table(path / "table", rows_of(columns), "y")
    try:
        return table, fit_transformer(table, 1, steps)
    except InputError:
        return table, None


@given(TABLES, STEPS, NEW)
def test_unseen_categories_and_missing_values_are_transformed_row_by_row(columns, steps, new):
    with folder() as path:
        _, model = fitted(path, columns, steps)
        assume(model is not None)
        frame = feature_frame(rows_of(new), model.info.features)
        whole = dense(model.pipeline.transform(frame))
        assert len(whole) == 3
        # A row's features are its own: the same alone, and in another order.
        turned = dense(model.pipeline.transform(frame.iloc[::-1].reset_index(drop=True)))
        assert np.array_equal(whole[::-1], turned, equal_nan=True)
        for place in range(3):
            alone = frame.iloc[[place]].reset_index(drop=True)
            one = dense(model.pipeline.transform(alone))
            assert np.array_equal(one[0], whole[place], equal_nan=True)


@given(TABLES, STEPS)
def test_the_same_table_gives_the_same_bytes(columns, steps):
    with folder() as path:
        table, model = fitted(path, columns, steps)
        assume(model is not None)
        again = fit_transformer(table, 1, steps)
        save(model, table, path / "one")
        save(again, table, path / "two")
        for name in ("model.skops", "MLmodel"):
            assert (path / "one" / name).read_bytes() == (path / "two" / name).read_bytes()


def test_a_transformer_does_the_same_in_a_fresh_process():
    import pyarrow.parquet as pq

    expected, folders = [], []

    with folder() as root:

        @settings(max_examples=12)
        @given(TABLES, STEPS, NEW)
        def draw(columns, steps, new):
            path = root / str(len(folders))
            table, model = fitted(path, columns, steps)
            assume(model is not None)
            save(model, table, path / "model")
            rows = rows_of(new)
            pq.write_table(rows, path / "new.parquet")
            frame = feature_frame(rows, load_model(path / "model").info.features)
            expected.append(dense(model.pipeline.transform(frame)).tobytes().hex())
            folders.append(str(path))

        draw()
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", AGAIN],
            input=json.dumps(folders), capture_output=True, text=True, cwd=ROOT,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert [json.loads(line) for line in done.stdout.splitlines()] == expected
    assert len(expected) >= 5
