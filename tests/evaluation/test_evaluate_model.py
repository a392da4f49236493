"""evaluate_model: the metrics, the gate, the curves and the report."""

import json
import math
import re

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as sklearn_metrics
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from holdfast.errors import InputError
from holdfast.evaluation.evaluate_model.logic import evaluate
from holdfast.model import Model, ModelInfo, feature_frame
from tests.training.samples import bundled, frame_of, train_model, write_table

USUAL = ("", -1.0)


def tree(path, x, y, task="classification", target="y"):
    """Return a model that answers for each x what the training rows with that x say."""
    table = write_table(path / "train", {"x": x, target: y}, target, task)
    learner = DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor
    frame = feature_frame(table.read(), ["x"])
    pipeline = Pipeline([("tree", learner(random_state=0).fit(frame, y))])
    classes = tuple(pipeline.classes_.tolist()) if task == "classification" else ()
    return Model(pipeline, ModelInfo(target, task, ("x",), ("x",), classes=classes))


def rows(path, x, y, task="classification", target="y"):
    return write_table(path / "test", {"x": x, target: y}, target, task)


@pytest.fixture
def binary(tmp_path):
    """A model that gives `yes` 1/4 where x is 0 and 3/4 where x is 1."""
    return tree(tmp_path, [0] * 4 + [1] * 4, ["no", "no", "no", "yes", "no", "yes", "yes", "yes"])


@pytest.fixture
def binary_test(tmp_path):
    return rows(tmp_path, [0, 0, 1, 1], ["no", "yes", "yes", "yes"])


@pytest.fixture
def ternary(tmp_path):
    """A model that gives 1/2 to a, b or c where x is 0, 1 or 2, and 1/4 to the others."""
    return tree(tmp_path, [0] * 4 + [1] * 4 + [2] * 4, [*"aabc", *"abbc", *"abcc"])


@pytest.fixture
def numeric(tmp_path):
    """A model that answers 1 where x is 0 and 3 where x is 1."""
    return tree(tmp_path, [0, 1], [1.0, 3.0], "regression")


@pytest.fixture
def numeric_test(tmp_path):
    return rows(tmp_path, [0, 0, 1, 1], [0.0, 2.0, 2.0, 5.0], "regression")


def test_the_metrics_of_two_classes_are_those_worked_out_by_hand(binary, binary_test):
    scores = evaluate(binary, binary_test, *USUAL).scores
    # Answers: no, no, yes, yes; of the pairs of a `yes` and the `no`, one is a tie and two right.
    assert scores == pytest.approx(
        {
            "roc_auc": (0.5 + 1 + 1) / 3,
            "accuracy": 3 / 4,
            "f1": (2 / 3 + 4 / 5) / 2,
            "log_loss": -(3 * math.log(3 / 4) + math.log(1 / 4)) / 4,
        }
    )


def test_roc_auc_of_three_classes_is_the_mean_of_each_against_the_rest(ternary, tmp_path):
    test = rows(tmp_path, [0, 1, 2, 0], [*"abcb"])
    areas = [(1 + 1 + 0.5) / 3, (1 + 1 + 0.5 + 0.5) / 4, 1]
    assert evaluate(ternary, test, *USUAL).scores["roc_auc"] == pytest.approx(sum(areas) / 3)


def test_a_class_that_is_absent_in_the_test_rows_has_no_part_in_roc_auc(ternary, tmp_path):
    result = evaluate(ternary, rows(tmp_path, [0, 1, 2], [*"aba"]), *USUAL)
    assert result.scores["roc_auc"] == pytest.approx(((1 + 0.5) / 2 + 1) / 2)
    assert result.scores["accuracy"] == pytest.approx(2 / 3)
    assert result.scores["log_loss"] == pytest.approx(-(2 * math.log(1 / 2) + math.log(1 / 4)) / 3)
    assert result.curves["confusionMatrix"]["rows"] == [
        {"row": [1, 0, 1]},
        {"row": [0, 1, 0]},
        {"row": [0, 0, 0]},
    ]


def test_the_metrics_of_a_regression_are_those_worked_out_by_hand(numeric, numeric_test):
    # The errors are 1, 1, 1 and 2; the true values lie 12.75 squared around their mean of 2.25.
    assert evaluate(numeric, numeric_test, *USUAL).scores == pytest.approx(
        {"r2": 1 - 7 / 12.75, "rmse": math.sqrt(7 / 4), "mae": 5 / 4}
    )


def test_on_wine_the_metrics_are_those_of_plain_scikit_learn(tmp_path):
    model = train_model(bundled(tmp_path / "train", "wine", slice(0, None, 2)))
    test = bundled(tmp_path / "test", "wine", slice(1, None, 2))
    truth = test.read().column("target").to_numpy()
    answers = model.pipeline.predict(frame_of(test, model))
    probabilities = model.pipeline.predict_proba(frame_of(test, model))
    assert evaluate(model, test, *USUAL).scores == pytest.approx(
        {
            "roc_auc": sklearn_metrics.roc_auc_score(truth, probabilities, multi_class="ovr"),
            "accuracy": sklearn_metrics.accuracy_score(truth, answers),
            "f1": sklearn_metrics.f1_score(truth, answers, average="macro"),
            "log_loss": sklearn_metrics.log_loss(truth, probabilities),
        }
    )


def test_on_diabetes_the_metrics_are_those_of_plain_scikit_learn(tmp_path):
    model = train_model(bundled(tmp_path / "train", "diabetes", slice(0, None, 2)))
    test = bundled(tmp_path / "test", "diabetes", slice(1, None, 2))
    truth = test.read().column("target").to_numpy()
    answers = model.pipeline.predict(frame_of(test, model))
    result = evaluate(model, test, *USUAL)
    assert result.curves == {}
    assert result.scores == pytest.approx(
        {
            "r2": sklearn_metrics.r2_score(truth, answers),
            "rmse": sklearn_metrics.root_mean_squared_error(truth, answers),
            "mae": sklearn_metrics.mean_absolute_error(truth, answers),
        }
    )


def test_breast_cancer_is_judged_from_end_to_end(tmp_path):
    model = train_model(bundled(tmp_path / "train", "breast_cancer", slice(0, None, 2)), 50)
    test = bundled(tmp_path / "test", "breast_cancer", slice(1, None, 2))
    result = evaluate(model, test, "roc_auc", 0.95)
    assert result.verdict.decision == "pass"
    assert result.scores["accuracy"] > 0.9
    counts = [row["row"] for row in result.curves["confusionMatrix"]["rows"]]
    assert sum(map(sum, counts)) == test.rows == 284
    assert "284 test rows, target target, classification." in result.report.html()


@pytest.mark.parametrize(("low", "high"), [(False, True), (5, 7)])
def test_labels_that_are_not_text_are_judged(low, high, tmp_path):
    model = tree(tmp_path, [0, 0, 1, 1], [low, low, high, high])
    result = evaluate(model, rows(tmp_path, [0, 1, 1], [low, high, low]), *USUAL)
    assert result.scores["accuracy"] == pytest.approx(2 / 3)
    names = [spec["displayName"] for spec in result.curves["confusionMatrix"]["annotationSpecs"]]
    assert names == [str(low), str(high)]


@pytest.mark.parametrize(
    ("minimum", "decision", "code"),
    [
        (0.74, "pass", "minimum_reached"),
        (0.75, "pass", "minimum_reached"),
        (0.76, "fail", "below_minimum"),
    ],
    ids=["above", "at", "below"],
)
def test_the_gate_passes_what_reaches_the_minimum(minimum, decision, code, binary, binary_test):
    verdict = evaluate(binary, binary_test, "accuracy", minimum).verdict
    (reason,) = verdict.reasons
    assert verdict.decision == decision
    assert (reason.code, reason.subject) == (code, "accuracy")
    assert (reason.observed, reason.expected) == ("0.75", f"at least {minimum}")


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("", "at least 0.5"), ("roc_auc", "at least 0.5"), ("accuracy", "at least 0")],
)
def test_the_usual_minimum_is_what_chance_reaches(metric, expected, binary, binary_test):
    (reason,) = evaluate(binary, binary_test, metric, -1.0).verdict.reasons
    assert (reason.subject, reason.expected) == (metric or "roc_auc", expected)


def test_a_classifier_worse_than_chance_fails_the_usual_gate(binary, tmp_path):
    test = rows(tmp_path, [0, 0, 1, 1], ["yes", "yes", "no", "no"])
    verdict = evaluate(binary, test, *USUAL).verdict
    assert (verdict.decision, verdict.reasons[0].subject) == ("fail", "roc_auc")


@pytest.mark.parametrize(("truth", "decision"), [([1, 3], "pass"), ([3, 1], "fail")])
def test_a_regressor_must_beat_the_mean_by_default(truth, decision, numeric, tmp_path):
    test = rows(tmp_path, [0, 1], [float(y) for y in truth], "regression")
    verdict = evaluate(numeric, test, *USUAL).verdict
    assert (verdict.decision, verdict.reasons[0].subject) == (decision, "r2")


@pytest.mark.parametrize("metric", ["log_loss", "r2", "auc"])
def test_a_metric_that_is_no_gate_of_a_classifier_is_refused(metric, binary, binary_test):
    with pytest.raises(InputError, match=rf"'roc_auc', 'accuracy', 'f1'\]\. Found: '{metric}'"):
        evaluate(binary, binary_test, metric, 0.5)


@pytest.mark.parametrize("metric", ["rmse", "mae", "accuracy"])
def test_a_metric_that_is_no_gate_of_a_regressor_is_refused(metric, numeric, numeric_test):
    with pytest.raises(InputError, match=rf"one of \['r2'\]\. Found: '{metric}'"):
        evaluate(numeric, numeric_test, metric, 0.5)


def test_a_class_that_the_model_does_not_know_is_refused(binary, tmp_path):
    test = rows(tmp_path, [0, 1], ["no", "maybe"])
    with pytest.raises(InputError, match=r"`test` holds the classes \['maybe'\]"):
        evaluate(binary, test, *USUAL)


@pytest.mark.parametrize("lost", ["x", "y"])
def test_a_table_that_lacks_a_column_is_refused_with_its_name(lost, binary, tmp_path):
    columns = {"x": [0, 1], "y": ["no", "yes"], "other": [0, 0]}
    del columns[lost]
    with pytest.raises(InputError, match=rf"`test` lacks \['{lost}'\]"):
        evaluate(binary, write_table(tmp_path / "test", columns), *USUAL)


def test_test_rows_of_one_class_are_judged_by_what_can_be_told(binary, tmp_path):
    result = evaluate(binary, rows(tmp_path, [0, 1], ["no", "no"]), "accuracy", 0.5)
    assert set(result.scores) == {"accuracy", "f1", "log_loss"}
    assert result.verdict.decision == "pass"
    assert result.curves["confidenceMetrics"] == []


def test_test_rows_of_one_class_cannot_pass_a_gate_on_roc_auc(binary, tmp_path):
    with pytest.raises(InputError, match="too few or all alike"):
        evaluate(binary, rows(tmp_path, [0, 1], ["no", "no"]), *USUAL)


def test_the_curves_of_two_classes_are_those_worked_out_by_hand(binary, binary_test):
    curves = evaluate(binary, binary_test, *USUAL).curves
    assert curves["confusionMatrix"] == {
        "annotationSpecs": [{"displayName": "no"}, {"displayName": "yes"}],
        "rows": [{"row": [1, 0]}, {"row": [1, 2]}],
    }
    assert curves["confidenceMetrics"] == [
        {"confidenceThreshold": 1.0, "falsePositiveRate": 0.0, "recall": 0.0},
        {"confidenceThreshold": 0.75, "falsePositiveRate": 0.0, "recall": pytest.approx(2 / 3)},
        {"confidenceThreshold": 0.25, "falsePositiveRate": 1.0, "recall": 1.0},
    ]


def test_more_than_two_classes_have_no_roc_curve(ternary, tmp_path):
    curves = evaluate(ternary, rows(tmp_path, [0, 1, 2], [*"abc"]), *USUAL).curves
    assert set(curves) == {"confusionMatrix"}


def test_a_long_roc_curve_is_thinned_and_keeps_its_ends(tmp_path):
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(0)
    x = generator.random(5000)
    y = np.where(generator.random(5000) < x, "yes", "no")
    test = rows(tmp_path, x, pa.array(y))
    learned = LogisticRegression().fit(feature_frame(test.read(), ["x"]), y)
    info = ModelInfo("y", "classification", ("x",), ("x",), classes=("no", "yes"))
    result = evaluate(Model(Pipeline([("line", learned)]), info), test, *USUAL)
    points = result.curves["confidenceMetrics"]
    ends = [(p["falsePositiveRate"], p["recall"]) for p in (points[0], points[-1])]
    assert 100 < len(points) <= 200
    assert ends == [(0, 0), (1, 1)]


def judged(tmp_path):
    """Yield a model and its test rows: two classes, three classes, regression."""
    for name in ("breast_cancer", "wine", "diabetes"):
        model = train_model(bundled(tmp_path / f"{name}-train", name, slice(0, None, 2)))
        test = bundled(tmp_path / f"{name}-test", name, slice(1, None, 2))
        yield model, test


def test_metrics_and_curves_are_finite_json(binary, tmp_path):
    everything = [evaluate(model, test, *USUAL) for model, test in judged(tmp_path)]
    one_class = rows(tmp_path, [0, 1], ["no", "no"])
    everything.append(evaluate(binary, one_class, "accuracy", 0.0))
    for result in everything:
        document = {"metrics": result.scores, "curves": result.curves}
        assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_the_same_rows_give_the_same_report(tmp_path):
    for model, test in judged(tmp_path):
        first, second = (evaluate(model, test, *USUAL).report for _ in range(2))
        assert first.html() == second.html()
        assert first.markdown() == second.markdown()


def test_a_report_loads_nothing(tmp_path):
    for model, test in judged(tmp_path):
        html = evaluate(model, test, *USUAL).report.html()
        # Within the page is fine: an SVG refers to its own parts.
        assert not re.findall(r"""\b(?:src|href|data|action)\s*=\s*["']?(?!["']?#)\S*""", html)
        assert not re.findall(r"@import|<link|<script|<iframe|url\((?!#)", html)


def test_a_report_shows_the_curve_and_the_metrics(binary, binary_test):
    report = evaluate(binary, binary_test, *USUAL).report
    assert "ROC curve of class yes" in report.html()
    assert "<svg" in report.html()
    for content in ("accuracy", "roc_auc", "log_loss", "0.833333", "Confusion matrix"):
        assert content in report.html()
    assert "| accuracy | 0.75 |" in report.markdown()
    assert "<svg" not in report.markdown()


def test_names_from_the_data_are_escaped(tmp_path):
    evil = "<script>alert(1)</script>"
    model = tree(tmp_path, [0, 0, 1, 1], ["b", "b", evil, evil], target="<b>target</b>")
    test = rows(tmp_path, [0, 1], ["b", evil], target="<b>target</b>")
    report = evaluate(model, test, *USUAL).report
    for text in (report.html(), report.markdown()):
        assert "<script" not in text
        assert "<b>" not in text
    assert "ROC curve of class b" in report.html()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in report.html()


def test_the_name_of_the_positive_class_is_escaped_in_the_caption(tmp_path):
    evil = "z<script>alert(1)</script>"
    model = tree(tmp_path, [0, 0, 1, 1], ["b", "b", evil, evil])
    html = evaluate(model, rows(tmp_path, [0, 1], ["b", evil]), *USUAL).report.html()
    assert "ROC curve of class z&lt;script&gt;" in html
    assert "<script" not in html


@pytest.mark.parametrize("count", [1999, 50_000])
def test_a_scatter_plot_draws_up_to_1000_rows_and_the_page_stays_small(count, numeric, tmp_path):
    x = np.linspace(0, 1, count)
    html = evaluate(numeric, rows(tmp_path, x, 2 * x, "regression"), *USUAL).report.html()
    cloud = html[html.index("PathCollection_1") :].split("</g>\n   </g>")[0]
    assert 500 <= cloud.count("<use ") <= 1000
    assert len(html.encode()) < 2_000_000


def test_the_page_of_a_hundred_classes_stays_small(tmp_path):
    names = [f"class {n:03}" for n in range(100)]
    model = tree(tmp_path, range(100), names)
    html = evaluate(model, rows(tmp_path, range(100), names), *USUAL).report.html()
    assert "class 099" in html
    assert len(html.encode()) < 2_000_000
