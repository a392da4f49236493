"""train_xgboost: the task, the labels, the bytes and what is refused."""

import os
import subprocess
import sys
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.training.fit_transformer.logic import fit_transformer
from holdfast.training.train_xgboost import logic
from holdfast.training.train_xgboost.logic import Options, Stopping, read_parameters
from tests.training.samples import ROOT, bundled, digests, frame_of, train_model, write_table

GOOD = {"n_estimators": 2, "max_depth": 2, "learning_rate": 0.5, "seed": 0}


def train(table, fitted, n_estimators, max_depth, learning_rate, seed, **others):
    """Train as the component does, and return the model alone."""
    wanted = read_parameters("", n_estimators, max_depth, learning_rate)
    return logic.train(table, fitted, wanted, Options(seed), **others).model


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


def learn(table, parameters="", validation=None, previous=None, fitted=None, **options):
    """Train with options; small trees unless told otherwise."""
    wanted = read_parameters(parameters, 20, 3, 0.3)
    fitted = fitted or fit_transformer(table, 1)
    return logic.train(table, fitted, wanted, Options(**options), validation, previous)


def trees_of(model):
    estimator = model.pipeline[-1]
    return estimator.estimators_[0] if model.info.classes else estimator


def rounds(model):
    return trees_of(model).get_booster().num_boosted_rounds()


class TestEarlyStopping:
    def test_it_ends_at_the_best_round_of_the_validation_share(self, tmp_path):
        table = bundled(tmp_path / "t", "diabetes")
        trained = learn(table, "n_estimators: 400", stopping=Stopping(5, 0.2))
        losses = [loss for _, loss in trained.curve.validation]
        best = int(np.argmin(losses))
        assert rounds(trained.model) == trained.curve.best_round == best + 1
        assert len(losses) == best + 1 + 5
        assert "learning curve" in trained.report.html().lower()

    def test_the_validation_share_is_drawn_by_the_seed_and_teaches_nothing(self, tmp_path):
        from sklearn.model_selection import train_test_split
        from xgboost import XGBClassifier

        table = bundled(tmp_path / "t", "breast_cancer")
        trained = learn(table, stopping=Stopping(3, 0.25), seed=7)
        rows = table.read()
        x = np.column_stack([rows.column(n).to_numpy() for n in trained.model.info.features])
        y = (rows.column("target").to_numpy() == "malignant").astype(int)
        kept, aside = train_test_split(np.arange(569), test_size=0.25, random_state=7, stratify=y)
        kept, aside = np.sort(kept), np.sort(aside)
        plain = XGBClassifier(
            n_estimators=20, max_depth=3, learning_rate=0.3, random_state=7, early_stopping_rounds=3
        ).fit(x[kept], y[kept], eval_set=[(x[aside], y[aside])], verbose=False)
        found = trained.model.pipeline.predict_proba(frame_of(table, trained.model))
        np.testing.assert_array_equal(found, plain.predict_proba(x))

    def test_a_validation_table_takes_the_place_of_the_share(self, tmp_path):
        table = bundled(tmp_path / "t", "wine", slice(0, None, 2))
        judged = bundled(tmp_path / "v", "wine", slice(1, None, 2))
        trained = learn(table, "n_estimators: 200", judged, stopping=Stopping(3))
        assert "89 rows, 13 inputs" in trained.report.markdown()
        assert "89 rows judged each round" in trained.report.markdown()
        assert rounds(trained.model) < 200

    def test_a_validation_table_alone_draws_the_curve_and_stops_nothing(self, tmp_path):
        table = bundled(tmp_path / "t", "diabetes")
        trained = learn(table, validation=table)
        assert rounds(trained.model) == 20
        # 442 rows: all of them are judged.
        found = dict(trained.curve.validation)
        for round_, loss in trained.curve.train:
            assert found[round_] == pytest.approx(loss, rel=1e-5)

    def test_a_validation_class_that_training_lacks_is_refused(self, tmp_path):
        table = write_table(tmp_path / "t", {"n": range(4), "y": ["a", "b"] * 2}, "y")
        other = write_table(tmp_path / "v", {"n": range(4), "y": ["a", "c"] * 2}, "y")
        with pytest.raises(InputError, match=r"`validation` must hold the classes.*\['c'\]"):
            learn(table, validation=other)

    def test_a_locked_holdout_is_no_validation_table(self, shares):
        own, holdout, copy = shares
        for locked in (holdout, copy):
            with pytest.raises(InputError, match="`validation` must not be a locked holdout"):
                learn(own, validation=locked)

    @pytest.mark.parametrize(
        ("stopping", "message"),
        [
            (Stopping(-1), "`early_stopping_rounds` must be at least 0"),
            (Stopping(3, 1.0), "`validation_fraction` must be above 0 and below 1"),
            (Stopping(3, 0.1), "enough rows of each class for a validation fraction of 0.1"),
        ],
    )
    def test_a_share_that_can_not_be_is_refused(self, stopping, message, tmp_path):
        table = write_table(tmp_path / "t", {"n": range(4), "y": ["a", "b"] * 2}, "y")
        with pytest.raises(InputError, match=message):
            learn(table, stopping=stopping)


class TestWeights:
    def table(self, path, **more):
        # Nothing tells the classes apart; four rows in five are "often".
        labels = (["often"] * 4 + ["rare"]) * 8
        return write_table(path / "t", {"n": [1] * 40, **more, "y": labels}, "y")

    def rare(self, table, fitted=None, **options):
        model = learn(table, "reg_lambda: 0.0", fitted=fitted, **options).model
        return model.pipeline.predict_proba(frame_of(table, model))[0, 1]

    def test_balanced_classes_count_alike(self, tmp_path):
        table = self.table(tmp_path)
        assert self.rare(table) == pytest.approx(0.2, abs=0.01)
        assert self.rare(table, class_weight="balanced") == pytest.approx(0.5, abs=0.01)

    def test_a_row_of_weight_three_counts_as_three_rows(self, tmp_path):
        table = self.table(tmp_path, w=([1] * 4 + [3]) * 8)
        fitted = fit_transformer(table, 1, "drop: [w]")
        assert self.rare(table, fitted, sample_weight="w") == pytest.approx(3 / 7, abs=0.01)

    def test_a_weight_is_no_feature(self, tmp_path):
        table = self.table(tmp_path, w=[1] * 40)
        with pytest.raises(
            InputError, match=r"`sample_weight` must not name a feature.*drop: \[w\]"
        ):
            self.rare(table, sample_weight="w")

    @pytest.mark.parametrize("bad", [-1.0, None, float("inf"), "heavy"])
    def test_weights_that_are_none_are_counted_and_refused(self, bad, tmp_path):
        values = ["1" if isinstance(bad, str) else 1.0] * 39 + [bad]
        table = self.table(tmp_path, w=pa.array(values))
        with pytest.raises(InputError, match="`sample_weight` must name a column of numbers"):
            self.rare(table, fit_transformer(table, 1, "drop: [w]"), sample_weight="w")

    def test_an_unknown_column_or_kind_of_weight_is_refused(self, tmp_path):
        table = self.table(tmp_path)
        with pytest.raises(InputError, match="`sample_weight` must name a column of `train`"):
            self.rare(table, sample_weight="W")
        with pytest.raises(InputError, match="`class_weight` must be none or balanced"):
            self.rare(table, class_weight="equal")


class TestMonotone:
    # It falls from 9 to 0, but for a bump in the middle.
    COLUMNS = MappingProxyType(
        {"n": range(10), "t": ["u", "v"] * 5, "y": [9.0, 8, 7, 6, 2, 8, 3, 2, 1, 0]}
    )

    def test_a_prediction_never_rises_with_a_constrained_feature(self, tmp_path):
        table = write_table(tmp_path / "t", dict(self.COLUMNS), "y", "regression")
        free, bound = (learn(table, monotone_constraints=m).model for m in ({}, {"n": -1.0}))
        flat = write_table(tmp_path / "u", {**self.COLUMNS, "t": ["u"] * 10}, "y", "regression")
        steps = [np.diff(m.pipeline.predict(frame_of(flat, m))) for m in (free, bound)]
        assert (steps[0] > 0).any()
        assert (steps[1] <= 0).all()

    @pytest.mark.parametrize("monotone", [{"N": 1}, {"t": 1}, {"n": 2}])
    def test_what_can_not_be_monotone_is_refused(self, monotone, tmp_path):
        table = write_table(tmp_path / "t", dict(self.COLUMNS), "y", "regression")
        with pytest.raises(
            InputError, match=r"`monotone_constraints` must give 1, -1 or 0.*Known: \['n'\]"
        ):
            learn(table, monotone_constraints=monotone)

    def test_three_classes_are_not_monotone(self, tmp_path):
        table = bundled(tmp_path / "t", "wine")
        with pytest.raises(
            InputError, match="`monotone_constraints` needs two classes or a regression"
        ):
            learn(table, monotone_constraints={"alcohol": 1})


class TestWarmStart:
    @pytest.mark.parametrize("name", ["breast_cancer", "diabetes"])
    def test_ten_rounds_and_ten_more_are_twenty(self, name, tmp_path):
        table = bundled(tmp_path / "t", name)
        fitted = fit_transformer(table, 1)
        half = learn(table, "n_estimators: 10", fitted=fitted).model
        both = learn(table, "n_estimators: 10", previous=half, fitted=fitted)
        whole = learn(table, fitted=fitted).model
        answers = [m.pipeline.predict(frame_of(table, m)) for m in (both.model, whole)]
        np.testing.assert_array_equal(*answers)
        assert rounds(both.model) == both.curve.best_round == 20

    def test_another_transformer_is_refused(self, tmp_path):
        columns = {"t": ["a", "b", "c"] * 4, "y": ["p", "q"] * 6}
        table = write_table(tmp_path / "t", columns, "y")
        before = learn(table).model
        with pytest.raises(InputError, match="`transformer` must be the one that `previous`"):
            learn(table, previous=before, fitted=fit_transformer(table, 5))

    def test_other_classes_are_refused(self, tmp_path):
        table = write_table(tmp_path / "t", {"n": range(4), "y": ["a", "b"] * 2}, "y")
        other = write_table(tmp_path / "u", {"n": range(4), "y": ["a", "c"] * 2}, "y")
        with pytest.raises(InputError, match="`previous` must know the classes of `train`"):
            learn(other, previous=learn(table).model)

    @pytest.mark.parametrize("kind", ["DecisionTreeClassifier", "RandomForestClassifier"])
    def test_a_model_of_another_kind_is_refused(self, tmp_path, kind):
        from holdfast.training.train_sklearn.logic import train as train_sklearn

        table = write_table(tmp_path / "t", {"n": range(4), "y": ["a", "b"] * 2}, "y")
        fitted = fit_transformer(table, 1)
        other = train_sklearn(table, fitted, kind, "", "", "none", 0).model
        with pytest.raises(InputError, match=f"must be a model of train_xgboost. Found: {kind}"):
            learn(table, previous=other, fitted=fitted)


class TestBadTables:
    @pytest.mark.parametrize(
        ("target", "task", "message"),
        [
            (["a", "b", None, "a"], "classification", "Found: 1 of 4 rows in which it is missing"),
            ([1.0, None, None, 2.0], "regression", "Found: 2 of 4 rows in which it is missing"),
            ([1.0, float("inf"), 2, 3], "regression", "missing or not finite"),
            (["a"] * 4, "classification", r"at least two classes. Found: \['a'\] in 4 rows"),
            (["a", "b", "c", "d"], "regression", "must hold numbers as the target 'y'"),
        ],
    )
    def test_a_target_that_nothing_can_be_learned_from_is_refused(
        self, target, task, message, tmp_path
    ):
        good = write_table(tmp_path / "g", {"n": range(4), "y": ["a", "b"] * 2}, "y")
        table = write_table(tmp_path / "t", {"n": range(4), "y": pa.array(target)}, "y", task)
        with pytest.raises(InputError, match=message):
            learn(table, fitted=fit_transformer(good, 1))

    def test_constant_and_always_missing_features_are_never_split_on(self, tmp_path):
        columns = {"n": range(8), "one": [1] * 8, "none": pa.array([None] * 8, pa.float64())}
        labels = ["a"] * 4 + ["b"] * 4
        model = learn(write_table(tmp_path / "t", {**columns, "y": labels}, "y"),
                      "min_child_weight: 0.0").model  # fmt: skip
        importance = trees_of(model).feature_importances_
        assert importance[0] == 1
        assert importance[1:].tolist() == [0, 0]

    def test_an_unknown_parameter_is_named(self):
        with pytest.raises(InputError, match=r"`parameters` must be YAML.*subsampel: Extra inputs"):
            read_parameters("subsampel: 0.5")


def test_the_yaml_goes_before_the_arguments_and_numbers_may_be_as_json_writes_them():
    wanted = read_parameters('{"learning_rate": 1e-05, "reg_alpha": 2}', 7, 2, 0.25)
    assert (wanted.n_estimators, wanted.learning_rate, wanted.reg_alpha) == (7, 1e-05, 2)


def test_the_curve_is_written_as_json(tmp_path):
    import json

    trained = learn(bundled(tmp_path / "t", "diabetes"))
    trained.curve.write(tmp_path / "curve.json")
    curve = json.loads((tmp_path / "curve.json").read_text())
    assert (curve["metric"], curve["best_round"], curve["validation"]) == ("rmse", 20, [])
    assert [round_ for round_, _ in curve["train"]][::11] == [1, 20]
    losses = [loss for _, loss in curve["train"]]
    assert losses == sorted(losses, reverse=True)
