"""explain_model: contributions known by hand, importance, dependence, leaks, stability, report."""

import json
import re
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures
from sklearn.tree import DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor

from holdfast.errors import InputError
from holdfast.evaluation.explain_model import columns, dependence, shapley
from holdfast.evaluation.explain_model.judging import Limits
from holdfast.evaluation.explain_model.logic import Request, explain, open_previous
from holdfast.evaluation.explain_model.sample import draw
from holdfast.evaluation.explain_model.shap_library import shap
from holdfast.model import Model, ModelInfo, feature_frame
from tests.training.samples import digests, write_table


def model_of(estimator, table, text=()):
    """Return a model of all columns: numbers as they are, text as indicators of its values."""
    features = table.features
    numeric = [name for name in features if name not in text]
    frame = feature_frame(table.read(), features)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    steps = [("numbers", "passthrough", numeric), ("text", encoder, list(text))]
    transformer = ColumnTransformer(steps, verbose_feature_names_out=False)
    truth = table.read().column(table.target).to_numpy()
    pipeline = Pipeline([("columns", transformer), ("estimator", estimator)]).fit(frame, truth)
    classes = tuple(pipeline.classes_.tolist()) if table.task == "classification" else ()
    return Model(
        pipeline, ModelInfo(table.target, table.task, tuple(features), tuple(numeric), {}, classes)
    )


def numbers(path, rows=200, seed=0, **more):
    """Return rows of a, b and c, and y = 2a - 3b, on which c has no bearing."""
    generator = np.random.default_rng(seed)
    a, b, c = generator.normal(size=(3, rows)).round(3)
    given = {"a": a, "b": b, "c": c, **more, "y": 2 * a - 3 * b}
    return write_table(path, given, "y", "regression")


def classes(path, names=("no", "yes"), rows=300, **more):
    """Return rows of x, z and t with one label for each range of x; t is text."""
    generator = np.random.default_rng(0)
    x, z = generator.normal(size=(2, rows))
    noisy = x + generator.normal(scale=0.5, size=rows)
    ends = np.quantile(noisy, np.linspace(0, 1, len(names) + 1)[1:-1])
    y = np.array(names)[np.searchsorted(ends, noisy)]
    t = np.array(["red", "green", "blue"])[np.arange(rows) % 3]
    given = {"x": x, "z": z, "t": t, **more, "y": y}
    return write_table(path, given, "y", "classification")


def attributed(model, table):
    frame = feature_frame(table.read(), model.info.features)
    return shapley.attribute(model, frame, 0)


def test_of_a_linear_model_each_contribution_is_slope_times_distance_from_the_mean(tmp_path):
    table = numbers(tmp_path / "test")
    found = attributed(model_of(LinearRegression(), table), table)
    rows = table.read().to_pandas()
    expected = (rows[["a", "b", "c"]] - rows[["a", "b", "c"]].mean()) * [2, -3, 0]
    assert found.values[:, :, 0] == pytest.approx(expected.to_numpy(), abs=1e-9)
    assert found.base == pytest.approx([rows.y.mean()])
    assert found.scale == "the target's unit"


@pytest.mark.parametrize("learner", [DecisionTreeRegressor, XGBRegressor])
def test_of_one_split_the_column_has_all_of_the_distance_from_the_mean(learner, tmp_path):
    columns = {"a": [0.0, 0, 0, 1] * 5, "c": list(range(20)), "y": [1.0, 1, 1, 5] * 5}
    table = write_table(tmp_path / "test", columns, "y", "regression")
    exact = {"n_estimators": 1, "learning_rate": 1, "reg_lambda": 0}
    options = exact if learner is XGBRegressor else {}
    found = attributed(model_of(learner(max_depth=1, **options), table), table)
    # The mean answer is 2: three rows of four answer 1, and one answers 5.
    assert found.base == pytest.approx([2])
    assert found.values[:4, 0, 0] == pytest.approx([-1, -1, -1, 3], abs=1e-6)
    assert not found.values[:, 1].any()


def test_xgboost_in_a_vote_of_one_has_xgboosts_own_contributions(tmp_path):
    table = classes(tmp_path / "test", t=np.arange(300) % 7)
    learner = VotingClassifier([("x", XGBClassifier(n_jobs=1, n_estimators=8))], voting="soft")
    model = model_of(learner, table)
    found = attributed(model, table)
    import xgboost

    frame = feature_frame(table.read(), model.info.features)
    trees = model.pipeline[-1].estimators_[0]
    raw = trees.get_booster().predict(xgboost.DMatrix(frame.to_numpy()), pred_contribs=True)
    assert found.values[:, :, 0] == pytest.approx(raw[:, :-1], abs=1e-6)
    probability = model.pipeline.predict_proba(frame)[:, 1]
    odds = np.log(probability / (1 - probability))
    assert found.base + found.values.sum(axis=1)[:, 0] == pytest.approx(odds, abs=1e-4)
    assert (found.outputs, found.scale) == (("yes",), "log odds")


ESTIMATORS = [
    (XGBClassifier(n_jobs=1, n_estimators=5), "XGBoost's TreeSHAP"),
    (RandomForestClassifier(5, max_depth=4, random_state=0), "TreeSHAP"),
    (HistGradientBoostingClassifier(max_iter=5), "TreeSHAP"),
    (GradientBoostingClassifier(n_estimators=5), "TreeSHAP"),
    (LogisticRegression(), "linear explainer"),
    (KNeighborsClassifier(), "permutation explainer"),
]


@pytest.mark.parametrize("many", [2, 3])
@pytest.mark.parametrize(("estimator", "method"), ESTIMATORS, ids=lambda each: str(each)[:25])
def test_base_and_contributions_sum_to_the_answer(estimator, method, many, tmp_path):
    xgboost = isinstance(estimator, XGBClassifier)
    labels = list(range(many)) if xgboost else ["no", "yes", "maybe"][:many]
    table = classes(tmp_path / "test", labels, rows=60)
    found = attributed(model_of(estimator, table, ["t"]), table)
    if isinstance(estimator, GradientBoostingClassifier) and many > 2:
        method = "permutation explainer"  # shap knows it of two classes only
    assert method in found.method
    assert found.accurate
    assert found.gap < 1e-4
    outputs = 1 if many == 2 else many
    assert found.values.shape[1:] == (3, outputs)
    assert len(found.base) == len(found.outputs) == found.answers.shape[1] == outputs
    assert found.importance[0] > found.importance[1:].max()


class Additive(RegressorMixin, BaseEstimator):
    """Answers twice the number in a, and 1 more where t is red."""

    def fit(self, frame, truth):
        self.fitted_ = True
        return self

    def predict(self, frame):
        assert frame.dtypes.to_dict() == {"a": float, "t": pd.StringDtype(na_value=np.nan)}
        return 2 * frame["a"].to_numpy() + (frame["t"] == "red").to_numpy()


def test_an_estimator_that_nothing_is_known_of_is_explained_through_its_answers(tmp_path):
    a, t = np.arange(40.0), ["red", "green"] * 20
    table = write_table(tmp_path / "test", {"a": a, "t": t, "y": a}, "y", "regression")
    model = Model(
        Pipeline([("estimator", Additive().fit(None, None))]),
        ModelInfo("y", "regression", ("a", "t"), ("a",)),
    )
    found = attributed(model, table)
    # Against the last 20 rows, whose mean a is 29.5 and of which half are red.
    assert found.values[:, 0, 0] == pytest.approx(2 * (a - 29.5))
    assert found.values[:, 1, 0] == pytest.approx([0.5, -0.5] * 20)
    assert found.base == pytest.approx([2 * 29.5 + 0.5])
    assert "permutation explainer, against 20 rows" in found.method


def test_a_method_that_turns_out_not_to_be_exact_is_not_used(tmp_path):
    table = numbers(tmp_path / "test", 60)
    positive = table.read().to_pandas().assign(y=lambda rows: rows.y.abs())
    table = write_table(tmp_path / "positive", positive.to_dict("list"), "y", "regression")
    # A linear model of the logarithm: its answers are no sum of slopes.
    found = attributed(model_of(PoissonRegressor(), table), table)
    assert "permutation" in found.method
    assert found.accurate


def test_what_is_made_of_a_column_is_added_up_for_it_whatever_its_name_begins_with(tmp_path):
    generator = np.random.default_rng(0)
    values = {
        "a": generator.choice(["b_x", "y"], 200),
        "a_b": generator.choice(["x", "z"], 200),
        "c": generator.normal(size=200),
    }
    y = (values["a_b"] == "x") * 4.0
    table = write_table(tmp_path / "test", {**values, "y": y}, "y", "regression")
    found = attributed(model_of(LinearRegression(), table, ["a", "a_b"]), table)
    assert found.importance == pytest.approx([0, 2, 0], abs=0.1)


def test_an_interaction_is_divided_among_its_columns(tmp_path):
    table = numbers(tmp_path / "test", 100)
    frame = feature_frame(table.read(), list("abc"))
    made = Pipeline([("all", PolynomialFeatures(2, interaction_only=True, include_bias=False))])
    share = columns.shares(made.fit(frame), frame, 0)
    outputs = ["a", "b", "c", "a b", "a c", "b c"]
    assert made.get_feature_names_out().tolist() == outputs
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    assert share == pytest.approx(np.array(expected), abs=0.01)


def test_an_indicator_of_a_value_that_no_row_has_goes_by_its_name(tmp_path):
    train = classes(tmp_path / "train", rows=60)
    model = model_of(LogisticRegression(), train, ["t"])
    rows = train.read().filter(pa.compute.not_equal(train.read()["t"], "blue"))
    frame = feature_frame(rows, model.info.features)
    share = columns.shares(model.pipeline[:-1], frame, 0)
    names = model.pipeline[:-1].get_feature_names_out().tolist()
    assert share[names.index("t_blue")].tolist() == [0, 0, 1]


def test_missing_values_and_categories_that_training_never_saw_are_explained(tmp_path):
    train = classes(tmp_path / "train", [0, 1])
    model = model_of(XGBClassifier(n_jobs=1, n_estimators=5), train, ["t"])
    values = {"x": [0.5, None, -1], "z": [None, None, 1.0], "t": ["mauve", None, "red"]}
    test = write_table(tmp_path / "test", {**values, "y": [0, 1, 1]}, "y")
    result = explain(model, test)
    assert result.findings.attribution.accurate
    assert result.table.num_rows == 3


def test_imputed_columns_are_explained_as_the_table_has_them(tmp_path):
    table = numbers(tmp_path / "test", 100, d=[None, 1.0] * 50)
    frame = feature_frame(table.read(), table.features)
    made = Pipeline([("fill", SimpleImputer())]).fit(frame)
    assert columns.shares(made, frame, 0) == pytest.approx(np.eye(4))


def test_three_hundred_columns_are_explained(tmp_path):
    generator = np.random.default_rng(0)
    values = {f"c{n}": generator.normal(size=60) for n in range(300)}
    table = write_table(tmp_path / "test", {**values, "y": values["c7"]}, "y", "regression")
    result = explain(model_of(XGBRegressor(n_jobs=1, n_estimators=5), table), table)
    assert result.table.num_columns == 300 + 7
    assert result.table["reason_1"].to_pylist() == ["c7"] * 60
    assert "first 20 of 300" in result.report.markdown()
    assert len(result.report.html()) < 2_000_000


def test_one_column_and_one_row_are_enough(tmp_path):
    table = write_table(tmp_path / "train", {"x": [0.0, 1, 2], "y": [0.0, 1, 2]}, "y", "regression")
    model = model_of(LinearRegression(), table)
    test = write_table(tmp_path / "test", {"x": [4.0], "y": [4.0]}, "y", "regression")
    result = explain(model, test)
    assert result.table.to_pylist() == [
        {
            "row": 0,
            "explained": "y",
            "base": pytest.approx(4),
            "answer": pytest.approx(4),
            "reason_1": None,
            "contribution_x": 0,
        }
    ]
    assert "too few rows" in result.report.markdown()


def test_a_column_that_the_model_ignores_has_no_importance_of_any_kind(tmp_path):
    table = numbers(tmp_path / "test", 100)
    findings = explain(model_of(DecisionTreeRegressor(max_depth=1), table), table).findings
    used = [index for index, share in enumerate(findings.shares) if share]
    assert len(used) == 1
    unused = [index for index in range(3) if index not in used]
    assert not findings.permuted.means[unused].any()
    assert not findings.permuted.spreads[unused].any()
    assert findings.permuted.means[used[0]] > 0
    assert [each.name for each in findings.dependences] == [findings.columns[used[0]]]


def test_partial_dependence_of_a_linear_model_is_its_slope(tmp_path):
    table = numbers(tmp_path / "test")
    model = model_of(LinearRegression(), table)
    frame = feature_frame(table.read(), model.info.features)
    found = dependence.depend(model, frame, "b")
    assert np.diff(found.means[0]) == pytest.approx(-3 * np.diff(found.values))


def test_partial_dependence_tries_the_most_frequent_text(tmp_path):
    y = [0.0, 0, 0, 5, 5, 5]
    values = {"t": ["ash", "ash", "ash", "oak", "oak", "fir"], "y": y}
    table = write_table(tmp_path / "test", values, "y", "regression")
    model = model_of(LinearRegression(), table, ["t"])
    frame = feature_frame(table.read(), ["t"])
    found = dependence.depend(model, frame, "t")
    assert found.values.tolist() == ["ash", "oak", "fir"]
    assert found.means[0] == pytest.approx([0, 5, 5])


@pytest.mark.parametrize("kind", ["number", "text"])
def test_a_copy_of_the_target_fails(kind, tmp_path):
    y = classes(tmp_path / "plain").read().column("y").to_numpy()
    copy = (y == "yes") * 1.0 if kind == "number" else np.where(y == "yes", "paid", "unpaid")
    table = classes(tmp_path / "test", copy=copy)
    text = ["t"] if kind == "number" else ["t", "copy"]
    verdict = explain(model_of(LogisticRegression(), table, text), table).verdict
    (leak,) = [reason for reason in verdict.reasons if reason.code == "tells_target"]
    assert verdict.decision == "fail"
    assert (leak.subject, leak.observed, leak.effect) == ("copy", "1", "fail")


def test_a_copy_of_a_number_or_of_many_classes_fails_too(tmp_path):
    table = numbers(tmp_path / "numbers", copy=numbers(tmp_path / "n").read()["y"].to_numpy() ** 3)
    assert explain(model_of(LinearRegression(), table), table).verdict.decision == "fail"
    y = classes(tmp_path / "c", list("abc")).read()["y"].to_numpy()
    copy = np.searchsorted(["a", "b", "c"], y) * 10
    table = classes(tmp_path / "classes", list("abc"), copy=copy)
    assert explain(model_of(LogisticRegression(), table, ["t"]), table).verdict.decision == "fail"


def test_columns_that_only_help_or_name_rows_are_no_copies_of_the_target(tmp_path):
    table = classes(tmp_path / "test", id=[f"row {n}" for n in range(300)])
    result = explain(model_of(LogisticRegression(), table, ["t", "id"]), table)
    assert result.verdict.decision == "no_baseline"
    assert result.findings.alone[0] > 0.8
    assert result.findings.alone[1:] == pytest.approx(0.5, abs=0.15)


def test_a_leak_is_borne_where_the_limit_says_so(tmp_path):
    table = numbers(tmp_path / "test", copy=numbers(tmp_path / "n").read()["y"].to_numpy())
    model = model_of(DecisionTreeRegressor(max_depth=3), table)
    bare = Request(limits=Limits(alone=1.1))
    assert explain(model, table, None, bare).verdict.decision == "no_baseline"


def test_a_model_that_rests_on_one_column_alone_is_a_warning(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(size=200)
    values = {"x": x, "z": generator.normal(size=200), "y": x + generator.normal(size=200)}
    table = write_table(tmp_path / "test", values, "y", "regression")
    verdict = explain(model_of(DecisionTreeRegressor(max_depth=1), table), table).verdict
    assert verdict.decision == "warn"
    assert (verdict.reasons[0].code, verdict.reasons[0].subject) == ("rests_on_one", "x")


def test_the_same_model_before_is_stable(tmp_path):
    table = numbers(tmp_path / "test")
    model = model_of(RandomForestRegressor(5, random_state=0), table)
    result = explain(model, table, model)
    assert (result.verdict.decision, result.verdict.reasons) == ("pass", ())
    assert result.metrics["importance_correlation"] == pytest.approx(1)


def test_a_model_before_with_another_order_of_importance_is_a_warning(tmp_path):
    table = numbers(tmp_path / "test")
    other = table.read().to_pandas().assign(y=lambda rows: 0.1 * rows.a + rows.b + 9 * rows.c)
    before = write_table(tmp_path / "before", other.to_dict("list"), "y", "regression")
    result = explain(
        model_of(LinearRegression(), table), table, model_of(LinearRegression(), before)
    )
    assert result.verdict.decision == "warn"
    (reason,) = result.verdict.reasons
    assert reason.code == "importance_moved"
    assert "Moved most: 'c'" in reason.message
    assert result.findings.moves.correlation == pytest.approx(-0.5)
    assert "What moved most since the model before" in result.report.markdown()


def test_a_model_before_that_reads_other_columns_is_no_baseline(tmp_path):
    table = numbers(tmp_path / "test")
    before = model_of(LinearRegression(), numbers(tmp_path / "old", gone=np.arange(200.0)))
    verdict = explain(model_of(LinearRegression(), table), table, before).verdict
    assert verdict.decision == "no_baseline"
    assert "lack" in verdict.reasons[0].message


def test_a_model_before_of_another_target_is_refused(tmp_path):
    table = classes(tmp_path / "test")
    before = model_of(LinearRegression(), numbers(tmp_path / "old"))
    with pytest.raises(InputError, match="`previous` must predict what `model` does"):
        explain(model_of(LogisticRegression(), table, ["t"]), table, before)


def test_no_path_and_an_empty_file_are_no_model_before(tmp_path):
    (tmp_path / "none").touch()
    assert open_previous("") is open_previous(str(tmp_path / "none")) is None
    assert open_previous(str(tmp_path / "nothing")) is None


def test_of_many_classes_each_row_tells_why_its_class_was_answered(tmp_path):
    table = classes(tmp_path / "test", list("abc"), rows=90)
    model = model_of(LogisticRegression(), table, ["t"])
    result = explain(model, table)
    frame = feature_frame(table.read(), model.info.features)
    assert result.table["explained"].to_pylist() == model.pipeline.predict(frame).tolist()
    rows = result.table.to_pandas()
    parts = [f"contribution_{name}" for name in "xzt"]
    summed = rows["base"] + rows[parts].sum(axis=1)
    assert summed.to_numpy() == pytest.approx(rows["answer"].to_numpy())
    assert "Mean |contribution| by class" in result.report.html()


def test_the_table_names_the_row_and_the_columns_that_moved_it_most(tmp_path):
    table = numbers(tmp_path / "test")
    result = explain(model_of(LinearRegression(), table), table, None, Request(rows=50))
    rows = result.table.to_pandas()
    source = table.read().to_pandas().iloc[rows["row"]].reset_index(drop=True)
    assert rows["row"].is_monotonic_increasing
    assert rows["answer"].to_numpy() == pytest.approx(source["y"].to_numpy())
    parts = rows[[f"contribution_{name}" for name in "abc"]].abs()
    biggest = parts.idxmax(axis=1).str.removeprefix("contribution_")
    assert rows["reason_1"].tolist() == biggest.tolist()
    assert result.write_rows(tmp_path / "explanations").rows == 50


@pytest.mark.parametrize("rows", [1, 10, 200, 1000])
def test_rows_are_drawn_without_putting_back(rows, tmp_path):
    table = numbers(tmp_path / "test")
    drawn = draw(table, ["a", "y"], rows, 3)
    assert len(set(drawn.numbers.tolist())) == drawn.table.rows == min(rows, 200)
    assert drawn.table.read()["a"].to_pylist() == [
        table.read()["a"][int(number)].as_py() for number in drawn.numbers
    ]


def test_costly_trees_are_explained_on_fewer_rows_and_the_report_says_so(tmp_path, monkeypatch):
    table = numbers(tmp_path / "test")
    model = model_of(XGBRegressor(n_jobs=1, n_estimators=2, max_depth=1), table)
    # Two trees of two leaves and depth 1 are 4 for each row.
    monkeypatch.setattr(shapley, "TREE_WORK", 40)
    result = explain(model, table)
    assert len(result.findings.attribution.values) == 10
    assert "10 of 200 test rows are explained (as many as the budget" in result.report.html()


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    table = classes(tmp_path / "test", list("abc"), rows=120)
    model = model_of(KNeighborsClassifier(), table, ["t"])
    pages = []
    for name in ("first", "second"):
        result = explain(model, table, model, Request(rows=15))
        result.write_rows(tmp_path / name)
        pages.append((result.report.html(), result.report.markdown(), result.metrics))
    assert pages[0] == pages[1]
    assert digests(tmp_path / "first") == digests(tmp_path / "second")
    assert explain(model, table, None, Request(rows=15, seed=1)).table != result.table


HOSTILE = ["<script>alert(1)</script>", "a|b\nc", "$\\frac{x}$ _y_", "` ``` [x](javascript:1)"]


def test_hostile_names_are_shown_as_they_are(tmp_path):
    generator = np.random.default_rng(0)
    values = {name: generator.normal(size=80) for name in HOSTILE[:3]}
    values[HOSTILE[3]] = np.array(["<b>$x$</b>", "$"])[np.arange(80) % 2]
    labels = np.array(["<i>no</i>", "$y|es"])[(values[HOSTILE[0]] > 0).astype(int)]
    table = write_table(tmp_path / "test", {**values, "<target>": labels}, "<target>")
    result = explain(model_of(LogisticRegression(), table, [HOSTILE[3]]), table)
    html, markdown = result.report.html(), result.report.markdown()
    assert not re.findall(r"<(?:script|b|i|target)\b", html + markdown)
    assert "&lt;script&gt;" in html
    assert "a\\|b c" in markdown
    assert result.table.column_names[-4:] == [f"contribution_{name}" for name in HOSTILE]
    json.dumps(result.metrics, allow_nan=False)


def test_a_report_loads_nothing_and_is_small(tmp_path):
    table = classes(tmp_path / "test")
    html = explain(model_of(LogisticRegression(), table, ["t"]), table).report.html()
    links = re.findall(r"""\b(?:src|href|data|action)\s*=\s*["']?(?!["']?(?:#|data:))\S*""", html)
    assert links == []
    assert len(html) < 2_000_000


def test_dates_are_explained(tmp_path):
    class Days(ClassifierMixin, BaseEstimator):
        def fit(self, frame, truth):
            self.classes_ = np.unique(truth)
            return self

        def predict_proba(self, frame):
            late = (frame["d"].dt.year.to_numpy() > 2020) * 0.5 + 0.25
            return np.column_stack([1 - late, late])

        def predict(self, frame):
            return self.classes_[self.predict_proba(frame).argmax(axis=1)]

    days = pd.date_range("2019-01-01", periods=40, freq="30D").to_numpy()
    y = np.where(np.arange(40) % 3 == 0, "no", "yes")
    table = write_table(tmp_path / "test", {"d": days, "x": np.arange(40.0), "y": y}, "y")
    pipeline = Pipeline([("estimator", Days().fit(None, y))])
    info = ModelInfo("y", "classification", ("d", "x"), ("x",), {}, ("no", "yes"), temporal=("d",))
    result = explain(Model(pipeline, info), table)
    assert result.findings.shares.tolist() == [1, 0]
    assert [each.name for each in result.findings.dependences] == ["d"]
    assert result.report.html()


@pytest.mark.parametrize(("name", "value"), [("rows", 0), ("top", -1)])
def test_a_request_out_of_range_is_refused(name, value):
    with pytest.raises(InputError, match=f"`{name}` must be at least"):
        Request(**{name: value})


@pytest.mark.parametrize(
    ("limits", "name"), [({"alone": 0.5}, "leak_at"), ({"correlation": 2}, "min_stability")]
)
def test_limits_that_mean_nothing_are_refused(limits, name):
    with pytest.raises(InputError, match=f"`{name}` must be"):
        Limits(**limits)


def test_no_partial_dependence_is_drawn_where_none_is_wanted(tmp_path):
    table = numbers(tmp_path / "test", 60)
    result = explain(model_of(LinearRegression(), table), table, None, Request(top=0))
    assert "Partial dependence" not in result.report.html()


def test_an_empty_table_is_refused(tmp_path):
    table = numbers(tmp_path / "train", 60)
    empty = numbers(tmp_path / "test", 0)
    with pytest.raises(InputError, match="`test` must hold rows"):
        explain(model_of(LinearRegression(), table), empty)


def test_shap_leaves_no_stand_in_for_numba_behind():
    assert shap().TreeExplainer
    assert "numba" not in sys.modules
