"""trigger_run against a server that speaks Kubeflow Pipelines' API."""

import logging
import threading
import time
from dataclasses import replace

import pytest

from holdfast.errors import GateError, InputError, MachineError
from holdfast.kubeflow import api
from holdfast.kubeflow.api import Access, Patience
from holdfast.kubeflow.parameters import checked
from holdfast.monitoring.trigger_run.logic import TriggerRequest, follow, trigger
from tests.services.kfp_server import Fault, kfp_server

CANARY = "T0KENcanary99"
QUICK = Patience(attempts=3, timeout=20, wait=0.01, settle=0)
# For a server that hangs, which it does for longer than that.
SHORT = Patience(attempts=3, timeout=5, wait=0.01, settle=0)
SPEC = {
    "root": {
        "inputDefinitions": {
            "parameters": {
                "uri": {"parameterType": "STRING"},
                "trials": {"parameterType": "NUMBER_INTEGER", "defaultValue": 30},
                "rate": {"parameterType": "NUMBER_DOUBLE", "isOptional": True},
                "tune": {"parameterType": "BOOLEAN", "defaultValue": False},
                "columns": {"parameterType": "LIST", "defaultValue": []},
                "bounds": {"parameterType": "STRUCT", "defaultValue": {}},
            }
        }
    }
}
REQUEST = TriggerRequest("training", "2026-11-21", "churn", parameters={"uri": "s3://b/t"})


@pytest.fixture
def kfp(monkeypatch, tmp_path):
    monkeypatch.delenv("KFP_TOKEN", raising=False)
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "none"))
    with kfp_server() as server:
        server.add_pipeline("training", SPEC, "v1")
        yield server


def access(server, patience=QUICK, **more):
    return Access(server.url, patience=patience, **more)


def request(**more):
    return TriggerRequest(**{**REQUEST.__dict__, **more})


def test_a_run_is_started_with_its_parameters(kfp):
    run = trigger(request(parameters={"uri": "s3://b/t", "trials": 5.0}), access(kfp))
    (made,) = kfp.runs
    assert (run.run_id, run.started, run.state) == (made.run_id, True, "PENDING")
    assert run.url == f"{kfp.url}/#/runs/details/{made.run_id}"
    assert made.display_name == "training churn 2026-11-21"
    assert made.runtime_config.parameters == {"uri": "s3://b/t", "trials": 5}
    assert type(made.runtime_config.parameters["trials"]) is int
    assert [e.display_name for e in kfp.objects["experiments"]] == ["Default"]


def test_a_second_call_for_the_window_finds_the_run(kfp):
    first = trigger(REQUEST, access(kfp))
    kfp.finish(first.run_id, "SUCCEEDED")
    second = trigger(REQUEST, access(kfp))
    assert (second.run_id, second.started, second.state) == (first.run_id, False, "SUCCEEDED")
    assert len(kfp.runs) == 1


@pytest.mark.parametrize("other", [{"window": "2026-11-22"}, {"purpose": "fraud"}])
def test_another_window_or_purpose_is_another_run(kfp, other):
    trigger(REQUEST, access(kfp))
    assert trigger(request(**other), access(kfp)).started
    assert len(kfp.runs) == 2


def test_a_run_that_a_person_gave_the_same_name_is_not_taken_for_it(kfp):
    experiment = kfp.add("experiments", display_name="Default")
    kfp.add("runs", display_name=REQUEST.display_name, experiment_id=experiment.experiment_id)
    assert trigger(REQUEST, access(kfp)).started


def test_names_that_differ_in_case_are_different(kfp):
    trigger(request(window="Week-1"), access(kfp))
    assert trigger(request(window="week-1"), access(kfp)).started


def test_a_found_run_with_other_parameters_is_told(kfp):
    trigger(REQUEST, access(kfp))
    run = trigger(request(parameters={"uri": "s3://other"}), access(kfp))
    assert not run.started
    assert "other parameters" in run.page.markdown()


def test_a_failed_run_is_started_again_only_if_wanted(kfp):
    first = trigger(REQUEST, access(kfp))
    kfp.finish(first.run_id, "FAILED")
    assert trigger(REQUEST, access(kfp)).state == "FAILED"
    again = trigger(request(rerun_failed=True), access(kfp))
    assert again.started
    assert trigger(request(rerun_failed=True), access(kfp)).run_id == again.run_id


# Two at once


def test_an_answer_that_got_lost_starts_no_second_run(kfp):
    kfp.faults.append(Fault("POST", "/runs", after=True))
    run = trigger(REQUEST, access(kfp))
    assert [r.run_id for r in kfp.runs] == [run.run_id]


@pytest.mark.parametrize(
    "fault",
    [Fault("POST", "/runs", 503), Fault("POST", "/runs", hangs=True, after=True)],
    ids=["refused", "hangs"],
)
def test_a_start_that_did_not_answer_is_tried_again(kfp, fault):
    kfp.faults.append(fault)
    assert trigger(REQUEST, access(kfp, SHORT if fault.hangs else QUICK)).started
    assert len(kfp.runs) == 1


def test_of_two_starts_at_once_one_run_stays(kfp):
    """Both have looked before either starts: KFP then holds two runs of the name."""
    together = threading.Barrier(2, timeout=120)
    kfp.before_create = together.wait
    found = []

    def go():
        found.append(trigger(request(), access(kfp, replace(QUICK, settle=1.5))))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.run_id for run in found}) == 1
    assert sorted(run.started for run in found) == [False, True]
    assert sorted(run.state for run in kfp.runs) == ["CANCELED", "PENDING"]
    kept = next(run for run in kfp.runs if run.state == "PENDING")
    assert found[0].run_id == kept.run_id
    # Whoever comes later finds the one that stayed.
    kfp.before_create = lambda: None
    assert trigger(REQUEST, access(kfp)).run_id == kept.run_id


def test_an_experiment_that_somebody_else_made_meanwhile_is_used(kfp, monkeypatch):
    create = kfp.create_experiment

    def late(body):
        kfp.add("experiments", display_name="Default")
        return create(body)

    monkeypatch.setattr(kfp, "create_experiment", late)
    assert trigger(REQUEST, access(kfp)).started
    assert len(kfp.objects["experiments"]) == 1


# What is looked for


def test_without_a_version_the_newest_is_run(kfp):
    kfp.add_pipeline("training", SPEC, "v2")
    newest = kfp.objects["pipeline_versions"][-1]
    trigger(REQUEST, access(kfp))
    trigger(request(window="2026-11-22", version="v1"), access(kfp))
    versions = [r.pipeline_version_reference.pipeline_version_id for r in kfp.runs]
    assert versions[0] == newest.pipeline_version_id
    assert versions[1] == kfp.objects["pipeline_versions"][0].pipeline_version_id


def test_a_pipeline_is_found_by_its_id_behind_many_others(kfp):
    for n in range(410):
        kfp.add("pipelines", name=f"other-{n}", display_name=f"other-{n}")
    last = kfp.add_pipeline("last", SPEC)
    assert trigger(request(pipeline=last.pipeline_id), access(kfp)).started
    pages = [call for call in kfp.calls if call == ("GET", "/pipelines")]
    assert len(pages) == 4


def test_an_unknown_pipeline_is_refused_with_those_that_there_are(kfp):
    with pytest.raises(InputError, match=r"`pipeline`.*\['training'\].*Found: 'other'"):
        trigger(request(pipeline="other"), access(kfp))


def test_an_unknown_version_is_refused_with_those_that_there_are(kfp):
    with pytest.raises(InputError, match=r"`version`.*\['v1'\].*Found: 'v9'"):
        trigger(request(version="v9"), access(kfp))
    assert kfp.runs == []


def test_a_namespace_is_looked_into_alone(kfp):
    kfp.add_pipeline("theirs", SPEC, namespace="team")
    assert trigger(request(pipeline="theirs"), access(kfp, namespace="team")).started
    with pytest.raises(InputError, match=r"`pipeline`.*in namespace team"):
        trigger(REQUEST, access(kfp, namespace="team"))


# Refusals


def test_without_a_valid_token_it_says_where_the_token_comes_from(kfp, monkeypatch):
    kfp.token = CANARY
    with pytest.raises(InputError, match=r"HTTP 401.*KFP_TOKEN"):
        trigger(REQUEST, access(kfp))
    monkeypatch.setenv("KFP_TOKEN", CANARY)
    assert trigger(REQUEST, access(kfp)).started


def test_a_mounted_token_is_read_anew_for_each_call(kfp, monkeypatch, tmp_path):
    file = tmp_path / "token"
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(file))
    file.write_text("old\n")
    reached = access(kfp)
    run = trigger(REQUEST, reached)
    file.write_text(f"{CANARY}\n")
    kfp.token = CANARY
    kfp.finish(run.run_id, "SUCCEEDED")
    assert follow(run, reached, 1) == "SUCCEEDED"


def test_a_token_that_no_header_can_hold_is_not_shown(kfp, monkeypatch):
    monkeypatch.setenv("KFP_TOKEN", f"{CANARY}\nX-Evil: 1")
    with pytest.raises(InputError, match="KFP_TOKEN must hold a token") as told:
        trigger(REQUEST, access(kfp))
    assert CANARY not in str(told.value)


def test_a_forbidden_namespace_says_what_is_lacking(kfp):
    kfp.forbidden = ("team",)
    with pytest.raises(InputError, match=r"HTTP 403.*role in namespace team"):
        trigger(REQUEST, access(kfp, namespace="team"))


def test_a_login_page_is_told_as_such(kfp):
    moved = Fault("GET", "/runs", 302, headers=(("Location", f"{kfp.url}/dex/login"),))
    kfp.faults.append(moved)
    with pytest.raises(InputError, match=r"HTTP 302.*login page"):
        trigger(REQUEST, access(kfp))
    assert ("GET", "/dex/login") not in kfp.calls


@pytest.mark.parametrize(("status", "tries"), [(409, 1), (400, 1), (500, 3)])
def test_a_refused_start_is_told(kfp, status, tries):
    kfp.faults.append(Fault("POST", "/runs", status, b'{"message": "It is so."}', times=9))
    with pytest.raises(MachineError if status == 500 else InputError, match=f"{status}: It is so"):
        trigger(REQUEST, access(kfp))
    assert kfp.calls.count(("POST", "/runs")) == tries


def test_a_server_that_is_away_is_told_after_some_tries(kfp):
    with pytest.raises(MachineError, match=r"127.0.0.1:9 must answer.*`endpoint`"):
        trigger(REQUEST, Access("http://127.0.0.1:9", patience=QUICK))


def test_lists_are_asked_for_again(kfp):
    kfp.faults.append(Fault("GET", "/pipelines", 503))
    kfp.faults.append(Fault("GET", "/runs"))
    assert trigger(REQUEST, access(kfp)).started


@pytest.mark.parametrize("endpoint", ["kfp:8888", "http://u:p@kfp", "ftp://kfp", "http://kfp?t=1"])
def test_an_endpoint_that_cannot_be_used_is_refused(endpoint):
    with pytest.raises(InputError, match="`endpoint` must be") as told:
        trigger(REQUEST, Access(endpoint, patience=QUICK))
    assert "u:p" not in str(told.value)


def test_the_endpoint_is_the_one_given_or_the_variable_or_the_clusters(monkeypatch):
    monkeypatch.delenv("KFP_ENDPOINT", raising=False)
    assert api.access("", "", "").endpoint == "http://ml-pipeline.kubeflow:8888"
    monkeypatch.setenv("KFP_ENDPOINT", "http://here")
    assert api.access("", "", "").endpoint == "http://here"
    assert api.access("http://there", "", "").endpoint == "http://there"


@pytest.mark.parametrize("bad", [{"window": ""}, {"pipeline": " "}, {"window": "w" * 200}])
def test_a_run_without_a_proper_name_is_refused(kfp, bad):
    with pytest.raises(InputError, match=r"`pipeline`|`window`"):
        trigger(request(**bad), access(kfp))


def test_the_token_is_in_nothing_that_is_written(kfp, monkeypatch, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("KFP_TOKEN", CANARY)
    run = trigger(REQUEST, access(kfp))
    echo = f'{{"message": "no {CANARY}"}}'.encode()
    kfp.faults.append(Fault("GET", "/runs", 400, echo))
    with pytest.raises(InputError) as told:
        trigger(REQUEST, access(kfp))
    out, err = capfd.readouterr()
    for text in (str(told.value), repr(run), run.page.markdown(), caplog.text, out, err):
        assert CANARY not in text


# Parameters


def test_parameters_keep_their_types():
    given = {"uri": "u", "trials": 3.0, "rate": 1, "tune": True, "columns": [1.0, "a"],
             "bounds": {"low": 2.0}}  # fmt: skip
    found = checked(SPEC, given)
    assert found == {"uri": "u", "trials": 3, "rate": 1, "tune": True, "columns": [1, "a"],
                     "bounds": {"low": 2}}  # fmt: skip
    assert type(found["columns"][0]) is int


def test_a_spec_beside_its_platforms_is_read():
    assert checked({"pipeline_spec": SPEC, "platform_spec": {}}, {"uri": "u"}) == {"uri": "u"}


@pytest.mark.parametrize(
    ("given", "finding"),
    [
        ({}, r"no \['uri'\]"),
        ({"uri": "u", "trails": 3}, r"Found: \['trails'\], which it does not have"),
        ({"uri": 3}, "uri is a text"),
        ({"uri": "u", "trials": "3"}, "trials is a whole number. Found: '3' of type str"),
        ({"uri": "u", "trials": 3.5}, "trials is a whole number"),
        ({"uri": "u", "trials": True}, "trials is a whole number"),
        ({"uri": "u", "tune": 1}, "tune is true or false"),
        ({"uri": "u", "columns": "a"}, "columns is a list"),
        ({"uri": "u", "bounds": []}, "bounds is a mapping"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_before_anything_starts(kfp, given, finding):
    with pytest.raises(InputError, match=f"`parameters`.*{finding}"):
        trigger(request(parameters=given), access(kfp))
    assert ("POST", "/runs") not in kfp.calls


# Waiting


def test_waiting_ends_with_the_run(kfp):
    run = trigger(REQUEST, access(kfp))

    def later():
        time.sleep(0.3)
        kfp.finish(run.run_id, "SUCCEEDED")

    threading.Thread(target=later).start()
    assert follow(run, access(kfp), 1, poll=0.05) == "SUCCEEDED"


@pytest.mark.parametrize("state", ["FAILED", "CANCELED"])
def test_a_run_that_did_not_succeed_fails_the_waiting_step(kfp, state):
    run = trigger(REQUEST, access(kfp))
    kfp.finish(run.run_id, state)
    with pytest.raises(GateError, match=f"it is {state}. See {kfp.url}"):
        follow(run, access(kfp), 1)


def test_a_run_that_takes_too_long_fails_the_waiting_step(kfp):
    run = trigger(REQUEST, access(kfp))
    with pytest.raises(GateError, match=r"it is PENDING after 0.001 minutes"):
        follow(run, access(kfp), 0.001, poll=0.05)


def test_without_minutes_nobody_waits(kfp):
    run = trigger(REQUEST, access(kfp))
    assert follow(run, access(kfp), 0) == "PENDING"
    assert ("GET", f"/runs/{run.run_id}") not in kfp.calls
