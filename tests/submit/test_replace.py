"""Schedules against KFP's controller as it counts: nothing that is due is lost, nothing doubled."""

import contextlib
import threading
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from holdfast import ir
from holdfast.errors import InputError
from holdfast.kubeflow.api import Access
from holdfast.submit import pipelines, replace
from holdfast.submit.replace import bring_about
from holdfast.submit.schedules import Recurring, grid, is_enabled, mark_of
from tests.services.kfp_schedules import pass_time
from tests.services.kfp_server import Fault, kfp_server
from tests.submit.conftest import QUICK, START, sent_to

HOUR = timedelta(hours=1)


@pytest.fixture
def bring(kfp, reached, monkeypatch):
    """Return a function that brings a schedule about at the server's time."""
    return at_the_servers_time(kfp, reached, monkeypatch)


def at_the_servers_time(kfp, reached, monkeypatch):
    kfp.clock = START
    monkeypatch.setattr(replace, "grid", lambda s, n, now=None: grid(s, n, now or kfp.clock))

    class Clock(datetime):
        @classmethod
        def now(cls, zone=None):
            return kfp.clock

    monkeypatch.setattr(replace, "datetime", Clock)

    def go(schedule):
        return bring_about(reached, schedule, pipelines.ensure(reached, schedule.upload))

    return go


def due(kfp):
    """Return the hours after START for which runs were started, in order."""
    times = [datetime.fromisoformat(run.display_name.split()[-1]) for run in kfp.runs]
    return sorted((time - START) / HOUR for time in times)


def test_a_new_schedule_is_what_was_asked_for(kfp, bring, schedule):
    made = bring(
        schedule(cron="0 30 3 * * *", start="2026-12-01T00:00:00Z", end="2027-01-01T00:00:00Z",
                 max_concurrency=3, catchup=False, experiment="nightly")
    )  # fmt: skip
    (found,) = kfp.recurring
    assert found.recurring_run_id == made.recurring_run_id
    assert (found.display_name, found.mode, found.max_concurrency) == ("hourly", "ENABLE", "3")
    assert found.no_catchup is True
    assert found.trigger.cron_schedule.cron == "0 30 3 * * *"
    assert found.trigger.cron_schedule.start_time.isoformat() == "2026-12-01T00:00:00+00:00"
    assert found.trigger.cron_schedule.end_time.isoformat() == "2027-01-01T00:00:00+00:00"
    assert found.runtime_config.parameters == {"uri": "s3://b/t"}
    assert kfp.objects["experiments"][0].display_name == "nightly"
    reference = found.pipeline_version_reference
    assert reference.pipeline_version_id == kfp.objects["pipeline_versions"][0].pipeline_version_id
    assert mark_of(found)[1] == "command-line"


def test_a_second_call_changes_nothing(kfp, bring, schedule):
    bring(schedule())
    kfp.calls.clear()
    bring(schedule())
    assert {method for method, _ in kfp.calls} == {"GET"}
    assert len(kfp.recurring) == 1


def test_disabled_and_enabled_without_another_one(kfp, bring, schedule):
    first = bring(schedule(enabled=False))
    assert kfp.recurring[0].mode == "DISABLE"
    for enabled in (True, False):
        assert bring(schedule(enabled=enabled)).recurring_run_id == first.recurring_run_id
        assert is_enabled(kfp.recurring[0]) is enabled


@pytest.mark.parametrize("due_by", [{"every": "1h"}, {"cron": "0 0 * * * *"}])
@pytest.mark.parametrize("catchup", [True, False])
@pytest.mark.parametrize("tells_due", [True, False])
@pytest.mark.parametrize("minutes", [10, 60, 90, 181])
def test_a_replaced_schedule_goes_on_in_the_old_ones_times(
    kfp, bring, schedule, due_by, catchup, minutes, tells_due
):
    kfp.tells_due = tells_due
    bring(schedule(**due_by, catchup=catchup))
    pass_time(kfp, START + timedelta(minutes=minutes))
    bring(schedule(**due_by, catchup=catchup, parameters={"uri": "s3://b/other"}))
    assert [m.runtime_config.parameters["uri"] for m in kfp.recurring] == ["s3://b/other"]
    pass_time(kfp, START + 5 * HOUR)
    assert due(kfp) == [1, 2, 3, 4, 5]


def test_what_falls_due_while_neither_is_enabled_is_made_up_for(kfp, bring, schedule):
    bring(schedule())
    pass_time(kfp, START + 90 * HOUR / 60)
    lost = Fault("POST", "/recurringruns/.*:enable", 400, b"{}")
    kfp.faults.append(lost)
    with pytest.raises(InputError, match="HTTP 400"):
        bring(schedule(parameters={"uri": "new"}))
    assert [m.mode for m in kfp.recurring] == ["DISABLE", "DISABLE"]
    pass_time(kfp, START + 4 * HOUR)
    bring(schedule(parameters={"uri": "new"}))
    assert [m.mode for m in kfp.recurring] == ["ENABLE"]
    pass_time(kfp, START + 5 * HOUR)
    assert due(kfp) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("due_by", [{"every": "1h"}, {"cron": "0 0 * * * *"}])
def test_what_the_old_one_starts_meanwhile_is_not_started_twice(
    kfp, bring, schedule, due_by, monkeypatch
):
    """The old one is still on when the new one is made, and its time comes before it is off."""
    bring(schedule(**due_by))
    pass_time(kfp, START + timedelta(minutes=119))
    create = Recurring.create

    def late(*arguments):
        made = create(*arguments)
        pass_time(kfp, START + timedelta(minutes=121))
        return made

    monkeypatch.setattr(Recurring, "create", late)
    bring(schedule(**due_by, parameters={"uri": "new"}))
    pass_time(kfp, START + 3 * HOUR)
    assert due(kfp) == [1, 2, 3]
    assert len(kfp.recurring) == 1


CALLS = [
    ("GET", "/recurringruns"), ("GET", "/experiments"), ("GET", "/runs"),
    ("POST", "/recurringruns"), ("POST", "/recurringruns/.*:disable"),
    ("POST", "/recurringruns/.*:enable"), ("DELETE", "/recurringruns/.*"),
]  # fmt: skip


@pytest.mark.parametrize("after", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_call_that_is_cut_off_anywhere_is_finished_by_the_next(
    kfp, bring, schedule, method, path, after
):
    bring(schedule())
    pass_time(kfp, START + timedelta(minutes=150))
    kfp.faults.append(Fault(method, path, 418, b"{}", after=after))
    with pytest.raises(InputError, match="HTTP 418"):
        bring(schedule(parameters={"uri": "new"}))
    assert sum(is_enabled(made) for made in kfp.recurring) <= 1
    pass_time(kfp, START + timedelta(minutes=250))
    bring(schedule(parameters={"uri": "new"}))
    (found,) = kfp.recurring
    assert (found.mode, found.runtime_config.parameters["uri"]) == ("ENABLE", "new")
    pass_time(kfp, START + 5 * HOUR)
    assert due(kfp) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("method", "path"), CALLS[3:])
@pytest.mark.parametrize("lost", [{"after": True}, {"status": 503}, {"status": 500, "after": True}])
def test_a_lost_answer_is_got_over(kfp, bring, schedule, method, path, lost):
    bring(schedule())
    pass_time(kfp, START + timedelta(minutes=150))
    kfp.faults.append(Fault(method, path, **lost))
    bring(schedule(parameters={"uri": "new"}))
    assert [m.mode for m in kfp.recurring] == ["ENABLE"]
    pass_time(kfp, START + 4 * HOUR)
    assert due(kfp) == [1, 2, 3, 4]


@given(
    due_by=st.sampled_from([{"every": "1h"}, {"cron": "0 0 * * * *"}]),
    tells_due=st.booleans(),
    steps=st.lists(
        st.tuples(st.integers(1, 150), st.none() | st.sampled_from(CALLS), st.booleans()),
        min_size=1, max_size=4,
    ),
)  # fmt: skip
# A failure is told as it is found: to make it smaller takes minutes.
@settings(
    max_examples=15, deadline=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_each_time_has_one_run_whatever_is_changed_when_and_cut_off_where(
    schedule, due_by, tells_due, steps
):
    with kfp_server() as kfp, pytest.MonkeyPatch.context() as patch:
        kfp.tells_due = tells_due
        go = at_the_servers_time(kfp, Access(kfp.url, patience=QUICK), patch)
        go(schedule(**due_by))
        passed = timedelta(0)
        for number, (minutes, call, after) in enumerate(steps):
            passed += timedelta(minutes=minutes)
            pass_time(kfp, START + passed)
            if call:
                kfp.faults[:] = [Fault(*call, 418, b"{}", after=after)]
            with contextlib.suppress(InputError):
                go(schedule(**due_by, parameters={"uri": f"{number}"}))
            kfp.faults.clear()
        # What was cut off is called again.
        go(schedule(**due_by, parameters={"uri": f"{len(steps) - 1}"}))
        pass_time(kfp, START + 12 * HOUR)
        assert due(kfp) == list(range(1, 13))
        assert len(kfp.recurring) == 1


def test_what_kfp_refuses_leaves_the_old_one_running(kfp, bring, schedule):
    bring(schedule())
    kfp.faults.append(Fault("POST", "/recurringruns", 400, b'{"message": "no"}'))
    with pytest.raises(InputError, match="HTTP 400: no"):
        bring(schedule(parameters={"uri": "new"}))
    assert [m.mode for m in kfp.recurring] == ["ENABLE"]
    pass_time(kfp, START + 2 * HOUR)
    assert due(kfp) == [1, 2]


def test_other_times_count_from_the_replacement(kfp, bring, schedule):
    """A start long ago would have KFP make up for all that the old one did."""
    bring(schedule(every="1h", start="2026-11-21T12:00:00Z"))
    pass_time(kfp, START + timedelta(minutes=150))
    bring(schedule(every="2h", start="2026-11-21T12:00:00Z"))
    pass_time(kfp, START + 5 * HOUR)
    assert due(kfp) == [1, 2, 4.5]


def test_a_paused_schedule_that_is_changed_does_not_make_up_for_the_pause(kfp, bring, schedule):
    bring(schedule(cron="0 0 * * * *"))
    pass_time(kfp, START + HOUR)
    bring(schedule(cron="0 0 * * * *", enabled=False))
    pass_time(kfp, START + 4.5 * HOUR)
    bring(schedule(cron="0 0 * * * *", parameters={"uri": "new"}))
    pass_time(kfp, START + 6 * HOUR)
    assert due(kfp) == [1, 5, 6]


@pytest.mark.parametrize("due_by", [{"every": "1h"}, {"cron": "0 0 * * * *"}])
def test_runs_that_somebody_deleted_are_not_started_again(kfp, bring, schedule, due_by):
    bring(schedule(**due_by))
    pass_time(kfp, START + timedelta(minutes=200))
    kfp.runs.clear()
    bring(schedule(**due_by, parameters={"uri": "new"}))
    pass_time(kfp, START + 5 * HOUR)
    assert due(kfp) == [4, 5]


def test_a_run_that_goes_is_not_ended_by_the_replacement(kfp, bring, schedule):
    bring(schedule())
    pass_time(kfp, START + HOUR, state="RUNNING")
    bring(schedule(parameters={"uri": "new"}))
    assert [run.state for run in kfp.runs] == ["RUNNING"]


def test_a_changed_yaml_is_a_changed_schedule(kfp, bring, schedule, changed):
    bring(schedule())
    bring(schedule(file=changed))
    (found,) = kfp.recurring
    newest = kfp.objects["pipeline_versions"][-1].pipeline_version_id
    assert found.pipeline_version_reference.pipeline_version_id == newest


def test_two_at_once_make_one(kfp, compiled, schedule):
    """Both have looked before either makes it: KFP then holds two of the name."""
    from dataclasses import replace as with_

    reached = Access(kfp.url, patience=with_(QUICK, settle=1.5))
    uploaded = pipelines.ensure(reached, pipelines.upload_of(ir.read(compiled)))
    together = threading.Barrier(2, timeout=120)
    original = Recurring.create
    found = []

    def create(*arguments):
        together.wait()
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recurring, "create", create)
        threads = [
            threading.Thread(
                target=lambda: found.append(bring_about(reached, schedule(), uploaded))
            )
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [m.mode for m in kfp.recurring] == ["ENABLE"]
    assert {each.recurring_run_id for each in found} == {kfp.recurring[0].recurring_run_id}
    assert len(sent_to(kfp, "/recurringruns")) == 2


def test_others_of_the_name_are_left_alone(kfp, bring, schedule):
    """By another owner, by hand, and with another case: the database finds all of them."""
    bring(schedule(owner="team"))
    bring(schedule(name="HOURLY"))
    kfp.add("recurring_runs", display_name="hourly", description="mine", mode="ENABLE")
    bring(schedule())
    bring(schedule(parameters={"uri": "new"}))
    assert len(kfp.recurring) == 4
    assert all(is_enabled(made) for made in kfp.recurring)


@pytest.mark.parametrize(
    ("more", "finding"),
    [({"name": ""}, "`name`"), ({"name": "n\u00e4chte"}, "`name`"), ({"name": "n" * 129}, "`name`"),
     ({"experiment": "e\n"}, "`experiment`"), ({"owner": "a b"}, "`owner`"),
     ({"max_concurrency": 0}, "`max_concurrency`"), ({"max_concurrency": 11}, "1 to 10")],
)  # fmt: skip
def test_what_kfp_would_not_take_is_refused(schedule, more, finding):
    with pytest.raises(InputError, match=finding):
        schedule(**more).check()
