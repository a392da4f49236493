"""decide_retraining on a real MLflow store, and backtest_retraining on histories worked by hand."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from holdfast.errors import InputError
from holdfast.monitoring.backtest_retraining.logic import Costs, backtest
from holdfast.monitoring.decide_retraining import logic
from holdfast.monitoring.decide_retraining.logic import News, decide
from holdfast.monitoring.journal import Journal
from holdfast.monitoring.policy import read_policy
from holdfast.monitoring.windows import span, start_of
from holdfast.table import TableWriter, open_table
from holdfast.verdict import Verdict

NOW = datetime(2026, 12, 31, tzinfo=UTC)
TWO_OF_THREE = "{verdicts: {performance: [fail]}, bad_windows: 2, of_last: 3}"


def news(day, decision="fail", rows=None, **others):
    window = f"2026-11-{day:02d}" if isinstance(day, int) else day
    decisions = {"performance": decision, **others}
    return News(window, start_of(window), decisions, {"roc_auc": 0.7}, rows)


def answers(policy, windows, **options):
    return [decide(policy, "churn", each, now=NOW, **options).known.answer for each in windows]


def hindrances(policy, each, now=NOW):
    return {h.code: h.text for h in decide(policy, "churn", each, now=now).known.hindrances}


def days(decisions, first=1):
    return [news(day, decision) for day, decision in enumerate(decisions, first)]


# The policy


def test_two_bad_windows_of_three_retrain(store):
    windows = days(["fail", "pass", "fail", "pass"])
    assert answers(TWO_OF_THREE, windows) == ["wait", "wait", "retrain", "wait"]


def test_bad_windows_that_are_too_far_apart_do_not_retrain(store):
    windows = days(["fail", "pass", "pass", "fail", "pass", "pass", "fail"])
    assert answers(TWO_OF_THREE, windows) == ["wait"] * 7


def test_windows_from_before_a_retraining_do_not_count_again(store):
    windows = days(["fail", "fail", "fail", "fail"])
    assert answers(TWO_OF_THREE, windows) == ["wait", "retrain", "wait", "retrain"]


def test_only_the_named_decisions_are_bad(store):
    policy = "{verdicts: {performance: [fail], drift: [fail, warn]}}"
    assert answers(
        policy, [news(1, "warn", drift="pass"), news(2, "no_baseline", drift="warn")]
    ) == [
        "wait",
        "retrain",
    ]


def test_a_policy_may_want_all_verdicts_bad(store):
    policy = "{verdicts: {performance: [fail], drift: [fail]}, bad_if: all}"
    windows = [news(1, drift="pass"), news(2, drift="fail")]
    assert answers(policy, windows) == ["wait", "retrain"]


def test_a_cooldown_keeps_back_until_it_is_over(store):
    policy = "{verdicts: {performance: [fail]}, cooldown: 3d}"
    assert answers(policy, days(["fail"] * 5)) == ["retrain", "wait", "wait", "retrain", "wait"]
    found = hindrances(policy, news(6))
    assert found == {"cooldown": "Retrained after 2026-11-04: nothing until 2026-11-07."}


def test_a_month_has_its_budget(store):
    policy = "{verdicts: {performance: [fail]}, monthly_budget: 2}"
    assert answers(policy, days(["fail"] * 3)) == ["retrain", "retrain", "wait"]
    assert hindrances(policy, news(30)) == {"budget": "2 of 2 retrainings of 2026-11 are spent."}
    assert answers(policy, [news("2026-12-01")]) == ["retrain"]


def test_new_rows_are_counted_since_the_last_retraining(store):
    policy = "{verdicts: {performance: [fail]}, min_rows: 100}"
    windows = [news(day, rows=60) for day in range(1, 5)]
    assert answers(policy, windows) == ["wait", "retrain", "wait", "retrain"]
    found = hindrances(policy, news(5, rows=60))
    assert found == {"rows": "60 new rows since the last retraining; 100 are needed."}


def test_rows_that_are_not_known_are_refused_where_they_are_needed(store):
    policy = "{verdicts: {performance: [fail]}, min_rows: 100}"
    with pytest.raises(InputError, match=r"`rows` must be known.*2026-11-01"):
        answers(policy, [news(1)])


def test_all_that_keeps_back_is_told(store):
    policy = """{verdicts: {performance: [fail]}, cooldown: 9d, monthly_budget: 1, min_rows: 50,
                 bad_windows: 2, of_last: 2}"""
    answers(policy, [news(1, rows=50), news(2, rows=50)])
    assert sorted(hindrances(policy, news(3, rows=10))) == [
        "bad_windows", "budget", "cooldown", "rows",
    ]  # fmt: skip


def test_with_a_rhythm_missing_windows_are_not_reached_over(store):
    policy = "{verdicts: {performance: [fail]}, bad_windows: 2, of_last: 3, every: 1d}"
    assert answers(policy, [news(1), news(4)]) == ["wait", "wait"]
    assert answers(policy, [news(6)]) == ["retrain"]


def test_a_window_of_long_ago_starts_nothing(store):
    policy = "{verdicts: {performance: [fail]}, stale_after: 3d}"
    late = datetime(2026, 11, 5, tzinfo=UTC)
    assert sorted(hindrances(policy, news(1), late)) == ["stale"]
    assert decide(policy, "churn", news(2), now=late).known.answer == "retrain"


# Memory


def test_a_step_that_is_tried_again_counts_once_and_gets_the_same_answer(store):
    windows = [news(1), news(1), news(1), news(2), news(2), news(3)]
    found = answers(TWO_OF_THREE, windows)
    assert found == ["wait", "wait", "wait", "retrain", "retrain", "wait"]
    assert len(store.search_model_versions("name = 'churn.retraining'")) == 3


def test_the_same_window_by_another_name_is_the_same(store):
    same = ["2026-11-01", "2026-11-01T00:00:00Z", "2026-11-01T01:00:00+01:00"]
    assert answers(TWO_OF_THREE, [news(name) for name in same]) == ["wait"] * 3


def test_later_labels_take_their_windows_place(store):
    windows = [*days(["pass", "fail"]), news(1, "fail")]
    assert answers(TWO_OF_THREE, windows) == ["wait", "wait", "retrain"]


def test_a_retraining_that_was_decided_is_not_taken_back(store):
    policy = "{verdicts: {performance: [fail]}, cooldown: 30d}"
    found = answers(policy, [news(1), news(1, "pass"), news(2)])
    assert found == ["retrain", "retrain", "wait"]


def test_windows_may_come_in_any_order(store):
    windows = days(["fail", "pass", "fail", "fail", "fail"])
    found = answers(TWO_OF_THREE, [windows[i] for i in (3, 1, 2, 0, 4)])
    # 4: one bad. 2: still one. 3: two of the last three, up to 4. 1: from before the retraining.
    # 5: the only one since.
    assert found == ["wait", "wait", "retrain", "wait", "wait"]


def test_a_late_window_does_not_reach_behind_a_cooldown(store):
    policy = "{verdicts: {performance: [fail]}, cooldown: 5d}"
    answers(policy, [news(10)])
    assert sorted(hindrances(policy, news(2))) == ["bad_windows", "cooldown"]


def test_what_is_watched_has_a_memory_of_its_own(store):
    answers(TWO_OF_THREE, [news(1)])
    assert decide(TWO_OF_THREE, "fraud", news(2), now=NOW).known.answer == "wait"


def test_retrainings_are_remembered_for_longer_than_windows(store, monkeypatch):
    monkeypatch.setattr(logic, "KEPT", 3)
    policy = "{verdicts: {performance: [fail]}, cooldown: 9d}"
    assert answers(policy, days(["fail"] * 10)) == ["retrain", *["wait"] * 8, "retrain"]
    assert len(store.search_model_versions("name = 'churn.retraining'")) == 3


def test_a_dry_run_remembers_nothing(store):
    policy = "{verdicts: {performance: [fail]}, cooldown: 5d}"
    assert answers(policy, [news(1), news(2)], dry_run=True) == ["retrain", "retrain"]
    assert store.search_model_versions("name = 'churn.retraining'") == []


def test_of_two_steps_at_once_the_second_sees_what_the_first_decided(store, monkeypatch):
    policy = "{verdicts: {performance: [fail]}, cooldown: 5d}"
    append = Journal._append

    def come_between(journal, *arguments):
        monkeypatch.setattr(Journal, "_append", append)
        assert answers(policy, [news(1)]) == ["retrain"]
        return append(journal, *arguments)

    monkeypatch.setattr(Journal, "_append", come_between)
    assert answers(policy, [news(2)]) == ["wait"]


def test_of_many_windows_at_once_exactly_one_retrains(store):
    policy = "{verdicts: {performance: [fail]}, monthly_budget: 1}"
    together = threading.Barrier(4, timeout=60)

    def go(day):
        together.wait()
        return decide(policy, "churn", news(day), now=NOW).known.answer

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(go, range(1, 5)))
    assert found == ["retrain", "wait", "wait", "wait"]


def test_without_mlflow_the_step_fails(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match="MLFLOW_TRACKING_URI"):
        answers(TWO_OF_THREE, [news(1)])


# Inputs


def test_verdicts_and_rows_are_gathered(tmp_path):
    Verdict("warn").write(tmp_path / "verdict")
    batch = pa.RecordBatch.from_pydict({"a": [1, 2, 3]})
    with TableWriter(tmp_path / "table", batch.schema) as writer:
        writer.write(batch)
    paths = ["", "", "", str(tmp_path / "verdict"), "", ""]
    metrics = {"roc_auc": 0.7, "name": "x", "flag": True}
    found = logic.gather("2026-11-01/2026-11-02", paths, metrics, str(tmp_path / "table"), -1)
    assert found.decisions == {"performance": "warn"}
    assert (found.rows, found.metrics) == (3, {"roc_auc": 0.7})
    assert found.start == datetime(2026, 11, 1, tzinfo=UTC)
    assert logic.gather("2026-11-01", paths, {}, "", -1).rows is None
    assert logic.gather("2026-11-01", paths, {}, "", 5).rows == 5


@pytest.mark.parametrize("window", ["", "yesterday", "2026-13-01"])
def test_a_window_without_a_start_is_refused(window):
    with pytest.raises(InputError, match="`window` must be the start"):
        logic.gather(window, [""] * 6, {}, "", -1)


def test_a_verdict_that_the_policy_is_about_must_be_given(store):
    policy = "{verdicts: {drift: [fail]}}"
    with pytest.raises(InputError, match=r"Found: no \['drift'\]"):
        answers(policy, [news(1)])


@pytest.mark.parametrize(
    ("policy", "finding"),
    [
        ("", "Found: nothing"),
        ("{}", "verdicts"),
        ("{verdicts: {weather: [fail]}}", "weather"),
        ("{verdicts: {drift: [bad]}}", "verdicts.drift"),
        ("{verdicts: {drift: []}}", "decisions that make a window bad"),
        ("{verdicts: {drift: [fail]}, bad_windows: 3}", "not be more than of_last"),
        ("{verdicts: {drift: [fail]}, bad_windows: 0}", "bad_windows"),
        ("{verdicts: {drift: [fail]}, cooldown: 7}", "a span such as"),
        ("{verdicts: {drift: [fail]}, budget: 7}", "budget"),
    ],
)
def test_a_policy_that_breaks_the_grammar_is_refused(policy, finding):
    with pytest.raises(InputError, match=finding):
        read_policy(policy)


def test_the_policy_in_the_grammar_is_one():
    from holdfast.monitoring import policy

    lines = [line[4:] for line in policy.__doc__.split("\n") if line.startswith("    ")]
    assert read_policy("\n".join(lines)).monthly_budget == 4


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("2w", 14 * 86_400)])
def test_spans_are_read_with_their_unit(text, seconds):
    assert span(text) == timedelta(seconds=seconds)


# Back-test


def table(path, **columns):
    batch = pa.RecordBatch.from_pydict(columns)
    with TableWriter(path, batch.schema) as writer:
        writer.write(batch)
    return open_table(path)


def history(path, bad, lost, **more):
    """Ten days or so, with f for fail and L for lost."""
    return table(
        path,
        window=[f"2026-11-{day:02d}" for day in range(1, len(bad) + 1)],
        performance=["fail" if letter == "f" else "pass" for letter in bad],
        lost=[letter == "L" for letter in lost],
        **more,
    )


def tried(table, policy, costs=None, periodic=4, delay=0, truth="lost"):
    return backtest(table, policy, ("window", truth), costs or Costs(10, 3), periodic, delay)


ONE = "{verdicts: {performance: [fail]}}"


def test_a_back_test_counts_as_one_would_by_hand(tmp_path):
    #                                bad:  ..ff..f.....   lost: two drops, 3-6 and 10-11
    found = tried(history(tmp_path / "t", "..ff..f.....", "..LLLL...LL."), TWO_OF_THREE)
    policy, always, periodic, never = found.results
    # Retrained after day 4 (days 3 and 4 are bad); day 7 alone is not enough.
    assert policy.retrained == (3,)
    assert policy.missed == (2, 3, 9, 10)
    assert (policy.unanswered, policy.delay, policy.false_alarms) == (1, 1.0, ())
    assert found.metrics == {
        "windows": 12, "retrained": 1, "drops": 2, "drops_missed": 1, "windows_missed": 4,
        "false_alarms": 0, "delay": 1, "cost_policy": 10 + 12, "cost_always": 120 + 6,
        "cost_periodic": 30 + 3 * 4, "cost_never": 18,
    }  # fmt: skip
    assert always.missed == (2, 9)
    assert periodic.retrained == (3, 7, 11)
    assert periodic.missed == (2, 3, 9, 10)
    assert periodic.false_alarms == (7, 11)
    assert never.missed == (2, 3, 4, 5, 9, 10)


def test_a_retraining_without_a_drop_is_a_false_alarm(tmp_path):
    found = tried(history(tmp_path / "t", ".f.f", "...L"), ONE)
    assert found.results[0].retrained == (1, 3)
    assert found.results[0].false_alarms == (1,)


def test_after_a_retraining_the_rest_of_the_drop_does_not_happen(tmp_path):
    found = tried(history(tmp_path / "t", "ffff", "LLLL"), ONE)
    assert (found.results[0].retrained, found.results[0].missed) == ((0,), (0,))


def test_a_model_that_takes_its_time_leaves_windows_missed(tmp_path):
    found = tried(history(tmp_path / "t", "f....", "LLLLL"), ONE, delay=2)
    assert found.results[0].missed == (0, 1, 2)


def test_a_drop_that_goes_on_while_the_model_is_made_may_fire_again(tmp_path):
    found = tried(history(tmp_path / "t", "ff...", "LLLLL"), ONE, delay=2)
    assert (found.results[0].retrained, found.results[0].false_alarms) == ((0, 1), (1,))


def test_the_order_of_the_rows_does_not_count(tmp_path):
    ordered = history(tmp_path / "a", "..ff", "..LL")
    rows = ordered.read().to_pylist()[::-1]
    backward = table(tmp_path / "b", **{k: [row[k] for row in rows] for k in rows[0]})
    assert tried(backward, ONE).metrics == tried(ordered, ONE).metrics


def test_without_the_truth_only_retrainings_are_told(tmp_path):
    found = tried(history(tmp_path / "t", "..f.", "...."), ONE, truth="")
    assert found.metrics == {"windows": 4, "retrained": 1}
    assert "false alarms can be told" in found.report().markdown().replace("\\", "")


def test_the_same_back_test_gives_the_same_bytes(tmp_path):
    one = history(tmp_path / "t", "..ff..f.....", "..LLLL...LL.")
    for name in ("a", "b"):
        tried(one, TWO_OF_THREE).write(tmp_path / f"{name}.html", tmp_path / f"{name}.md")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert (tmp_path / "a.md").read_bytes() == (tmp_path / "b.md").read_bytes()


def test_what_decide_retraining_remembers_can_be_tried(store, tmp_path):
    for each in days(["pass", "fail", "fail", "pass"]):
        decided = decide(TWO_OF_THREE, "churn", each, now=NOW)
    metadata = decided.write(tmp_path / "summary.md", tmp_path / "history")
    assert metadata["rows"] == 4
    kept = open_table(tmp_path / "history")
    assert kept.read(["decision"]).to_pydict()["decision"] == ["wait", "wait", "retrain", "wait"]
    assert kept.read(["metric.roc_auc"]).to_pydict()["metric.roc_auc"] == [0.7] * 4
    found = tried(kept, TWO_OF_THREE, truth="bad")
    assert found.results[0].retrained == (2,)
    assert "Wait after 2026" in (tmp_path / "summary.md").read_text()


def test_a_policy_with_rows_is_tried_with_rows(tmp_path):
    policy = "{verdicts: {performance: [fail]}, min_rows: 25}"
    found = tried(history(tmp_path / "t", "ffff", "....", rows=[10, 10, 10, 10]), policy)
    assert found.results[0].retrained == (2,)


@pytest.mark.parametrize(
    ("columns", "finding"),
    [
        ({"window": ["2026-11-01"], "performance": ["fail"]}, r"no \['lost'\]"),
        ({"window": ["x"], "performance": ["fail"], "lost": [True]}, "start of each window"),
        ({"window": ["2026-11-01"], "performance": ["bad"], "lost": [True]}, "decisions"),
        ({"window": ["2026-11-01"], "performance": ["fail"], "lost": ["no"]}, "true or false"),
        ({"window": ["2026-11-01"] * 2, "performance": ["fail"] * 2, "lost": [True] * 2}, "once"),
    ],
)
def test_a_history_that_cannot_be_used_is_refused(tmp_path, columns, finding):
    with pytest.raises(InputError, match=f"`history` must.*{finding}"):
        tried(table(tmp_path / "t", **columns), ONE)


@pytest.mark.parametrize(
    "bad",
    [{"costs": Costs(-1, 0)}, {"costs": Costs(float("nan"), 0)}, {"periodic": 0}, {"delay": -1}],
)
def test_numbers_out_of_range_are_refused(tmp_path, bad):
    with pytest.raises(InputError, match="must be at least 0"):
        tried(history(tmp_path / "t", "f", "L"), ONE, **bad)
