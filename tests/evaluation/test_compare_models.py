"""compare_models: better, worse or undecided, on generated pairs whose answer is known."""

import re

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binomtest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline

from holdfast.errors import InputError
from holdfast.evaluation.compare_models import logic
from holdfast.evaluation.compare_models.paired import delong, mcnemar
from holdfast.model import Model, ModelInfo, feature_frame
from holdfast.performance.bootstrap import Interval
from holdfast.performance.predictions import Predictions
from tests.training.samples import bundled, save, train_model, write_table

FEW = (100, 0.95, 0)


def people(path, count=1500, seed=0, task="classification"):
    """Write rows of a strong and a weak feature, which add up to the target."""
    generator = np.random.default_rng(seed)
    strong, weak, noise = generator.normal(size=(3, count))
    score = 1.5 * strong + 0.5 * weak + noise
    y = np.where(score > 0, "yes", "no") if task == "classification" else score
    return write_table(path / task, {"strong": strong, "weak": weak, "y": pa.array(y)}, "y", task)


def reads(table, *features, trained_on=""):
    """Return a linear model that reads some of the features."""
    task = table.task
    learner = LogisticRegression() if task == "classification" else LinearRegression()
    rows = table.read()
    frame = feature_frame(rows, features)
    pipeline = Pipeline([("line", learner.fit(frame, rows.column("y").to_numpy()))])
    classes = tuple(pipeline.classes_.tolist()) if task == "classification" else ()
    info = ModelInfo("y", task, features, features, classes=classes, trained_on=trained_on)
    return Model(pipeline, info)


def compare(challenger, champion, test, metric="", margin=0.0):
    return logic.compare_models(challenger, champion, test, logic.ask(metric, margin, *FEW))


@pytest.fixture
def table(tmp_path):
    return people(tmp_path)


@pytest.fixture
def strong(table):
    return reads(table, "strong", "weak")


@pytest.fixture
def weak(table):
    return reads(table, "weak")


@pytest.mark.parametrize("metric", ["", "accuracy", "log_loss", "brier"])
def test_the_better_model_is_better_and_the_worse_one_worse(metric, table, strong, weak):
    for pair, decision, code in (
        ((strong, weak), "pass", "better"),
        ((weak, strong), "fail", "worse"),
    ):
        verdict = compare(*pair, table, metric).verdict
        (reason,) = verdict.reasons
        assert (verdict.decision, reason.code) == (decision, code)
        assert reason.subject == (metric or "roc_auc")


@pytest.mark.parametrize("metric", ["", "mae", "rmse"])
def test_regressors_are_compared_too(metric, tmp_path):
    table = people(tmp_path, task="regression")
    pair = reads(table, "strong", "weak"), reads(table, "weak")
    assert compare(*pair, table, metric).verdict.decision == "pass"
    assert compare(*pair[::-1], table, metric).verdict.decision == "fail"


def test_a_model_against_itself_is_undecided_and_not_worse_within_a_margin(table, strong):
    verdict = compare(strong, strong, table).verdict
    assert (verdict.decision, verdict.reasons[0].code) == ("warn", "undecided")
    verdict = compare(strong, strong, table, margin=0.01).verdict
    assert (verdict.decision, verdict.reasons[0].code) == ("pass", "not_worse")


def test_few_rows_cannot_tell_two_models_apart(tmp_path, strong, table):
    other = reads(table, "strong")
    few = people(tmp_path / "few", 60, seed=3)
    verdict = compare(strong, other, few).verdict
    assert (verdict.decision, verdict.reasons[0].code) == ("warn", "undecided")
    assert "cannot tell" in verdict.reasons[0].message


@pytest.mark.parametrize(
    ("low", "high", "margin", "outcome"),
    [
        (0.01, 0.03, 0.0, "better"),
        (-0.01, 0.03, 0.0, "undecided"),
        (-0.03, -0.01, 0.0, "worse"),
        (0.0, 0.03, 0.0, "undecided"),
        (-0.01, 0.03, 0.02, "not_worse"),
        (-0.015, -0.005, 0.02, "not_worse"),
        (-0.03, 0.01, 0.02, "undecided"),
        (-0.03, -0.01, 0.02, "undecided"),
        (-0.05, -0.03, 0.02, "worse"),
    ],
)
def test_the_whole_interval_decides(low, high, margin, outcome):
    assert logic.judge(Interval((low + high) / 2, low, high), margin) == outcome


def test_without_a_champion_there_is_no_baseline(table, strong):
    result = compare(strong, None, table)
    assert result.verdict.decision == "no_baseline"
    assert result.verdict.reasons[0].code == "no_champion"
    assert result.scores["roc_auc_challenger"] > 0.8
    assert "no champion to compare with" in result.report.html()


def test_an_empty_artifact_is_no_champion_and_a_broken_one_is_refused(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for place in ("", tmp_path / "nowhere", tmp_path / "file", tmp_path / "folder"):
        assert logic.load_champion(str(place)) is None
    (tmp_path / "folder" / "MLmodel").write_text("flavors: {}")
    with pytest.raises(InputError, match="`champion` must be an MLflow model directory"):
        logic.load_champion(str(tmp_path / "folder"))


def test_saved_models_are_compared(tmp_path):
    train = bundled(tmp_path / "train", "breast_cancer", slice(0, None, 2))
    test = bundled(tmp_path / "test", "breast_cancer", slice(1, None, 2))
    champion = logic.load_champion(str(save(train_model(train, 1), train, tmp_path / "model")))
    result = compare(train_model(train, 50), champion, test)
    assert result.verdict.decision == "pass"
    pair = result.pairs["roc_auc"]
    assert pair.difference.value == pair.challenger - pair.champion
    assert result.scores["roc_auc_difference_low"] > 0


def test_the_interval_of_the_difference_is_narrower_than_those_of_the_models(table, strong):
    from holdfast.evaluation.predictions import predict
    from holdfast.performance.bootstrap import Resampling, intervals

    other = reads(table, "strong")
    width = compare(strong, other, table).pairs["roc_auc"].difference
    own = intervals(predict(strong, table), Resampling(*FEW), ("roc_auc",))["roc_auc"]
    assert width.high - width.low < 0.7 * (own.high - own.low)


def test_a_gain_is_positive_where_less_is_better(table, strong, weak):
    pairs = compare(strong, weak, table).pairs
    assert pairs["log_loss"].difference.value < 0
    gain = pairs["log_loss"].gain("log_loss")
    assert 0 < gain.low < gain.value < gain.high
    assert pairs["accuracy"].gain("accuracy") == pairs["accuracy"].difference


def binary(truth, scores):
    labels = np.array(["no", "yes"], dtype=object)
    p = np.column_stack([1 - scores, scores])
    answers = labels[(scores > 0.5).astype(int)]
    return Predictions("classification", labels[truth], answers, p, ("no", "yes"))


def test_mcnemar_counts_the_rows_that_one_model_alone_has_right():
    truth = np.array([1, 1, 1, 0, 0, 0, 1, 0])
    old = binary(truth, np.array([0.9, 0.1, 0.1, 0.9, 0.9, 0.1, 0.9, 0.1]))
    new = binary(truth, np.array([0.9, 0.9, 0.9, 0.1, 0.9, 0.1, 0.1, 0.1]))
    found = mcnemar(old, new)
    assert found.statistic == "only challenger right: 3, only champion right: 1"
    assert found.p_value == pytest.approx(binomtest(3, 4).pvalue)
    assert mcnemar(new, new).p_value == 1


def test_delong_is_the_formula_of_1988():
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, 60)
    scores = [np.round(generator.random(60) * 0.6 + 0.4 * truth, 1) for _ in range(2)]
    areas, ten, one = [], [], []
    for score in scores:
        positive, negative = score[truth == 1], score[truth == 0]
        won = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
        areas.append(won.mean())
        ten.append(won.mean(axis=1))
        one.append(won.mean(axis=0))
    covariance = np.cov(ten) / len(ten[0]) + np.cov(one) / len(one[0])
    weights = np.array([-1, 1])
    z = (areas[1] - areas[0]) / np.sqrt(weights @ covariance @ weights)
    found = delong(binary(truth, scores[0]), binary(truth, scores[1]))
    assert float(re.search(r"z = ([-.\d]+)", found.statistic)[1]) == pytest.approx(z, rel=1e-3)
    same = delong(binary(truth, scores[0]), binary(truth, scores[0]))
    assert same.p_value == 1


def test_delong_and_mcnemar_refuse_the_true_hypothesis_as_often_as_they_say():
    generator = np.random.default_rng(0)
    refused = []
    for _ in range(400):
        truth = generator.integers(0, 2, 150)
        scores = [1 / (1 + np.exp(-generator.normal(truth - 0.5))) for _ in range(2)]
        pair = [binary(truth, score) for score in scores]
        refused.append([delong(*pair).p_value < 0.05, mcnemar(*pair).p_value < 0.05])
    found = np.mean(refused, axis=0)
    assert 0.025 < found[0] < 0.08
    # The exact test is cautious.
    assert found[1] < 0.06


def test_the_report_has_interval_plot_and_tests(table, strong, weak):
    report = compare(strong, weak, table).report
    html, text = report.html(), report.markdown()
    assert "<svg" in html
    assert len(html.encode()) < 200_000
    assert text.splitlines()[0] == "# Model comparison: pass"
    assert "The challenger is better: roc\\_auc is " in text
    for content in ("DeLong", "McNemar", "Challenger less champion", "95 % from"):
        assert content in text
    assert html == compare(strong, weak, table).report.html()


def test_a_model_that_was_trained_on_the_test_rows_is_warned_of(table, strong):
    learned = reads(table, "weak", trained_on=table.sha256)
    verdict = compare(strong, learned, table).verdict
    assert verdict.decision == "warn"
    assert [reason.code for reason in verdict.reasons] == ["better", "test_is_training_table"]


def test_models_of_different_questions_are_refused(tmp_path, table, strong):
    numbers = people(tmp_path, task="regression")
    with pytest.raises(InputError, match=r"`champion` must predict what `challenger` does"):
        compare(strong, reads(numbers, "weak"), table)
    info = ModelInfo("y", "classification", ("weak",), ("weak",), classes=("maybe", "no", "yes"))
    other = Model(reads(table, "weak").pipeline, info)
    with pytest.raises(InputError, match=r"`champion` must know the classes of `challenger`"):
        compare(strong, other, table)


@pytest.mark.parametrize("margin", [-0.1, float("nan")])
def test_a_margin_below_0_is_refused(margin):
    with pytest.raises(InputError, match="`margin` must be 0 or more"):
        logic.ask("", margin, *FEW)


def test_a_metric_of_another_task_is_refused(table, strong, weak):
    with pytest.raises(InputError, match="Found: 'rmse'"):
        compare(strong, weak, table, "rmse")
