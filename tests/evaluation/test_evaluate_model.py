"""evaluate_model: the metrics, the gate, the curves and the report."""

import json
import math
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn import metrics as sk
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from holdfast.errors import InputError
from holdfast.evaluation.evaluate_model import logic
from holdfast.evaluation.evaluate_model.logic import Tables, ask
from holdfast.model import Model, ModelInfo, feature_frame
from tests.training.samples import bundled, train_model, write_table

USUAL = ("", -1.0)
FEW = (60, 0.95, 0)


def evaluate(model, test, metric, minimum, on_undecided="warn", others=(), resampling=FEW, **more):
    request = ask((metric, minimum, on_undecided), resampling=resampling, **more)
    return logic.evaluate(model, Tables(test, *others), request)


def tree(path, x, y, task="classification", target="y"):
    """Return a model that answers for each x what the training rows with that x say."""
    table = write_table(path / "train", {"x": x, target: y}, target, task)
    learner = DecisionTreeClassifier if task == "classification" else DecisionTreeRegressor
    frame = feature_frame(table.read(), ["x"])
    pipeline = Pipeline([("tree", learner(random_state=0).fit(frame, y))])
    classes = tuple(pipeline.classes_.tolist()) if task == "classification" else ()
    return Model(pipeline, ModelInfo(target, task, ("x",), ("x",), classes=classes))


def rows(path, x, y, task="classification", target="y", name="test", role=""):
    return write_table(path / name, {"x": x, target: y}, target, task, role)


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
    by_hand = {
        "roc_auc": (0.5 + 1 + 1) / 3,
        "average_precision": 2 / 3 * 1 + 1 / 3 * 3 / 4,
        "accuracy": 3 / 4,
        "balanced_accuracy": (1 + 2 / 3) / 2,
        "precision": (1 / 2 + 1) / 2,
        "recall": (1 + 2 / 3) / 2,
        "f1": (2 / 3 + 4 / 5) / 2,
        "log_loss": -(3 * math.log(3 / 4) + math.log(1 / 4)) / 4,
        "brier": (3 * (1 / 4) ** 2 + (3 / 4) ** 2) / 4,
        # Half the rows have 1/4 and half of these come true; the others have 3/4, and all do.
        "calibration_error": (1 / 4 + 1 / 4) / 2,
    }
    assert {name: scores[name] for name in by_hand} == pytest.approx(by_hand)
    others = {name.removesuffix("_low").removesuffix("_high") for name in scores}
    assert others == set(by_hand)


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
    scores = evaluate(numeric, numeric_test, *USUAL).scores
    by_hand = {"r2": 1 - 7 / 12.75, "rmse": math.sqrt(7 / 4), "mae": 5 / 4, "bias": -1 / 4}
    assert {name: scores[name] for name in by_hand} == pytest.approx(by_hand)
    assert scores["abs_error_p50"] == 1
    # One of the true values is 0: there is no error relative to it.
    assert "mape" not in scores


def read_predictions(result, path):
    """Return truth, answers and probabilities as another team reads them from the table."""
    result.write_predictions(path)
    frame = pd.read_parquet(path)
    columns = [name for name in frame if name.startswith("probability_")]
    return frame["truth"].to_numpy(), frame["answer"].to_numpy(), frame[columns].to_numpy()


def test_plain_scikit_learn_has_the_same_metrics_of_the_exported_predictions(tmp_path):
    for name, labels in (("breast_cancer", ["benign", "malignant"]), ("wine", None)):
        model = train_model(bundled(tmp_path / f"{name}-train", name, slice(0, None, 2)))
        test = bundled(tmp_path / f"{name}-test", name, slice(1, None, 2))
        result = evaluate(model, test, *USUAL)
        truth, answers, p = read_predictions(result, tmp_path / name)
        macro = {"average": "macro", "zero_division": 0}
        expected = {
            "accuracy": sk.accuracy_score(truth, answers),
            "balanced_accuracy": sk.balanced_accuracy_score(truth, answers),
            "precision": sk.precision_score(truth, answers, **macro),
            "recall": sk.recall_score(truth, answers, **macro),
            "f1": sk.f1_score(truth, answers, **macro),
            "log_loss": sk.log_loss(truth, p),
            "brier": sk.brier_score_loss(truth, p, labels=model.info.classes),
        }
        if labels:
            expected["roc_auc"] = sk.roc_auc_score(truth == labels[1], p[:, 1])
            expected["average_precision"] = sk.average_precision_score(truth == labels[1], p[:, 1])
        else:
            expected["roc_auc"] = sk.roc_auc_score(truth, p, multi_class="ovr")
            expected["average_precision"] = sk.average_precision_score(pd.get_dummies(truth), p)
        found = {metric: result.scores[metric] for metric in expected}
        assert found == pytest.approx(expected, rel=1e-12, abs=0)
        assert result.curves["confusionMatrix"]["rows"] == [
            {"row": row} for row in sk.confusion_matrix(truth, answers).tolist()
        ]


def test_the_calibration_error_is_that_of_scikit_learns_curve(tmp_path):
    from sklearn.calibration import calibration_curve

    model = train_model(bundled(tmp_path / "train", "breast_cancer", slice(0, None, 2)))
    test = bundled(tmp_path / "test", "breast_cancer", slice(1, None, 2))
    result = evaluate(model, test, *USUAL)
    truth, _, p = read_predictions(result, tmp_path / "predictions")
    came_true, said = calibration_curve(truth == "malignant", p[:, 1], n_bins=10)
    sizes = np.histogram(p[:, 1], bins=10, range=(0, 1))[0]
    expected = (abs(came_true - said) * sizes[sizes > 0]).sum() / len(truth)
    assert result.scores["calibration_error"] == pytest.approx(expected, rel=1e-6)


def test_on_diabetes_the_metrics_of_the_exported_predictions_are_scikit_learns(tmp_path):
    model = train_model(bundled(tmp_path / "train", "diabetes", slice(0, None, 2)))
    test = bundled(tmp_path / "test", "diabetes", slice(1, None, 2))
    result = evaluate(model, test, *USUAL)
    truth, answers, none = read_predictions(result, tmp_path / "predictions")
    assert result.curves == {}
    assert none.shape == (len(truth), 0)
    errors = np.abs(answers - truth)
    expected = {
        "r2": sk.r2_score(truth, answers),
        "rmse": sk.root_mean_squared_error(truth, answers),
        "mae": sk.mean_absolute_error(truth, answers),
        "mape": sk.mean_absolute_percentage_error(truth, answers),
        "abs_error_p90": np.quantile(errors, 0.9),
    }
    assert {m: result.scores[m] for m in expected} == pytest.approx(expected, rel=1e-12, abs=0)


def test_predictions_have_the_rows_of_the_test_table_in_order(ternary, tmp_path):
    test = rows(tmp_path, [2, 0, 1, 0], [*"cabb"], role="holdout")
    result = evaluate(ternary, test, *USUAL)
    metadata = result.write_predictions(tmp_path / "predictions")
    assert pd.read_parquet(tmp_path / "predictions").to_dict("list") == {
        "row": [0, 1, 2, 3],
        "truth": [*"cabb"],
        "answer": [*"caba"],
        "probability_a": [0.25, 0.5, 0.25, 0.5],
        "probability_b": [0.25, 0.25, 0.5, 0.25],
        "probability_c": [0.5, 0.25, 0.25, 0.25],
    }
    # What is told of a locked holdout stays locked.
    assert (metadata["target"], metadata["role"]) == ("truth", "holdout")


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


def noisy(path, count, right, seed=0):
    """Return test rows of which the model of `binary` answers a known share rightly."""
    generator = np.random.default_rng(seed)
    x = generator.integers(0, 2, count)
    true = generator.random(count) < right
    return rows(path, x, pa.array(np.where((x == 1) == true, "yes", "no")))


@pytest.mark.parametrize(
    ("metric", "minimum", "decision", "code"),
    [
        ("accuracy", 0.7, "pass", "minimum_reached"),
        ("accuracy", 0.8, "warn", "undecided"),
        ("accuracy", 0.9, "fail", "below_minimum"),
        # log_loss = 0.8 * -log(3/4) + 0.2 * -log(1/4) = 0.507
        ("log_loss", 0.6, "pass", "within_maximum"),
        ("log_loss", 0.507, "warn", "undecided"),
        ("log_loss", 0.4, "fail", "above_maximum"),
    ],
)
def test_the_gate_decides_what_the_whole_interval_says(
    metric, minimum, decision, code, binary, tmp_path
):
    result = evaluate(binary, noisy(tmp_path, 500, 0.8), metric, minimum)
    (reason,) = result.verdict.reasons
    assert result.verdict.decision == decision
    assert (reason.code, reason.subject) == (code, metric)
    side = "at most" if metric == "log_loss" else "at least"
    assert reason.expected == f"{side} {minimum}"
    low, high = result.scores[f"{metric}_low"], result.scores[f"{metric}_high"]
    assert low < result.scores[metric] < high
    assert reason.observed == f"{result.scores[metric]:.6g} ({low:.6g} to {high:.6g})"


@pytest.mark.parametrize("decision", ["pass", "warn", "fail"])
def test_what_is_undecided_is_decided_as_wished(decision, binary, tmp_path):
    test = noisy(tmp_path, 500, 0.8)
    verdict = evaluate(binary, test, "accuracy", 0.8, decision).verdict
    assert (verdict.decision, verdict.reasons[0].code) == (decision, "undecided")


def test_an_unknown_wish_for_the_undecided_is_refused(binary, binary_test):
    with pytest.raises(InputError, match="`on_undecided` must be pass, warn or fail"):
        evaluate(binary, binary_test, *USUAL, on_undecided="no_baseline")


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("", "above 0.5"),
        ("roc_auc", "above 0.5"),
        # A constant answer: yes to three of four rows.
        ("accuracy", "above 0.75"),
        ("average_precision", "above 0.75"),
        ("balanced_accuracy", "above 0.5"),
        ("brier", "below 0.1875"),
    ],
)
def test_the_usual_minimum_is_more_than_what_a_constant_answer_reaches(
    metric, expected, binary, binary_test
):
    (reason,) = evaluate(binary, binary_test, metric, -1.0).verdict.reasons
    assert (reason.subject, reason.expected) == (metric or "roc_auc", expected)


@pytest.mark.parametrize("metric", ["", "accuracy", "log_loss"])
@pytest.mark.parametrize(("right", "decision"), [(0.8, "pass"), (0.5, "fail"), (0.2, "fail")])
def test_a_classifier_must_be_shown_to_beat_chance(metric, right, decision, binary, tmp_path):
    verdict = evaluate(binary, noisy(tmp_path, 400, right), metric, -1.0).verdict
    code = "better_than_chance" if decision == "pass" else "no_better_than_chance"
    assert (verdict.decision, verdict.reasons[0].code) == (decision, code)


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "diabetes"])
def test_a_shuffled_target_gives_a_failure_not_a_model(name, tmp_path):
    table = bundled(tmp_path / "all", name).read().to_pandas()
    table["target"] = np.random.default_rng(1).permutation(table["target"])
    task = "regression" if name == "diabetes" else "classification"
    shares = [
        write_table(tmp_path / part, {c: half[c].to_numpy() for c in half}, "target", task)
        for part, half in (("train", table.iloc[::2]), ("test", table.iloc[1::2]))
    ]
    verdict = evaluate(train_model(shares[0]), shares[1], *USUAL).verdict
    assert (verdict.decision, verdict.reasons[0].code) == ("fail", "no_better_than_chance")
    assert "is not shown to be better than chance" in verdict.reasons[0].message


@pytest.mark.parametrize(("right", "decision"), [(1, "pass"), (-1, "fail")])
def test_a_regressor_must_beat_the_mean_by_default(right, decision, numeric, tmp_path):
    x = np.arange(100) % 2
    y = 2 + right * (2.0 * x - 1) + np.linspace(-0.5, 0.5, 100)
    verdict = evaluate(numeric, rows(tmp_path, x, y, "regression"), *USUAL).verdict
    assert (verdict.decision, verdict.reasons[0].subject) == (decision, "r2")


def test_a_flawless_answer_to_few_rows_is_not_certain(binary, tmp_path):
    test = rows(tmp_path, [0, 1] * 5, ["no", "yes"] * 5)
    result = evaluate(binary, test, "accuracy", 0.9)
    assert result.scores["accuracy"] == 1
    # The chance of ten rightly answered rows of ten is 2.5 % at this share.
    assert result.scores["accuracy_low"] == pytest.approx(0.025 ** (1 / 10))
    assert result.verdict.decision == "warn"


@pytest.mark.parametrize("metric", ["r2", "auc", "calibration_error"])
def test_a_metric_that_is_no_gate_of_a_classifier_is_refused(metric, binary, binary_test):
    with pytest.raises(InputError, match=rf"'brier'\]\. Found: '{metric}'"):
        evaluate(binary, binary_test, metric, 0.5)


@pytest.mark.parametrize("metric", ["bias", "accuracy"])
def test_a_metric_that_is_no_gate_of_a_regressor_is_refused(metric, numeric, numeric_test):
    with pytest.raises(InputError, match=rf"'mae', 'mape'\]\. Found: '{metric}'"):
        evaluate(numeric, numeric_test, metric, 0.5)


def test_average_precision_of_three_classes_has_a_value_but_is_no_gate(ternary, tmp_path):
    test = rows(tmp_path, [0, 1, 2, 0], [*"abca"])
    assert "average_precision" in evaluate(ternary, test, *USUAL).scores
    with pytest.raises(InputError, match="Found: 'average_precision'"):
        evaluate(ternary, test, "average_precision", 0.5)


@pytest.mark.parametrize(
    ("resampling", "said"),
    [
        ((10, 0.95, 0), "`n_resamples`"),
        ((50, 1.0, 0), "`confidence_level`"),
        ((50, 0.95, -1), "`seed`"),
    ],
)
def test_draws_that_give_no_interval_are_refused(resampling, said, binary, binary_test):
    with pytest.raises(InputError, match=said):
        evaluate(binary, binary_test, *USUAL, resampling=resampling)


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
    assert not {name for name in result.scores if name.startswith(("roc_auc", "average_precision"))}
    assert {"accuracy", "accuracy_low", "f1", "log_loss", "brier"} <= set(result.scores)
    assert result.verdict.reasons[0].code == "undecided"
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
    assert "| accuracy | 0.75 | " in report.markdown()
    assert "<svg" not in report.markdown()


def test_names_from_the_data_are_escaped(tmp_path):
    evil = "<script>alert(1)</script>"
    model = tree(tmp_path, [0, 0, 1, 1], ["b", "b", evil, evil], target="<b>target</b>")
    test = rows(tmp_path, [0, 1] * 4, ["b", evil] * 4, target="<b>target</b>")
    report = evaluate(model, test, *USUAL).report
    for text in (report.html(), report.markdown()):
        assert "<script" not in text
        assert "<b>" not in text
    assert "ROC curve of class b" in report.html()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in report.html()


def test_the_name_of_the_positive_class_is_escaped_in_the_caption(tmp_path):
    evil = "z<script>alert(1)</script>"
    model = tree(tmp_path, [0, 0, 1, 1], ["b", "b", evil, evil])
    html = evaluate(model, rows(tmp_path, [0, 1] * 4, ["b", evil] * 4), *USUAL).report.html()
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


def test_a_page_of_600_classes_stays_small_and_says_what_is_mistaken(tmp_path):
    names = np.array([f"class {n:03}" for n in range(600)])
    model = tree(tmp_path, range(600), names.tolist())
    x = np.arange(1200) % 600
    test = rows(tmp_path, x, pa.array(np.where(x == 7, "class 008", names[x])))
    result = evaluate(model, test, *USUAL, resampling=(20, 0.95, 0))
    html = result.report.html()
    assert len(html.encode()) < 500_000
    assert "Most frequent mistakes" in html
    assert "| class 008 | class 007 | 2 |" in result.report.markdown()
    counts = [row["row"] for row in result.curves["confusionMatrix"]["rows"]]
    assert (len(counts), sum(map(sum, counts))) == (50, 1200)
    specs = result.curves["confusionMatrix"]["annotationSpecs"]
    assert specs[-1] == {"displayName": "all others"}


def learned(path, count=600, seed=0):
    """Return a model that gives x as the probability of `yes`, and a table of such rows."""
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(seed)
    x = generator.normal(size=count)
    y = np.where(generator.random(count) < 1 / (1 + np.exp(-2 * x)), "yes", "no")
    table = write_table(path / f"seed{seed}", {"x": x, "y": pa.array(y)}, "y")
    frame = feature_frame(table.read(), ["x"])
    pipeline = Pipeline([("line", LogisticRegression().fit(frame, y))])
    info = ModelInfo("y", "classification", ("x",), ("x",), classes=("no", "yes"))
    return Model(pipeline, info), table


def cost(truth, score, cut, ratio):
    yes = score >= cut
    return (yes & (truth == "no")).sum() + ratio * (~yes & (truth == "yes")).sum()


@pytest.mark.parametrize(("rule", "ratio"), [("f1", 1.0), ("youden", 1.0), ("cost", 5.0)])
def test_the_threshold_is_the_best_one_on_the_validation_rows(rule, ratio, tmp_path):
    model, validation = learned(tmp_path)
    test = learned(tmp_path, seed=1)[1]
    result = evaluate(model, test, *USUAL, others=(validation,), rule=(rule, ratio))
    cut = result.scores["threshold"]
    truth = validation.read().column("y").to_numpy()
    score = model.pipeline.predict_proba(validation.read(["x"]).to_pandas())[:, 1]

    def worth(at):
        yes = np.where(score >= at, "yes", "no")
        if rule == "f1":
            return sk.f1_score(truth, yes, pos_label="yes")
        return sk.balanced_accuracy_score(truth, yes) if rule == "youden" else -cost(
            truth, score, at, ratio
        )  # fmt: skip

    assert worth(cut) >= max(worth(at) for at in np.sort(score)[::7])
    answered = [row["row"] for row in result.curves["confusionMatrix"]["rows"]]
    own = model.pipeline.predict_proba(test.read(["x"]).to_pandas())[:, 1]
    assert sum(row[1] for row in answered) == (own >= cut).sum()
    assert f"by {rule} on the validation rows" in result.report.markdown()


def test_a_costly_miss_lowers_the_threshold(tmp_path):
    model, validation = learned(tmp_path)
    test = learned(tmp_path, seed=1)[1]
    cuts = [
        evaluate(model, test, *USUAL, others=(validation,), rule=("cost", ratio)).scores[
            "threshold"
        ]
        for ratio in (0.2, 1.0, 5.0)
    ]
    assert cuts == sorted(cuts, reverse=True)
    assert cuts[0] > 0.6
    assert cuts[-1] < 0.3


def test_a_threshold_is_never_chosen_on_the_test_rows(tmp_path):
    model, test = learned(tmp_path)
    with pytest.raises(InputError, match="`validation` must hold other rows than `test`"):
        evaluate(model, test, *USUAL, others=(test,))


def test_without_validation_rows_the_likelier_class_is_the_answer(tmp_path):
    model, test = learned(tmp_path)
    scores = evaluate(model, test, *USUAL).scores
    assert "threshold" not in scores
    frame = test.read().to_pandas()
    assert scores["accuracy"] == (model.pipeline.predict(frame[["x"]]) == frame["y"]).mean()


@pytest.mark.parametrize(
    ("rule", "said"), [(("best", 1.0), "`threshold_rule`"), (("cost", 0.0), "`cost_ratio`")]
)
def test_a_rule_that_is_none_is_refused(rule, said, binary, binary_test):
    with pytest.raises(InputError, match=said):
        evaluate(binary, binary_test, *USUAL, rule=rule)


@pytest.fixture
def peopled(tmp_path):
    """A model of x, and rows where it is worth nothing for the men of the south."""
    model, table = learned(tmp_path, 2000)
    generator = np.random.default_rng(5)
    frame = table.read().to_pandas()
    frame["sex"] = generator.choice(["f", "m"], 2000)
    frame["place"] = generator.choice(["north", "south", None], 2000, p=[0.6, 0.38, 0.02])
    frame["age"] = np.where(generator.random(2000) < 0.1, np.nan, generator.integers(18, 80, 2000))
    poor = ((frame["sex"] == "m") & (frame["place"] == "south")).to_numpy()
    frame.loc[poor, "y"] = generator.permutation(frame.loc[poor, "y"].to_numpy())
    columns = {name: pa.array(frame[name], from_pandas=True) for name in frame}
    return model, write_table(tmp_path / "people", columns, "y"), frame


def test_segments_are_judged_the_worst_first_and_small_ones_are_named(peopled):
    model, test, frame = peopled
    result = evaluate(model, test, *USUAL, slices=(("sex,place", "age"), 100))
    text = result.report.markdown()
    table = text[text.index("## roc\\_auc by segment") :]
    found = [line.split(" | ")[0][2:] for line in table.splitlines()[4:]]
    found = found[: found.index("")]
    assert found[0] == "sex = m, place = south"
    assert len(found) == 4 + 4 + 1
    assert {name for name in found if "age" in name} >= {"age missing"}
    small = text[text.index("Segments too small") :]
    rows = ((frame["sex"] == "f") & frame["place"].isna()).sum()
    assert f"| sex = f, place missing | {rows} |" in small
    # The whole interval of a segment below the limit of the gate is a warning.
    poor = (frame["sex"] == "m") & (frame["place"] == "south")
    own = model.pipeline.predict_proba(frame.loc[poor, ["x"]])[:, 1]
    area = sk.roc_auc_score(frame.loc[poor, "y"] == "yes", own)
    assert f"| sex = m, place = south | {poor.sum()} | {area:.6g} |" in text


def test_a_segment_below_the_minimum_is_a_warning(peopled):
    model, test, _ = peopled
    verdict = evaluate(model, test, "roc_auc", 0.65, slices=(("sex,place",), 100)).verdict
    assert verdict.decision == "warn"
    assert [(r.code, r.subject) for r in verdict.reasons] == [
        ("minimum_reached", "roc_auc"),
        ("segment_below_limit", "sex = m, place = south"),
    ]


def test_segments_of_a_model_that_fails_as_a_whole_are_no_further_findings(peopled):
    model, test, _ = peopled
    verdict = evaluate(model, test, "roc_auc", 0.99, slices=(("sex,place",), 100)).verdict
    assert [r.code for r in verdict.reasons] == ["below_minimum"]


def test_numbers_are_cut_into_quartiles_and_few_numbers_are_not(tmp_path):
    from holdfast.evaluation.segments import _levels

    codes, names = _levels("n", pa.chunked_array([[1.0, 2, 3, 4, 5, 6, 7, 8, None]]))
    assert codes.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4]
    assert names == ["n <= 2.75", "2.75 < n <= 4.5", "4.5 < n <= 6.25", "n > 6.25", "n missing"]
    codes, names = _levels("n", pa.chunked_array([[0, 1], [1, None]]))
    assert [names[code] for code in codes] == ["n = 0", "n = 1", "n = 1", "n missing"]


def test_an_unknown_segment_and_a_minimum_of_no_rows_are_refused(binary, binary_test):
    with pytest.raises(InputError, match=r"`segments` .* Found: \['sex'\]"):
        evaluate(binary, binary_test, *USUAL, slices=(("x,sex",), 100))
    with pytest.raises(InputError, match="`min_segment_rows` must be at least 2"):
        evaluate(binary, binary_test, *USUAL, slices=(("x",), 1))


def test_a_column_of_many_values_is_judged_by_its_largest_only(tmp_path):
    model, table = learned(tmp_path, 1200)
    columns = {**{n: table.read().column(n) for n in ("x", "y")}, "id": np.arange(1200) // 20}
    test = write_table(tmp_path / "ids", {**columns, "id": pa.array(map(str, columns["id"]))}, "y")
    text = evaluate(model, test, *USUAL, slices=(("id",), 10)).report.markdown()
    assert "10 more segments are left out" in text


def test_a_test_table_that_is_the_training_table_is_a_warning(tmp_path):
    table = bundled(tmp_path / "train", "breast_cancer")
    result = evaluate(train_model(table), table, *USUAL)
    assert result.verdict.decision == "warn"
    assert result.verdict.reasons[1].code == "test_is_training_table"
    assert "metrics are those of memory" in result.report.html()


def test_a_test_row_that_is_a_training_row_is_a_warning(tmp_path):
    train = bundled(tmp_path / "train", "breast_cancer", slice(0, None, 2))
    both = [*range(1, 569, 2), 0]
    test = bundled(tmp_path / "test", "breast_cancer", both)
    result = evaluate(train_model(train), test, *USUAL, others=(None, train))
    reason = result.verdict.reasons[1]
    assert (result.verdict.decision, reason.code) == ("warn", "repeated_rows")
    assert (reason.observed, reason.share) == ("1 of 285 rows", 1 / 285)


def test_rows_that_repeat_by_themselves_as_much_in_training_are_no_warning(binary, tmp_path):
    generator = np.random.default_rng(0)
    x = np.concatenate([np.arange(4000) / 7, [0.5] * 8])
    y = np.where(generator.random(4008) < 0.5, "yes", "no")
    train = rows(tmp_path, x[::2], pa.array(y[::2]), name="seen")
    test = rows(tmp_path, x[1::2], pa.array(y[1::2]))
    codes = [r.code for r in evaluate(binary, test, *USUAL, others=(None, train)).verdict.reasons]
    assert "repeated_rows" not in codes


def test_a_target_that_is_not_known_is_refused_without_showing_a_row(binary, tmp_path):
    numeric = tree(tmp_path / "numbers", [0, 1], [1.0, 3.0], "regression")
    with pytest.raises(InputError, match="`test` must have a target in every row"):
        evaluate(binary, rows(tmp_path, [0, 1], ["no", None], name="a"), *USUAL)
    with pytest.raises(InputError, match="`test` must have a target in every row"):
        evaluate(numeric, rows(tmp_path, [0, 1], [1.0, math.nan], "regression", name="b"), *USUAL)
    with pytest.raises(InputError, match="`test` must hold rows"):
        empty = pa.array([], pa.float64()), pa.array([], pa.string())
        evaluate(binary, rows(tmp_path, *empty, name="c"), *USUAL)


def linear(table, names, target):
    """Return a logistic regression of columns of numbers and text."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = feature_frame(table.read(), names)
    numbers = [name for name in names if frame[name].dtype == float]
    texts = [name for name in names if name not in numbers]
    columns = make_column_transformer(
        (StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), texts)
    )
    steps = [("columns", columns), ("line", LogisticRegression(max_iter=500))]
    truth = table.read().column(target).to_numpy()
    pipeline = Pipeline(steps).fit(frame, truth)
    classes = tuple(pipeline.classes_.tolist())
    info = ModelInfo(target, table.task, tuple(names), tuple(numbers), classes=classes)
    return Model(pipeline, info)


@pytest.mark.real_data
def test_on_adult_metrics_are_scikit_learns_and_the_page_is_small(real_table, tmp_path):
    import pyarrow.parquet as pq

    table = pq.read_table(real_table("adult.parquet"))
    order = np.random.default_rng(0).permutation(table.num_rows)
    shares = [
        write_table(
            tmp_path / part,
            {n: table.take(picked).column(n).cast(kind) for n, kind in plain_types(table)},
            "class",
        )
        for part, picked in (("train", order[:5000]), ("test", order[5000:9000]))
    ]
    names = [name for name, _ in plain_types(table) if name != "class"]
    model = linear(shares[0], names, "class")
    result = evaluate(model, shares[1], *USUAL, slices=(("sex,race", "age"), 50))
    truth, answers, p = read_predictions(result, tmp_path / "predictions")
    expected = {
        "roc_auc": sk.roc_auc_score(truth == ">50K", p[:, 1]),
        "accuracy": sk.accuracy_score(truth, answers),
        "log_loss": sk.log_loss(truth, p),
    }
    assert {m: result.scores[m] for m in expected} == pytest.approx(expected, rel=1e-12, abs=0)
    assert result.verdict.decision == "pass"
    assert result.scores["roc_auc_low"] > 0.88
    assert len(result.report.html().encode()) < 500_000


def plain_types(table):
    """Yield the columns and their types without categories."""
    for field in table.schema:
        text = pa.types.is_dictionary(field.type)
        yield field.name, pa.string() if text else field.type
