"""estimate_performance: what it estimates, how sure it is, and when it is not to be trusted."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from holdfast.errors import InputError
from holdfast.monitoring import covariates, expected
from holdfast.monitoring.calibration import Calibrator
from holdfast.monitoring.covariates import Covariate
from holdfast.monitoring.estimate_performance import logic
from holdfast.performance.bootstrap import Resampling
from holdfast.performance.metrics import make_scorer
from holdfast.performance.predictions import Predictions
from tests.monitoring.scored_tables import CLASSES, NOW, baseline_of, binary, numeric

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def estimate(predictions, baseline="", **more):
    cut = (more.pop("window", ""), more.pop("zone", "UTC"), more.pop("now", NOW))
    time = more.pop("time", "")
    rule = (more.pop("metric", ""), more.pop("tolerance", 0.05), more.pop("min_rows", 50))
    limits = (more.pop("max_outside", 0.05), more.pop("on_drop", "fail"))
    assert not more
    inputs = logic.open_inputs(str(predictions), str(baseline), time, cut)
    return logic.estimate(inputs, logic.ask(rule, limits, 40, 0.95, 0))


def found(outcome):
    return {reason.code: reason for reason in outcome.verdict.reasons}


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    return baseline_of(binary(folder / "table", 3000), folder / "baseline")


@pytest.fixture(scope="module")
def number_baseline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    return baseline_of(numeric(folder / "table", 1500), folder / "baseline")


@pytest.fixture
def exact():
    """A calibrator that leaves probabilities as they are."""
    ends = np.array([[0.0, 1.0]])
    return Calibrator("logistic", ends, np.array([ends, ends]))


def test_the_expected_metrics_are_those_worked_out_by_hand():
    p = np.array([0.9, 0.6, 0.2])
    both = np.column_stack([1 - p, p])
    answers = np.array(["yes", "yes", "no"])
    values = expected.expected(answers, both, CLASSES, both)
    # Rows are members of both classes: right with 0.9, 0.6 and 0.8.
    assert values["accuracy"] == pytest.approx(2.3 / 3)
    # Answered yes: 1.5 of 2 are; answered no: 0.8 of 1.
    assert values["precision"] == pytest.approx((1.5 / 2 + 0.8) / 2)
    # Of 1.7 that are yes, 1.5 are answered so; of 1.3 that are no, 0.8.
    assert values["recall"] == pytest.approx((1.5 / 1.7 + 0.8 / 1.3) / 2)
    assert values["f1"] == pytest.approx((2 * 1.5 / (1.7 + 2) + 2 * 0.8 / (1.3 + 1)) / 2)
    # Pairs of a yes and a no, the chance of each; a row beside itself is a tie.
    ahead = 0.9 * (0.4 + 0.8) + 0.6 * 0.8
    ties = 0.9 * 0.1 + 0.6 * 0.4 + 0.2 * 0.8
    assert values["roc_auc"] == pytest.approx((ahead + ties / 2) / (1.7 * 1.3))
    losses = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    assert values["log_loss"] == pytest.approx(losses.mean())


def test_the_expected_accuracy_and_area_of_three_classes_are_worked_out_by_hand():
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    answers = np.array([*"abc"])
    values = expected.expected(answers, p, tuple("abc"), p)
    assert values["accuracy"] == pytest.approx(2.1 / 3)
    areas = []
    for scores in p.T:
        weights = np.outer(scores, 1 - scores)
        ahead = (scores[:, None] > scores) + 0.5 * (scores[:, None] == scores)
        areas.append((weights * ahead).sum() / weights.sum())
    assert values["roc_auc"] == pytest.approx(np.mean(areas))


def test_an_estimate_agrees_with_the_mean_of_labels_that_are_drawn(exact):
    random = np.random.default_rng(0)
    p = random.uniform(0, 1, 500)
    both = np.column_stack([1 - p, p])
    answers = np.where(p > 0.5, "yes", "no")
    values = expected.estimate(answers, both, CLASSES, exact, Resampling(200, 0.95, 0))
    drawn = []
    for _ in range(200):
        truth = np.where(random.random(500) < p, "yes", "no")
        scorer = make_scorer(Predictions("classification", truth, answers, both, CLASSES))
        drawn.append(dict(zip(scorer.names, scorer(), strict=True)))
    for metric in ("roc_auc", "accuracy", "f1", "log_loss"):
        sample = [each[metric] for each in drawn]
        assert values[metric].value == pytest.approx(np.mean(sample), abs=0.005)
        inside = np.mean([values[metric].low <= each <= values[metric].high for each in sample])
        assert inside > 0.88


def test_rows_like_the_reference_pass_and_are_trusted(baseline, number_baseline, tmp_path):
    for make, known in ((binary, baseline), (numeric, number_baseline)):
        outcome = estimate(make(tmp_path / make.__name__, 1500, seed=1), known)
        assert outcome.verdict.decision == "pass"
        assert outcome.scores["trusted"] == 1
        assert list(found(outcome)) == ["estimated_metric_holds"]


def test_a_shift_to_rows_that_are_hard_to_tell_is_seen_without_labels(baseline, tmp_path):
    p = np.random.default_rng(3).uniform(0.3, 0.7, 1500)
    table = binary(tmp_path / "t", 1500, seed=3, x=p, p=p)
    outcome = estimate(table, baseline)
    frame = pd.read_parquet(table)
    right = (frame["target"] == frame["prediction"]).mean()
    assert outcome.scores["accuracy"] == pytest.approx(right, abs=0.04)
    assert outcome.verdict.decision == "fail"
    assert outcome.scores["trusted"] == 1
    assert estimate(table, baseline, on_drop="warn").verdict.decision == "warn"


def test_a_shift_to_rows_with_large_errors_is_seen_without_labels(number_baseline, tmp_path):
    table = numeric(tmp_path / "t", 1500, seed=3, x=np.random.default_rng(1).uniform(0.7, 1, 1500))
    outcome = estimate(table, number_baseline, metric="mae")
    frame = pd.read_parquet(table)
    truth = (frame["target"] - frame["prediction"]).abs().mean()
    assert outcome.scores["mae"] == pytest.approx(truth, rel=0.1)
    assert found(outcome)["estimated_metric_dropped"].effect == "fail"


def test_a_target_that_means_something_else_is_not_seen(baseline, tmp_path):
    # What the docstring says of the method: nothing tells but labels.
    random = np.random.default_rng(0).choice(CLASSES, 1500)
    outcome = estimate(binary(tmp_path / "t", 1500, seed=1, truth=random), baseline)
    assert outcome.verdict.decision == "pass"
    assert "measure with labels" in outcome.report.html()


def test_numbers_outside_of_the_range_of_the_reference_are_not_trusted(baseline, tmp_path):
    x = np.random.default_rng(1).uniform(0, 1.2, 1000)
    p = np.clip(x, 0.01, 0.99)
    outcome = estimate(binary(tmp_path / "t", 1000, x=x, p=p), baseline)
    assert outcome.verdict.decision == "warn"
    assert found(outcome)["left_reference"].examples[0].startswith("x: 1")
    assert outcome.scores["trusted"] == 0
    assert outcome.scores["outside_share"] == pytest.approx((x > 1).mean(), abs=0.02)


def test_a_drop_that_is_not_trusted_warns_and_does_not_fail(baseline, tmp_path):
    p = np.random.default_rng(3).uniform(0.3, 0.7, 1500)
    table = binary(tmp_path / "t", 1500, x=p, p=p, group=["c"] * 1500)
    outcome = estimate(table, baseline)
    assert found(outcome)["estimated_metric_dropped"].effect == "warn"
    assert outcome.verdict.decision == "warn"


def test_unknown_categories_and_new_gaps_are_outside(baseline, tmp_path):
    for name, values in (("new", ["a", "c"] * 250), ("gap", ["a", None] * 250)):
        outcome = estimate(binary(tmp_path / name, 500, seed=1, group=values), baseline)
        assert found(outcome)["left_reference"].examples[0] == "group: 50 %"
        assert outcome.verdict.decision == "warn"


def test_a_column_without_values_is_outside(baseline, tmp_path):
    import pyarrow as pa

    outcome = estimate(binary(tmp_path / "t", 500, group=pa.nulls(500)), baseline)
    assert found(outcome)["left_reference"].examples == ("group: 100 %",)


def test_how_many_rows_may_be_outside_can_be_said(baseline, tmp_path):
    group = ["c" if n % 10 == 0 else "ab"[n % 2] for n in range(500)]
    table = binary(tmp_path / "t", 500, seed=1, group=group)
    assert "left_reference" in found(estimate(table, baseline))
    assert "left_reference" not in found(estimate(table, baseline, max_outside=0.2))


def test_an_estimate_that_holds_for_the_mix_only_is_not_trusted(tmp_path):
    # Of group a every answer is right, of group b half of them: together p is calibrated.
    random = np.random.default_rng(0)
    group = np.array(["a", "b"] * 1000)
    truth = np.where((group == "a") | (random.random(2000) < 0.5), "yes", "no")
    p = np.where(random.random(2000) < 0.5, 0.74, 0.76)
    # A few rows of the other answer, so that there is something to rank.
    p[:200], truth[:200] = 0.1, np.where(np.arange(200) % 10 == 0, "yes", "no")
    reference = binary(tmp_path / "ref", 2000, p=p, truth=truth, group=group)
    known = baseline_of(reference, tmp_path / "b", features=["group"])
    table = binary(
        tmp_path / "t", 900, p=p[200:1100], truth=np.array(["yes"] * 900), group=["b"] * 900
    )
    reason = found(estimate(table, known, metric="accuracy"))["estimate_depends_on_shares"]
    assert reason.observed.startswith("group: -")
    assert reason.effect == "warn"


def test_the_dependence_on_a_column_is_worked_out_by_hand():
    # Of 100 rows each, the estimate was 0.1 too low for a and 0.1 too high for b, without noise.
    column = Covariate(
        "g", "category", 0, 0, (), ("a", "b"), True,
        (100.0, 100.0, 0.0, 0.0), (10.0, -10.0, 0.0, 0.0), (1.0, 1.0, 0.0, 0.0),
    )  # fmt: skip
    assert covariates.dependence(column, np.array([5.0, 5.0, 0, 0])).off == pytest.approx(0)
    moved = covariates.dependence(column, np.array([10.0, 0.0, 0, 0]))
    assert (moved.off, moved.deviation) == pytest.approx((0.1, 0))
    assert moved.certain
    assert moved.likely == pytest.approx(0.1)
    assert covariates.total_variation(column, np.array([10.0, 0.0, 0, 0])) == 0.5


def test_a_dependence_that_chance_explains_counts_for_little():
    # Residuals with a mean of 0.1 and a standard deviation of 1: that of 100 rows' mean is 0.1.
    column = Covariate(
        "g", "category", 0, 0, (), ("a", "b"), True,
        (100.0, 100.0, 0.0, 0.0), (10.0, -10.0, 0.0, 0.0), (100.0, 100.0, 0.0, 0.0),
    )  # fmt: skip
    moved = covariates.dependence(column, np.array([10.0, 0.0, 0, 0]))
    assert moved.off == pytest.approx(0.1)
    # Half of either cell has moved.
    assert moved.deviation == pytest.approx(0.5 * 2**0.5 * 0.1, rel=0.01)
    assert moved.likely == pytest.approx(0.05, rel=0.03)
    assert not moved.certain


def test_without_a_baseline_nothing_is_estimated(tmp_path):
    outcome = estimate(binary(tmp_path / "t", 100, labels="none"))
    assert outcome.verdict.decision == "no_baseline"
    assert outcome.scores == {"rows": 100}
    outcome.write_windows(tmp_path / "w")


def test_an_empty_table_warns_and_one_row_is_not_judged(baseline, number_baseline, tmp_path):
    for make, known in ((binary, baseline), (numeric, number_baseline)):
        empty = estimate(make(tmp_path / f"{make.__name__}0", 0), known)
        assert (empty.verdict.decision, empty.scores["trusted"]) == ("warn", 0)
        assert "no_rows" in found(empty)
        one = estimate(make(tmp_path / f"{make.__name__}1", 1), known)
        assert found(one)["windows_not_judged"].effect == "warn"


def test_a_constant_prediction_warns(baseline, tmp_path):
    outcome = estimate(binary(tmp_path / "t", 200, p=np.full(200, 0.7)), baseline)
    assert outcome.verdict.decision != "pass"
    assert "constant_prediction" in found(outcome)


def test_windows_are_estimated_one_by_one_whatever_the_order_of_rows(baseline, tmp_path):
    random = np.random.default_rng(7)
    day = random.permutation(np.repeat([0, 1, 2], 400))
    p = np.where(day == 2, random.uniform(0.35, 0.65, 1200), random.uniform(0, 1, 1200))
    times = [MARCH + timedelta(days=int(n)) for n in day]
    table = binary(tmp_path / "t", 1200, p=p, x=p, at=times, labels="none")
    outcome = estimate(table, baseline, window="1d", time="at")
    assert [window.decision for window in outcome.windows] == ["pass", "pass", "fail"]
    assert found(outcome)["estimated_metric_dropped"].subject == "2026-03-03T00:00:00Z"
    outcome.write_windows(tmp_path / "w")
    windows = pd.read_parquet(tmp_path / "w")
    judged = windows[windows["metric"] == "roc_auc"]
    assert judged["decision"].tolist() == ["pass", "pass", "fail"]
    assert judged["trusted"].tolist() == [True, True, True]
    assert windows["labelled"].isna().all()


def test_windows_together_are_what_they_would_be_as_one(baseline, number_baseline, tmp_path):
    times = [MARCH + timedelta(days=n % 2) for n in range(600)]
    for make, known in ((binary, baseline), (numeric, number_baseline)):
        table = make(tmp_path / make.__name__, 600, seed=1, at=times)
        metric = "roc_auc" if make is binary else "rmse"
        one = estimate(table, known, time="at").scores
        two = estimate(table, known, time="at", window="1d").scores
        assert one[metric] == pytest.approx(two[metric])
        assert one["outside_share"] == two["outside_share"]


def test_rows_of_the_future_are_left_out_and_warn(baseline, tmp_path):
    times = [MARCH, MARCH + timedelta(days=1)] * 200
    outcome = estimate(
        binary(tmp_path / "t", 400, at=times), baseline, time="at", now="2026-03-01T12:00:00Z"
    )
    assert found(outcome)["future_times"].observed == "200 of 400"
    assert outcome.scores["rows"] == 200
    assert outcome.verdict.decision == "warn"


def test_the_estimate_of_another_version_warns(baseline, tmp_path):
    outcome = estimate(binary(tmp_path / "t", 500, model_version=["9"] * 500), baseline)
    assert found(outcome)["other_model_version"].effect == "warn"


def test_the_same_rows_and_seed_give_the_same_estimate(baseline, tmp_path):
    table = binary(tmp_path / "t", 500, seed=1)
    first, second = (estimate(table, baseline) for _ in range(2))
    assert first.scores == second.scores
    assert first.report.html() == second.report.html()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"metric": "rmse"}, "`metric` must be one that can be estimated"),
        ({"on_drop": "pass"}, "`on_drop` must be warn or fail"),
        ({"max_outside": -0.1}, "`max_outside` must be a share"),
        ({"window": "1d", "time": "when"}, r"`time` must name columns .*'when'"),
    ],
)
def test_what_cannot_be_meant_is_refused(baseline, tmp_path, more, message):
    with pytest.raises(InputError, match=message):
        estimate(binary(tmp_path / "t", 100), baseline, **more)


def test_a_column_that_is_missing_or_of_another_type_is_refused(baseline, tmp_path):
    from holdfast.performance.columns import PredictionColumns
    from tests.monitoring.scored_tables import write_scored

    frame = pd.read_parquet(binary(tmp_path / "t", 100)).drop(columns="group")
    columns = {name: frame[name].to_numpy() for name in frame if not name.startswith("model_")}
    meaning = PredictionColumns("classification", "target", CLASSES)
    del columns["predicted_at"], columns["data_sha256"]
    with pytest.raises(InputError, match=r"must hold the columns of the reference.*\['group'\]"):
        estimate(write_scored(tmp_path / "less", columns, meaning), baseline)
    with pytest.raises(InputError, match=r"must hold number values in 'x'.*string"):
        estimate(binary(tmp_path / "text", 100, x=["1"] * 100), baseline)


def test_nothing_of_the_data_is_html(tmp_path):
    known = baseline_of(binary(tmp_path / "ref", 300, **{"<b>": [1] * 300}), tmp_path / "b")
    outcome = estimate(binary(tmp_path / "t", 300, **{"<b>": [2] * 300}), known)
    outcome.write(tmp_path / "v.json", tmp_path / "p.html", tmp_path / "p.md")
    assert "<b>" not in (tmp_path / "p.html").read_text()
    assert "left_reference" in found(outcome)
