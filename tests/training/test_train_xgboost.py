"""train_xgboost: the task, the labels, the bytes and what is refused."""

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.training.fit_transformer.logic import fit_transformer
from holdfast.training.train_xgboost.logic import train
from tests.training.samples import ROOT, bundled, digests, frame_of, train_model, write_table

GOOD = {"n_estimators": 2, "max_depth": 2, "learning_rate": 0.5, "seed": 0}


@pytest.mark.parametrize(
    ("low", "high", "classes"),
    [
        ("small", "big", ("big", "small")),
        (False, True, (False, True)),
        (5, 7, (5, 7)),
        (7, 5, (5, 7)),
        (-1, 1, (-1, 1)),
    ],
)
def test_a_classifier_answers_in_the_labels_of_the_target(low, high, classes, tmp_path):
    numbers = list(range(40))
    truth = [low if n < 20 else high for n in numbers]
    table = write_table(tmp_path / "train", {"n": numbers, "y": truth}, "y")
    model = train_model(table)
    assert model.info.classes == classes
    assert model.pipeline.predict(frame_of(table, model)).tolist() == truth


def test_probabilities_come_in_the_order_of_the_classes(tmp_path):
    truth = ["b"] * 20 + ["a"] * 20
    table = write_table(tmp_path / "train", {"n": range(40), "y": truth}, "y")
    model = train_model(table)
    probabilities = model.pipeline.predict_proba(frame_of(table, model))
    assert model.info.classes == ("a", "b")
    assert (probabilities[:20, 1] > 0.5).all()
    assert (probabilities[20:, 0] > 0.5).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_three_classes_are_told_apart(tmp_path):
    # Even rows train, odd rows judge: wine is sorted by class.
    table = bundled(tmp_path / "train", "wine", slice(0, None, 2))
    unseen = bundled(tmp_path / "test", "wine", slice(1, None, 2))
    model = train_model(table, 50)
    answers = model.pipeline.predict(frame_of(unseen, model))
    truth = unseen.read().column("target").to_pylist()
    assert model.info.classes == ("class_0", "class_1", "class_2")
    assert np.mean(answers == truth) > 0.9


def test_the_labels_do_not_change_what_xgboost_learns(tmp_path):
    from xgboost import XGBClassifier

    table = bundled(tmp_path / "train", "breast_cancer")
    model = train_model(table)
    rows = table.read()
    features = np.column_stack([rows.column(name).to_numpy() for name in model.info.features])
    numbers = np.array([model.info.classes.index(y) for y in rows.column("target").to_pylist()])
    plain = XGBClassifier(n_estimators=10, max_depth=3, learning_rate=0.3, random_state=42)
    expected = plain.fit(features, numbers).predict_proba(features)
    np.testing.assert_array_equal(model.pipeline.predict_proba(frame_of(table, model)), expected)


def test_a_regressor_beats_the_mean_of_the_target(tmp_path):
    from sklearn.metrics import r2_score

    table = bundled(tmp_path / "train", "diabetes", slice(0, None, 2))
    unseen = bundled(tmp_path / "test", "diabetes", slice(1, None, 2))
    model = train_model(table)
    answers = model.pipeline.predict(frame_of(unseen, model))
    assert model.info.task == "regression"
    assert model.info.classes == ()
    assert r2_score(unseen.read().column("target").to_numpy(), answers) > 0.25


def test_whole_numbers_as_target_of_a_regression_are_not_classes(tmp_path):
    columns = {"n": range(40), "y": [n // 10 for n in range(40)]}
    model = train_model(write_table(tmp_path / "train", columns, "y", "regression"))
    assert model.info.classes == ()
    assert not hasattr(model.pipeline, "predict_proba")


def test_raw_rows_with_missing_and_unknown_values_are_answered(tmp_path):
    columns = {"n": range(40), "t": ["u", "v"] * 20, "y": [n < 20 for n in range(40)]}
    model = train_model(write_table(tmp_path / "train", columns, "y"))
    raw = {"n": pa.array([None, 1, 39]), "t": pa.array([None, "u", "never seen"])}
    unseen = write_table(tmp_path / "raw", raw)
    assert model.pipeline.predict(frame_of(unseen, model)).tolist()[1:] == [True, False]


def test_the_model_names_the_table_that_it_was_trained_on(tmp_path):
    table = write_table(tmp_path / "train", {"n": range(4), "y": ["a", "b"] * 2}, "y")
    assert train_model(table).info.trained_on == table.sha256


@pytest.fixture
def shares(tmp_path):
    """A holdout, the training share of its split, and a copy of the holdout without a role."""
    late = {"n": range(4, 8), "y": ["a", "b"] * 2}
    holdout = write_table(tmp_path / "holdout", late, "y", role="holdout")
    early = {"n": range(4), "y": ["a", "b"] * 2}
    own = write_table(tmp_path / "train", early, "y", role="train", holdout=holdout.sha256)
    return own, holdout, write_table(tmp_path / "copy", late, "y")


def test_a_locked_holdout_is_refused(shares):
    own, holdout, _ = shares
    with pytest.raises(InputError, match=r"`train` must not be a locked holdout.*role holdout"):
        train(holdout, fit_transformer(own, 1), **GOOD)


def test_a_copy_of_the_holdout_is_known_by_the_transformers_split(shares):
    own, _, copy = shares
    with pytest.raises(InputError, match=r"`train` must not be a locked holdout.*holdout's sha256"):
        train(copy, fit_transformer(own, 1), **GOOD)


def test_a_transformer_that_learned_from_a_copy_of_the_holdout_is_refused(shares):
    own, _, copy = shares
    with pytest.raises(InputError, match="`transformer` must not have learned from the locked"):
        train(own, fit_transformer(copy, 1), **GOOD)


def test_the_model_names_the_locked_holdout_of_its_split(shares):
    own, holdout, _ = shares
    info = train(own, fit_transformer(own, 1), **GOOD).info
    assert (info.trained_on, info.holdout_sha256) == (own.sha256, holdout.sha256)


def test_a_training_table_without_a_lock_inherits_that_of_the_transformer(shares, tmp_path):
    own, holdout, _ = shares
    other = write_table(tmp_path / "other", {"n": range(2, 6), "y": ["a", "b"] * 2}, "y")
    info = train(other, fit_transformer(own, 1), **GOOD).info
    assert info.holdout_sha256 == holdout.sha256


def test_parameters_and_seed_reach_xgboost(tmp_path):
    table = bundled(tmp_path / "train", "diabetes")
    fitted = fit_transformer(table, 1)
    parameters = train(table, fitted, 7, 2, 0.25, 5).pipeline[-1].get_params()
    names = ("n_estimators", "max_depth", "learning_rate", "random_state")
    assert [parameters[name] for name in names] == [7, 2, 0.25, 5]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
@pytest.mark.parametrize("name", ["breast_cancer", "diabetes"])
def test_any_number_of_cpus_gives_the_same_bytes(name, tmp_path):
    table = bundled(tmp_path / "train", name)
    for cpus in ("1", "2"):
        command = [sys.executable, "-m", "tests.training.save_sample_model"]
        subprocess.run([*command, table.path, tmp_path / cpus, cpus], cwd=ROOT, check=True)
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


def test_training_leaves_the_transformer_as_it_was(tmp_path):
    table = write_table(tmp_path / "train", {"n": range(4), "y": ["a", "b"] * 2}, "y")
    fitted = fit_transformer(table, 1)
    train(table, fitted, **GOOD)
    assert [name for name, _ in fitted.pipeline.steps] == ["columns"]
    assert fitted.info.classes == ()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_estimators", 0),
        ("max_depth", 0),
        ("learning_rate", 0.0),
        ("learning_rate", 1.01),
        ("learning_rate", float("nan")),
    ],
)
def test_a_parameter_out_of_range_is_refused_by_name(parameter, value, tmp_path):
    table = write_table(tmp_path / "train", {"n": range(4), "y": ["a", "b"] * 2}, "y")
    with pytest.raises(InputError, match=f"`{parameter}` must be .* Found: {value}"):
        train(table, fit_transformer(table, 1), **{**GOOD, parameter: value})


def test_the_bounds_of_the_parameters_are_allowed(tmp_path):
    table = write_table(tmp_path / "train", {"n": range(4), "y": ["a", "b"] * 2}, "y")
    model = train(table, fit_transformer(table, 1), 1, 1, 1.0, seed=0)
    assert model.info.classes == ("a", "b")


def test_a_table_that_lacks_a_feature_is_refused_with_its_name(tmp_path):
    labels = ["a", "b"] * 2
    fitted = fit_transformer(
        write_table(tmp_path / "1", {"n": range(4), "age": range(4), "y": labels}, "y"), 1
    )
    lacking = write_table(tmp_path / "2", {"n": range(4), "y": labels}, "y")
    with pytest.raises(InputError, match=r"`train` lacks \['age'\]"):
        train(lacking, fitted, **GOOD)


def test_a_table_without_a_target_is_refused(tmp_path):
    fitted = fit_transformer(
        write_table(tmp_path / "1", {"n": range(4), "y": ["a", "b"] * 2}, "y"), 1
    )
    aimless = write_table(tmp_path / "2", {"n": range(4), "y": ["a", "b"] * 2})
    with pytest.raises(InputError, match="`train` does not say which column is its target"):
        train(aimless, fitted, **GOOD)
