"""monitor_performance: the join, windows, the drop and concept drift."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.monitoring import drops
from holdfast.monitoring.drops import Rule
from holdfast.monitoring.monitor_performance import logic
from holdfast.monitoring.time_windows import Windows, make_windows, micros, stamp
from holdfast.performance.bootstrap import Interval
from tests.monitoring.scored_tables import NOW, baseline_of, binary, numeric
from tests.training.samples import write_table

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def monitor(predictions, baseline="", labels="", keys=(), label="", **more):
    cut = (more.pop("window", ""), more.pop("zone", "UTC"), more.pop("now", NOW))
    columns = (tuple(keys), label, more.pop("time", ""))
    rule = (more.pop("metric", ""), more.pop("tolerance", 0.05), more.pop("min_rows", 50))
    limits = (more.pop("min_labelled", 0.5), more.pop("max_unknown", 0.01))
    paths = [str(path) for path in (predictions, labels, baseline)]
    assert not more
    return logic.monitor(
        logic.open_inputs(paths, columns, cut), logic.ask(rule, limits, 40, 0.95, 0)
    )


def found(outcome):
    return {reason.code: reason for reason in outcome.verdict.reasons}


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    return baseline_of(binary(folder / "table", 1500), folder / "baseline")


@pytest.fixture(scope="module")
def number_baseline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    return baseline_of(numeric(folder / "table", 600), folder / "baseline")


def labels_of(path, **columns):
    write_table(path, columns)
    return path


def test_rows_like_the_reference_pass(baseline, tmp_path):
    outcome = monitor(binary(tmp_path / "t", 1500, seed=1), baseline)
    assert outcome.verdict.decision == "pass"
    assert list(found(outcome)) == ["metric_holds"]


def test_a_large_and_certain_drop_fails(baseline, tmp_path):
    random = np.random.default_rng(5)
    outcome = monitor(
        binary(tmp_path / "t", 1000, truth=random.choice(["yes", "no"], 1000)), baseline
    )
    assert outcome.verdict.decision == "fail"
    assert found(outcome)["metric_dropped"].effect == "fail"


@pytest.mark.parametrize(
    ("now", "decision"),
    [
        # 10 % below, and the intervals are far apart.
        (Interval(0.72, 0.71, 0.73), "fail"),
        # 10 % below, but the interval reaches the reference's.
        (Interval(0.72, 0.60, 0.84), "warn"),
        # 2.5 % below for certain: within the tolerance.
        (Interval(0.78, 0.779, 0.781), "pass"),
        (Interval(0.85, 0.84, 0.86), "pass"),
    ],
)
def test_a_drop_fails_only_if_it_is_both_large_and_certain(now, decision):
    reference = Interval(0.8, 0.795, 0.805)
    assert drops.measure(now, reference, Rule("roc_auc")).decision == decision


def test_the_interval_of_a_drop_is_made_of_both(tmp_path):
    drop = drops.measure(Interval(0.7, 0.66, 0.74), Interval(0.8, 0.77, 0.83), Rule("roc_auc"))
    # 0.1 of 0.8, and the square root of 0.04 and 0.03 squared on either side.
    assert (drop.worse, drop.low, drop.high) == pytest.approx((0.125, 0.0625, 0.1875))


def test_lower_is_better_for_losses():
    reference = Interval(10.0, 9.5, 10.5)
    assert drops.measure(Interval(12.0, 11.5, 12.5), reference, Rule("rmse")).decision == "fail"
    assert drops.measure(Interval(8.0, 7.5, 8.5), reference, Rule("rmse")).decision == "pass"


def test_any_change_from_a_flawless_reference_is_a_drop():
    drop = drops.measure(Interval(0.1, 0.05, 0.2), Interval(0.0, 0.0, 0.0), Rule("rmse"))
    assert drop.decision == "fail"


def test_of_many_windows_each_is_judged_with_more_care():
    now, reference = Interval(0.72, 0.66, 0.78), Interval(0.8, 0.79, 0.81)
    assert drops.measure(now, reference, Rule("roc_auc"), 1).decision == "fail"
    assert drops.measure(now, reference, Rule("roc_auc"), 50).decision == "warn"


def test_without_a_baseline_the_metrics_are_measured_and_nothing_is_decided(tmp_path):
    outcome = monitor(binary(tmp_path / "t", 300))
    assert outcome.verdict.decision == "no_baseline"
    assert found(outcome)["no_baseline"].effect == "no_baseline"
    assert 0.5 < outcome.scores["roc_auc"] < 1


def test_labels_are_joined_by_key_whatever_their_order(baseline, tmp_path):
    table = binary(tmp_path / "t", 600, seed=2)
    truth = pd.read_parquet(table)["target"]
    order = np.random.default_rng(0).permutation(600)
    apart = labels_of(tmp_path / "l", id=order, target=truth.to_numpy()[order])
    joined = monitor(binary(tmp_path / "bare", 600, seed=2, labels="none"), baseline, apart, ["id"])
    together = monitor(table, baseline)
    assert joined.scores == together.scores
    assert joined.scores["labelled_share"] == 1


def test_what_the_join_leaves_out_is_counted(baseline, tmp_path):
    ids = np.arange(400)
    # Two predictions of one key; labels: 10 and 11 come twice, 11 contradicts itself, 900 unknown.
    table = binary(tmp_path / "t", 400, labels="none", id=np.where(ids == 399, 0, ids))
    keys = [*range(300), 10, 11, 900]
    truth = ["yes" if key % 2 else "no" for key in range(300)] + ["no", "no", "yes"]
    outcome = monitor(table, baseline, labels_of(tmp_path / "l", id=keys, target=truth), ["id"])
    reasons = found(outcome)
    assert reasons["repeated_predictions"].observed == "1 of 400"
    assert reasons["repeated_labels"].observed == "1 of 303"
    assert reasons["conflicting_labels"].observed == "1 of 303"
    assert reasons["unknown_keys"].observed == "1 of 303"
    assert reasons["unknown_keys"].examples == ("900",)
    # 399 predictions of different keys; 300 labels less the one that contradicts itself.
    assert (outcome.scores["rows"], outcome.scores["labelled"]) == (399, 299)


def test_the_last_prediction_of_a_key_counts(tmp_path):
    times = [MARCH + timedelta(hours=hour) for hour in (2, 1)]
    table = binary(
        tmp_path / "t", 2, labels="none", id=[7, 7], p=np.array([0.9, 0.1]), predicted_at=times
    )
    outcome = monitor(table, "", labels_of(tmp_path / "l", id=[7], target=["yes"]), ["id"])
    # The first row is the later one, and right.
    assert outcome.scores["accuracy"] == 1


def test_labels_of_unknown_keys_warn_beyond_the_share_that_is_allowed(baseline, tmp_path):
    table = binary(tmp_path / "t", 500)
    truth = pd.read_parquet(table)["target"].tolist()
    bare = binary(tmp_path / "bare", 500, labels="none")
    apart = labels_of(tmp_path / "l", id=np.arange(520), target=truth + ["yes"] * 20)
    assert monitor(bare, baseline, apart, ["id"]).verdict.decision == "warn"
    allowed = monitor(bare, baseline, apart, ["id"], max_unknown=0.05)
    assert allowed.verdict.decision == "pass"
    assert found(allowed)["unknown_keys"].effect == ""


def test_labels_that_are_still_missing_are_named(baseline, tmp_path):
    truth = np.where(
        np.arange(1000) % 5 == 0, pd.read_parquet(binary(tmp_path / "a", 1000))["target"], None
    )
    table = binary(tmp_path / "t", 1000, truth=truth)
    outcome = monitor(table, baseline)
    assert found(outcome)["labels_missing"].observed == "200 of 1000 rows labelled"
    assert outcome.verdict.decision == "warn"
    assert "labels_missing" not in found(monitor(table, baseline, min_labelled=0.2))


def test_labels_that_come_to_certain_rows_only_are_biased(baseline, tmp_path):
    p = np.random.default_rng(0).uniform(0, 1, 1000)
    truth = np.where(p > 0.5, np.where(p > 0.75, "yes", "no"), None)
    outcome = monitor(binary(tmp_path / "t", 1000, p=p, truth=truth), baseline, min_labelled=0.1)
    assert found(outcome)["label_bias"].effect == "warn"


def test_no_label_at_all_warns_and_measures_nothing(baseline, tmp_path):
    truth = pa.nulls(200)
    outcome = monitor(binary(tmp_path / "t", 200, truth=truth), baseline)
    assert outcome.verdict.decision == "warn"
    assert "no_labels" in found(outcome)
    assert "roc_auc" not in outcome.scores


def test_an_empty_table_warns(baseline, tmp_path):
    outcome = monitor(binary(tmp_path / "t", 0), baseline)
    assert outcome.verdict.decision == "warn"
    assert "no_rows" in found(outcome)
    outcome.write_windows(tmp_path / "w")
    assert len(pd.read_parquet(tmp_path / "w")) == 0


def test_one_row_is_not_judged(baseline, tmp_path):
    outcome = monitor(binary(tmp_path / "t", 1), baseline)
    assert outcome.verdict.decision == "warn"
    assert found(outcome)["windows_not_judged"].effect == "warn"


def test_labels_of_one_class_have_no_roc_auc_and_warn(baseline, tmp_path):
    outcome = monitor(binary(tmp_path / "t", 200, truth=np.array(["yes"] * 200)), baseline)
    assert outcome.verdict.decision == "warn"
    assert found(outcome)["windows_not_judged"].subject == "roc_auc"


def test_a_constant_prediction_is_named(baseline, tmp_path):
    outcome = monitor(binary(tmp_path / "t", 200, p=np.full(200, 0.7)), baseline)
    assert found(outcome)["constant_prediction"].subject == "probability_yes"


def test_labels_that_are_no_class_are_left_out_and_named(baseline, tmp_path):
    truth = np.array(["yes", "no", "no", "maybe"] * 100)
    outcome = monitor(binary(tmp_path / "t", 400, truth=truth), baseline)
    assert found(outcome)["unknown_classes"].observed == "100 of 400"
    assert found(outcome)["unknown_classes"].examples == ("maybe",) * 5


def test_rows_are_cut_into_windows_whatever_their_order(baseline, tmp_path):
    rows = 900
    order = np.random.default_rng(3).permutation(rows)
    times = [MARCH + timedelta(days=int(k % 3), minutes=int(k)) for k in order]
    table = binary(tmp_path / "t", rows, seed=4, at=times)
    outcome = monitor(table, baseline, window="1d", time="at")
    outcome.write_windows(tmp_path / "w")
    windows = pd.read_parquet(tmp_path / "w")
    assert windows["window_start"].dt.strftime("%m-%d").tolist() == ["03-01", "03-02", "03-03"]
    assert windows["rows"].tolist() == [300, 300, 300]
    assert set(windows["metric"]) == {"roc_auc"}
    assert outcome.verdict.decision == "pass"
    assert "by window" in outcome.report.html()


def test_the_window_of_a_drop_is_named(baseline, tmp_path):
    times = [MARCH + timedelta(days=k // 400) for k in range(1200)]
    frame = pd.read_parquet(binary(tmp_path / "a", 1200, seed=6))
    random = np.random.default_rng(0).choice(["yes", "no"], 1200)
    truth = np.where(np.arange(1200) >= 800, random, frame["target"])
    table = binary(tmp_path / "t", 1200, seed=6, truth=truth, at=times)
    outcome = monitor(table, baseline, window="1d", time="at")
    assert found(outcome)["metric_dropped"].subject == "2026-03-03T00:00:00Z"
    assert [window.decision for window in outcome.windows] == ["pass", "pass", "fail"]


def test_windows_without_rows_between_others_are_named(baseline, tmp_path):
    times = [MARCH + timedelta(days=3 * (k // 200)) for k in range(400)]
    outcome = monitor(binary(tmp_path / "t", 400, at=times), baseline, window="1d", time="at")
    assert found(outcome)["empty_windows"].examples == (
        "2026-03-02T00:00:00Z",
        "2026-03-03T00:00:00Z",
    )


def test_a_small_window_beside_judged_ones_is_a_note(baseline, tmp_path):
    times = [MARCH + timedelta(days=int(k >= 590)) for k in range(600)]
    outcome = monitor(binary(tmp_path / "t", 600, at=times), baseline, window="1d", time="at")
    assert found(outcome)["windows_not_judged"].effect == ""
    assert outcome.verdict.decision == "pass"


def test_rows_of_the_future_and_without_a_time_are_left_out_and_warn(baseline, tmp_path):
    times = [MARCH, MARCH + timedelta(minutes=4), MARCH + timedelta(minutes=6), None] * 100
    outcome = monitor(
        binary(tmp_path / "t", 400, at=times), baseline, time="at", now="2026-03-01T00:00:00+00:00"
    )
    reasons = found(outcome)
    # Four minutes are within what clocks differ by.
    assert reasons["future_times"].observed == "100 of 400"
    assert reasons["missing_times"].observed == "100 of 400"
    assert outcome.scores["rows"] == 200
    assert outcome.verdict.decision == "warn"


def test_days_begin_where_the_time_zone_says():
    # 2026-03-29 has 23 hours in Berlin, and begins at 23:00 UTC.
    berlin = Windows("at", "1d", "Europe/Berlin")
    aware = pa.array([datetime(2026, 3, 28, 23, 30, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))
    naive = pa.array([datetime(2026, 3, 29, 0, 30)], pa.timestamp("us"))
    start = micros(datetime(2026, 3, 28, 23, tzinfo=UTC))
    assert berlin.of(aware, "t").to_pylist() == [start]
    assert berlin.of(naive, "t").to_pylist() == [start]
    assert berlin.end(start) == datetime(2026, 3, 29, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "start"),
    [
        ("30m", "2026-03-05T13:30:00Z"),
        ("6h", "2026-03-05T12:00:00Z"),
        ("1w", "2026-03-02T00:00:00Z"),
        ("1month", "2026-03-01T00:00:00Z"),
    ],
)
def test_windows_start_where_a_calendar_has_them(length, start):
    times = pa.array([datetime(2026, 3, 5, 13, 45, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))
    assert [stamp(at) for at in Windows("at", length).of(times, "t").to_pylist()] == [start]


def test_a_number_that_is_too_high_throughout_is_concept_drift(number_baseline, tmp_path):
    outcome = monitor(numeric(tmp_path / "t", 600, seed=1, shift=0.6), number_baseline)
    reasons = found(outcome)
    assert reasons["bias_changed"].effect == reasons["errors_changed"].effect == "warn"


def test_errors_that_became_smaller_are_a_note(number_baseline, tmp_path):
    frame = pd.read_parquet(numeric(tmp_path / "a", 600, seed=1))
    better = frame["target"] + (frame["prediction"] - frame["target"]) / 3
    table = numeric(tmp_path / "t", 600, seed=1, answers=better.to_numpy(), target=frame["target"])
    outcome = monitor(table, number_baseline)
    assert found(outcome)["errors_changed"].effect == ""
    assert outcome.verdict.decision == "pass"


def test_errors_as_in_the_reference_are_no_concept_drift(number_baseline, tmp_path):
    outcome = monitor(numeric(tmp_path / "t", 600, seed=1), number_baseline)
    assert outcome.scores["bias_changed"] < 0.2
    assert not {"bias_changed", "errors_changed"} & set(found(outcome))


def test_probabilities_that_no_longer_come_true_are_concept_drift(baseline, tmp_path):
    random = np.random.default_rng(2)
    p = random.uniform(0, 1, 1500)
    truth = np.where(random.random(1500) < p * 0.7, "yes", "no")
    outcome = monitor(binary(tmp_path / "t", 1500, p=p, truth=truth), baseline)
    # A row of probability p comes true 0.3 p less often: 0.15 in the mean.
    assert outcome.scores["calibration_changed"] == pytest.approx(0.15, abs=0.05)
    assert found(outcome)["calibration_changed"].effect == "warn"


def test_a_regression_is_judged_by_rmse(number_baseline, tmp_path):
    outcome = monitor(numeric(tmp_path / "t", 600, seed=1, shift=3.0), number_baseline)
    assert found(outcome)["metric_dropped"].message.startswith("The rmse is 3.")


def test_another_version_of_the_model_warns(baseline, tmp_path):
    table = binary(tmp_path / "t", 600, seed=1, model_version=["2"] * 600)
    outcome = monitor(table, baseline)
    assert found(outcome)["other_model_version"].message.endswith("that of model 1.")
    assert outcome.verdict.decision == "warn"


def test_the_baseline_of_another_model_is_refused(number_baseline, tmp_path):
    with pytest.raises(InputError, match="`baseline` must be of the predictions' model"):
        monitor(binary(tmp_path / "t", 100), number_baseline)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"keys": []}, "`keys` must name the columns"),
        ({"keys": ["key"]}, r"`keys` must name columns of `predictions`.*'key'"),
        ({"keys": ["x"]}, r"`labels` must hold the keys .*without \['x'\]"),
        ({"keys": ["id"], "label": "outcome"}, "without \\['outcome'\\]"),
        ({"keys": ["id"], "window": "1 fortnight"}, "`window` must be a number and"),
        ({"keys": ["id"], "zone": "Mars/Olympus"}, "`time_zone` must be a name"),
        ({"keys": ["id"], "time": "group"}, "`time` must name a column of dates"),
        ({"keys": ["id"], "now": "soon"}, "`as_of` must be an ISO 8601 time"),
        ({"keys": ["id"], "metric": "rmse"}, "`metric` must be one that classification has"),
        ({"keys": ["id"], "tolerance": 1.5}, "`tolerance` must be a share"),
        ({"keys": ["id"], "min_labelled": 2.0}, "`min_labelled` must be a share"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, more, message):
    table = binary(tmp_path / "t", 100, labels="none")
    apart = labels_of(tmp_path / "l", id=np.arange(100), target=["yes", "no"] * 50)
    with pytest.raises(InputError, match=message):
        monitor(table, "", apart, **more)


def test_keys_and_labels_of_another_type_are_refused(tmp_path):
    table = binary(tmp_path / "t", 100, labels="none")
    text = labels_of(tmp_path / "text", id=[str(n) for n in range(100)], target=["yes"] * 100)
    with pytest.raises(InputError, match=r"'id' is int64 in the one and string in the other"):
        monitor(table, "", text, ["id"])
    number = labels_of(tmp_path / "number", id=np.arange(100), target=np.arange(100) % 2)
    with pytest.raises(InputError, match="`labels` must hold labels of the predictions' type"):
        monitor(table, "", number, ["id"])


def test_a_row_without_a_prediction_is_refused(tmp_path):
    p = np.array([0.5, np.nan])
    with pytest.raises(InputError, match="Found: 1 rows where 'probability_no'"):
        monitor(binary(tmp_path / "t", 2, p=p))


def test_nothing_of_the_data_is_html(baseline, tmp_path):
    table = binary(tmp_path / "t", 300, truth=np.array(["yes", "no", "<b>"] * 100))
    outcome = monitor(table, baseline)
    outcome.write(tmp_path / "v.json", tmp_path / "p.html", tmp_path / "p.md")
    assert "<b>" not in (tmp_path / "p.html").read_text()
    assert (tmp_path / "p.html").stat().st_size < 500_000


def test_an_empty_now_is_the_clocks():
    assert abs(make_windows("", "", "UTC", "").now - datetime.now(UTC)) < timedelta(minutes=1)
