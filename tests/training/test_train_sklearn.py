"""train_sklearn: every estimator of the list, what is put before it, and what is refused."""

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.model import load_model
from holdfast.training.estimators import CLASSIFIERS, REGRESSORS
from holdfast.training.fit_transformer.logic import fit_transformer
from holdfast.training.train_sklearn.logic import train
from tests.training.samples import bundled, digests, frame_of, save, write_table

# Small networks and few trees: the list is long.
FAST = {
    "MLPClassifier": "hidden_layer_sizes: [4]\nmax_iter: 20",
    "MLPRegressor": "hidden_layer_sizes: [4]\nmax_iter: 20",
    "KNeighborsClassifier": "algorithm: ball_tree\nmetric: manhattan",
    **{name: "n_estimators: 5" for name in (*CLASSIFIERS, *REGRESSORS)
       if any(word in name for word in ("Forest", "ExtraTrees", "AdaBoost"))
       or name.startswith("Grad")},
}  # fmt: skip


def fit(table, name, parameters="", sample_weight="", class_weight="none", seed=42):
    return train(
        table, fit_transformer(table, 1), name, parameters, sample_weight, class_weight, seed
    )


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Wine and diabetes, every fifth row."""
    folder = tmp_path_factory.mktemp("tables")
    some = slice(None, None, 5)
    return {name: bundled(folder / name, name, some) for name in ("wine", "diabetes")}


@pytest.mark.parametrize("name", [*CLASSIFIERS, *REGRESSORS])
def test_every_estimator_of_the_list_is_trained_saved_and_loaded(name, tables, tmp_path):
    table = tables["wine" if name in CLASSIFIERS else "diabetes"]
    model = fit(table, name, FAST.get(name, "")).model
    loaded = load_model(save(model, table, tmp_path / "model"))
    frame = frame_of(table, model)
    answers = model.pipeline.predict(frame)
    np.testing.assert_array_equal(loaded.pipeline.predict(frame), answers)
    if name in CLASSIFIERS:
        assert set(answers) <= {"class_0", "class_1", "class_2"}
        probabilities = loaded.pipeline.predict_proba(frame)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        assert model.info.classes == tuple(loaded.pipeline.classes_)


@pytest.mark.parametrize("name", ["RandomForestClassifier", "MLPClassifier", "LinearSVC"])
def test_the_same_seed_gives_the_same_bytes(name, tables, tmp_path):
    for run in ("1", "2"):
        save(fit(tables["wine"], name, FAST.get(name, "")).model, tables["wine"], tmp_path / run)
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


def test_the_answer_is_that_of_plain_scikit_learn(tables):
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    table = tables["diabetes"]
    model = fit(table, "Ridge", "alpha: 2.0").model
    features = table.read(model.info.features).to_pandas().to_numpy()
    scaled = StandardScaler().fit_transform(features)
    plain = Ridge(alpha=2.0).fit(scaled, table.read(["target"]).column(0).to_numpy())
    answers = model.pipeline.predict(frame_of(table, model))
    np.testing.assert_allclose(answers, plain.predict(scaled))


def test_a_linear_model_gets_the_median_for_a_missing_value_and_scaled_inputs(tmp_path):
    columns = {"n": pa.array([None, 0.0, 2.0, 10.0]), "y": [2.0, 0.0, 2.0, 10.0]}
    trained = fit(write_table(tmp_path / "t", columns, "y", "regression"), "LinearRegression")
    assert [name for name, _ in trained.model.pipeline.steps][1:] == [
        "impute",
        "scale",
        "estimator",
    ]
    # The median of 0, 2 and 10 is 2: the line goes through all four points.
    answers = trained.model.pipeline.predict(
        frame_of(write_table(tmp_path / "u", {"n": pa.array([None, 5.0])}), trained.model)
    )
    np.testing.assert_allclose(answers, [2, 5])
    assert "median" in trained.report.markdown()


def test_trees_read_missing_values_and_a_column_that_is_always_missing_as_they_are(tmp_path):
    empty = pa.array([None] * 40, pa.float64())
    columns = {"n": pa.array([None, *range(39)]), "empty": empty, "y": [n < 20 for n in range(40)]}
    table = write_table(tmp_path / "t", columns, "y")
    for name in ("RandomForestClassifier", "LogisticRegression"):
        model = fit(table, name, FAST.get(name, "")).model
        assert model.info.classes == (False, True)
        assert model.pipeline.predict(frame_of(table, model))[1:].tolist() == columns["y"][1:]


def test_codes_of_three_values_are_no_measure(tmp_path):
    columns = {"t": ["a", "b", "c"] * 4, "u": ["x", "y"] * 6, "y": ["p", "q"] * 6}
    table = write_table(tmp_path / "t", columns, "y")
    with pytest.raises(InputError, match=r"LogisticRegression takes numbers for measures.*\['t'\]"):
        fit(table, "LogisticRegression")
    assert fit(table, "DecisionTreeClassifier").model.info.classes == ("p", "q")


def test_balanced_classes_count_alike(tmp_path):
    # Four rows in five are "often", and nothing tells the classes apart.
    columns = {"n": [1] * 20, "y": (["often"] * 4 + ["rare"]) * 4}
    table = write_table(tmp_path / "t", columns, "y")
    for class_weight, expected in (("none", 0.2), ("balanced", 0.5)):
        model = fit(table, "LogisticRegression", "C: 1000", class_weight=class_weight).model
        rare = model.pipeline.predict_proba(frame_of(table, model))[0, 1]
        assert rare == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("LogisticRegresion", "", "`estimator` must name an estimator for classification"),
        ("Ridge", "", "`estimator` must name an estimator for classification"),
        ("LogisticRegression", "c: 1", r"`parameters` must name parameters of.*\['c'\]"),
        ("LogisticRegression", "C: -1", "The 'C' parameter of LogisticRegression must be a float"),
        (
            "LogisticRegression",
            "random_state: 1",
            r"\['random_state'\].*seed is a parameter of the",
        ),
        ("LogisticRegression", "C: [", "`parameters` must be YAML"),
        ("RandomForestClassifier", "n_estimators: 0", "The 'n_estimators' parameter"),
        ("LinearDiscriminantAnalysis", "shrinkage: 0.5", "must be able to learn from `train`"),
    ],
)
def test_a_mistake_in_name_or_parameters_is_named(name, parameters, message, tables):
    with pytest.raises(InputError, match=message):
        fit(tables["wine"], name, parameters)


def test_neighbours_can_not_be_weighted(tables):
    with pytest.raises(InputError, match="KNeighborsClassifier counts every row alike"):
        fit(tables["wine"], "KNeighborsClassifier", class_weight="balanced")
