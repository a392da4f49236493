"""training_inputs: what an estimator learns from never holds the row's own target."""

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.model import feature_frame, load_model
from holdfast.training.features import refit, training_inputs
from holdfast.training.fit_transformer.logic import fit_transformer
from tests.training.samples import frame_of, save, write_table

TARGET = "categorical: [{columns: [user], encode: target, folds: 5}]"


def noise(path, seed, rows=4000, users=800):
    """Write a column of many values that say nothing of the class."""
    random = np.random.default_rng(seed)
    columns = {
        "user": [f"u{number}" for number in random.integers(0, users, rows)],
        "y": random.choice(["a", "b"], rows),
    }
    return write_table(path, columns, "y")


def auc(estimator, inputs, table):
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(table.read().column("y"), estimator.predict_proba(inputs)[:, 1])


def test_a_target_encoded_column_of_noise_says_nothing(tmp_path):
    from sklearn.ensemble import HistGradientBoostingClassifier

    train, test = noise(tmp_path / "train", 1), noise(tmp_path / "test", 2)
    transformer = fit_transformer(train, 1, TARGET)
    inputs, target = training_inputs(transformer, train)
    learned = HistGradientBoostingClassifier(random_state=0).fit(inputs, target)
    unseen = transformer.pipeline.transform(frame_of(test, transformer))
    assert abs(auc(learned, unseen, test) - 0.5) < 0.03
    # The trees trust what they learned from: with each row's own target in it, they trust noise.
    plain = transformer.pipeline.transform(frame_of(train, transformer))
    leaked = HistGradientBoostingClassifier(random_state=0).fit(plain, target)
    assert auc(leaked, plain, train) > 0.65


def test_a_row_is_encoded_by_the_other_folds_alone(tmp_path):
    from sklearn.model_selection import KFold

    user = ["a", "b"] * 6
    target = [float(number * number) for number in range(12)]
    table = write_table(tmp_path / "train", {"user": user, "y": target}, "y", "regression")
    features = "{seed: 7, categorical: [{columns: [user], encode: target, folds: 3, smooth: 0}]}"
    inputs, _ = training_inputs(fit_transformer(table, 1, features), table)
    folds = KFold(3, shuffle=True, random_state=7).split(user)
    for others, rows in folds:
        for row in rows:
            means = [target[other] for other in others if user[other] == user[row]]
            assert inputs[row, 0] == pytest.approx(np.mean(means))


def test_the_encoding_is_the_same_after_saving(tmp_path):
    table = noise(tmp_path / "train", 1, rows=300, users=40)
    transformer = fit_transformer(table, 1, TARGET)
    loaded = load_model(save(transformer, table, tmp_path / "saved"))
    first, _ = training_inputs(transformer, table)
    second, _ = training_inputs(loaded, table)
    assert first.tobytes() == second.tobytes()


def test_another_seed_gives_other_folds(tmp_path):
    table = noise(tmp_path / "train", 1, rows=300, users=40)
    found = [
        training_inputs(fit_transformer(table, 1, f"seed: {seed}\n{TARGET}"), table)[0].tobytes()
        for seed in (1, 2)
    ]
    assert found[0] != found[1]


def test_a_cross_fitted_transformer_wants_its_own_table(tmp_path):
    table, other = noise(tmp_path / "train", 1, 300), noise(tmp_path / "other", 2, 300)
    transformer = fit_transformer(table, 1, TARGET)
    with pytest.raises(InputError, match="`train` must be the table that `transformer` was fitted"):
        training_inputs(transformer, other)


def test_any_other_transformer_takes_any_table_of_the_same_columns(tmp_path):
    table = write_table(tmp_path / "train", {"n": [1, 2, 3], "y": ["a", "b", "a"]}, "y")
    other = write_table(tmp_path / "other", {"n": [7], "y": ["b"]}, "y")
    inputs, target = training_inputs(fit_transformer(table, 1), other)
    assert (inputs.tolist(), target.tolist()) == ([[7.0]], ["b"])


def test_the_transformer_stays_as_it_is(tmp_path):
    table = noise(tmp_path / "train", 1, 300)
    transformer = fit_transformer(table, 1, TARGET)
    frame = frame_of(table, transformer)
    before = transformer.pipeline.transform(frame).tobytes()
    training_inputs(transformer, table)
    refit(transformer, frame.iloc[:100], table.read().column("y").to_numpy()[:100])
    assert transformer.pipeline.transform(frame).tobytes() == before


def test_a_fold_learns_its_steps_from_its_own_rows(tmp_path):
    columns = {"n": [0, 10, 50], "t": ["a", "b", "c"], "y": ["a", "b", "a"]}
    table = write_table(tmp_path / "train", columns, "y")
    transformer = fit_transformer(table, 1, "numeric: [{columns: [n], scale: minmax}]")
    frame = frame_of(table, transformer)
    steps, inputs = refit(transformer, frame.iloc[[1, 0]], np.array(["b", "a"]))
    # The fold has not seen c; a missing text is missing, as ever.
    assert inputs.tolist() == [[1, 1], [0, 0]]
    unseen = feature_frame(pa.table({"n": [50, 5], "t": pa.array(["c", None])}), ["n", "t"])
    np.testing.assert_array_equal(steps.transform(unseen), [[-1, 5], [np.nan, 0.5]])


def test_a_cross_fitted_fold_does_not_see_its_own_target(tmp_path):
    table = noise(tmp_path / "train", 1, 300, users=40)
    transformer = fit_transformer(table, 1, TARGET)
    target = table.read().column("y").to_numpy()
    steps, inputs = refit(transformer, frame_of(table, transformer), target)
    assert inputs.tobytes() == training_inputs(transformer, table)[0].tobytes()
    assert steps.transform(frame_of(table, transformer)).tobytes() != inputs.tobytes()
