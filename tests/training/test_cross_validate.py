"""cross_validate: what is asked, what is not seen, and how the folds differ."""

import numpy as np
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.training.cross_validate.logic import Plan, cross_validate
from holdfast.training.fit_transformer.logic import fit_transformer
from holdfast.training.folds import fold
from tests.training.samples import bundled, write_table


def validate(
    table, estimator="xgboost", parameters="n_estimators: 20", plan=None, sample_weight=""
):
    fitted = fit_transformer(table, 1)
    return cross_validate(table, fitted, estimator, parameters, plan or Plan(), sample_weight)


def test_breast_cancer_reaches_an_auc_of_099_in_five_folds(tmp_path):
    result = validate(bundled(tmp_path / "t", "breast_cancer"), parameters="n_estimators: 100")
    assert result.metrics()["roc_auc"] >= 0.99
    assert 0 < result.metrics()["roc_auc_std"] < 0.02


@pytest.mark.parametrize(
    ("name", "metric", "least"), [("wine", "roc_auc", 0.97), ("diabetes", "r2", 0.3)]
)
def test_three_classes_and_regression_run_too(name, metric, least, tmp_path):
    assert validate(bundled(tmp_path / "t", name)).metrics()[metric] > least


def test_predictions_have_a_row_for_each_row_in_order_and_give_the_same_metrics(tmp_path):
    from sklearn.metrics import roc_auc_score

    table = bundled(tmp_path / "t", "breast_cancer")
    result = validate(table)
    written = result.write_predictions(tmp_path / "predictions").read().to_pydict()
    assert list(written)[:3] == ["fold", "truth", "prediction"]
    assert written["truth"] == table.read(["target"]).column(0).to_pylist()
    truth, fold_of = np.array(written["truth"]), np.array(written["fold"])
    positive = np.array(written["probability_malignant"])
    areas = [
        roc_auc_score(truth[fold_of == n] == "malignant", positive[fold_of == n])
        for n in range(1, 6)
    ]
    assert result.metrics()["roc_auc"] == pytest.approx(np.mean(areas))
    assert result.metrics()["roc_auc_min"] == pytest.approx(min(areas))
    assert result.metrics()["roc_auc_std"] == pytest.approx(np.std(areas, ddof=1))


def test_the_answers_of_a_fold_are_those_of_plain_scikit_learn(tmp_path):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    table = bundled(tmp_path / "t", "breast_cancer")
    result = validate(table, "LogisticRegression", "C: 0.5")
    rows = table.read().to_pandas()
    numbers = np.array(result.predictions["fold"].to_pylist())
    taught, asked = rows[numbers != 2], rows[numbers == 2]
    scaler = StandardScaler().fit(taught.drop(columns="target").to_numpy())
    plain = LogisticRegression(C=0.5, random_state=42).fit(
        scaler.transform(taught.drop(columns="target").to_numpy()), taught["target"]
    )
    expected = plain.predict_proba(scaler.transform(asked.drop(columns="target").to_numpy()))[:, 1]
    found = np.array(result.predictions["probability_malignant"].to_pylist())[numbers == 2]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_transformer_knows_nothing_of_the_rows_that_are_asked(tmp_path):
    # Each text value is in one row only: in its own fold it is unknown, and unknown is -1.
    columns = {"t": [f"v{n:02}" for n in range(20)], "y": ["a", "b"] * 10}
    table = write_table(tmp_path / "t", columns, "y")
    for one in fold(table, fit_transformer(table, 1), Plan(count=4)):
        assert set(one.asked.inputs.ravel()) == {-1.0}
        assert len(set(one.train.inputs.ravel())) == 15


def test_groups_stay_together(tmp_path):
    columns = {"n": range(40), "who": [f"p{n % 8}" for n in range(40)], "y": ["a", "b"] * 20}
    table = write_table(tmp_path / "t", columns, "y")
    folded = validate(table, plan=Plan(count=4, method="group", by="who")).predictions["fold"]
    homes = {who: {f for f, w in zip(folded.to_pylist(), columns["who"], strict=True) if w == who}
             for who in set(columns["who"])}  # fmt: skip
    assert all(len(found) == 1 for found in homes.values())


def test_by_time_later_rows_are_asked_and_the_first_never(tmp_path):
    # Two rows a day, newest first: five parts of four rows.
    days = [np.datetime64("2024-01-10") - n // 2 for n in range(20)]
    columns = {"n": range(20), "day": np.array(days), "y": [float(n) for n in range(20)]}
    table = write_table(tmp_path / "t", columns, "y", "regression")
    result = validate(table, plan=Plan(count=4, method="time", by="day"))
    expected = [4] * 4 + [3] * 4 + [2] * 4 + [1] * 4 + [None] * 4
    assert result.predictions["fold"].to_pylist() == expected
    assert result.predictions["prediction"].to_pylist()[-4:] == [None] * 4


def test_rows_of_the_same_time_are_never_cut_apart(tmp_path):
    hours = [0] * 5 + [1] * 9 + [2] * 4 + [3] * 6
    columns = {"n": range(24), "hour": hours, "y": [float(n) for n in range(24)]}
    table = write_table(tmp_path / "t", columns, "y", "regression")
    folds = fold(table, fit_transformer(table, 1), Plan(count=2, method="time", by="hour"))
    assert [(len(taught), len(asked)) for taught, asked in folds.parts] == [(5, 9), (14, 10)]


def test_the_same_seed_gives_the_same_predictions_and_another_seed_other_folds(tmp_path):
    table = bundled(tmp_path / "t", "wine")
    first, again, other = (validate(table, plan=Plan(seed=seed)).predictions for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first["fold"].equals(other["fold"])


def test_a_fold_that_lacks_a_class_gives_it_no_probability(tmp_path):
    # The group "only" holds the whole class c.
    labels = ["a", "b"] * 12 + ["c"] * 4
    who = [f"g{n % 3}" for n in range(24)] + ["only"] * 4
    table = write_table(tmp_path / "t", {"n": range(28), "who": who, "y": labels}, "y")
    result = validate(table, plan=Plan(count=4, method="group", by="who"))
    only = result.predictions.slice(24)
    assert set(only["probability_c"].to_pylist()) == {0.0}
    assert "c" not in only["prediction"].to_pylist()


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan(method="grouped"), "`method` must be one of"),
        (Plan(method="group"), "`by` must name a column for the methods group and time"),
        (Plan(by="n"), r"`by` must .* be empty for the others. Found: 'n' for stratified"),
        (Plan(method="time", by="when"), r"`by` must name a column of `train`.*'when'"),
        (Plan(method="time", by="y"), "`by` must name a column of `train` besides the target"),
        (Plan(count=1), "`folds` must be at least 2. Found: 1"),
        (Plan(count=7), "number of rows of the rarest class. Found: 7 folds and 6 rows"),
        (Plan(count=5, method="group", by="t"), "Found: 5 folds and 2 values of 't'"),
        (Plan(count=3, method="time", by="t"), "3 folds over 2 times of 't'"),
        (Plan(method="group", by="gap"), "without missing values. Found: 1 in 'gap'"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(plan, message, tmp_path):
    columns = {
        "n": range(12),
        "t": ["u", "v"] * 6,
        "gap": pa.array([None, *range(11)]),
        "y": ["a", "b"] * 6,
    }
    with pytest.raises(InputError, match=message):
        validate(write_table(tmp_path / "t", columns, "y"), plan=plan)


def test_a_locked_holdout_is_refused(tmp_path):
    columns = {"n": range(12), "y": ["a", "b"] * 6}
    fitted = fit_transformer(write_table(tmp_path / "t", columns, "y"), 1)
    locked = write_table(tmp_path / "h", columns, "y", role="holdout")
    with pytest.raises(InputError, match="`train` must not be a locked holdout"):
        cross_validate(locked, fitted, "xgboost", "", Plan())
