"""`holdfast submit` against a server that speaks KFP's API."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import kfp_server_api as models
import pytest
import yaml

from tests.services.kfp_server import Fault
from tests.submit.conftest import sent_to
from tests.support import ROOT

GIVEN = ("-p", "uri=s3://b/t")
CANARY = "T0KENcanary99"


def test_a_run_is_started_with_typed_parameters(kfp, cli, compiled):
    done = cli("submit", compiled, *GIVEN, "-p", "trials=5", "-p", "rate=1", "-p", "tune=True",
               "-p", 'columns=["a", 1]', "-p", 'bounds={"low": 2.5}')  # fmt: skip
    (run,) = kfp.runs
    assert (done.code, done.stdout) == (0, f"{kfp.url}/#/runs/details/{run.run_id}\n")
    assert run.runtime_config.parameters == {
        "uri": "s3://b/t", "trials": 5, "rate": 1.0, "tune": True, "columns": ["a", 1],
        "bounds": {"low": 2.5},
    }  # fmt: skip
    assert [e.display_name for e in kfp.objects["experiments"]] == ["Default"]
    assert run.pipeline_version_reference.pipeline_version_id == (
        kfp.objects["pipeline_versions"][0].pipeline_version_id
    )


def test_a_name_of_the_catalog_is_submitted(kfp, cli):
    assert cli("submit", "training", "-p", "uri=s3://b/t", "-p", "target=c").code == 0
    assert kfp.objects["pipelines"][0].name == "training"


def test_parameters_and_defaults_are_shown_before_anything_is_sent(kfp, cli, compiled):
    kfp.faults.append(Fault("GET", "/healthz", 401))
    done = cli("submit", compiled, *GIVEN)
    assert done.code == 2
    lines = [" ".join(line.split()) for line in done.stderr.splitlines()]
    assert 'uri "s3://b/t"' in lines
    assert "trials 30 (default)" in lines
    assert "columns [] (default)" in lines


def test_the_same_again_starts_nothing_and_gives_the_runs_address(kfp, cli, compiled):
    first = cli("submit", compiled, *GIVEN)
    second = cli("submit", compiled, *GIVEN)
    assert (second.code, second.stdout) == (0, first.stdout)
    assert "nothing started" in second.stderr
    assert len(kfp.runs) == 1


def test_where_the_same_has_failed_nothing_is_started_and_the_exit_code_says_so(kfp, cli, compiled):
    first = cli("submit", compiled, *GIVEN)
    kfp.finish(kfp.runs[0].run_id, "FAILED")
    second = cli("submit", compiled, *GIVEN)
    assert (second.code, second.stdout) == (1, first.stdout)
    assert "FAILED; --again starts another" in second.stderr
    assert len(kfp.runs) == 1


def test_what_was_started_again_for_a_failed_run_takes_its_place(kfp, cli, compiled):
    cli("submit", compiled, *GIVEN)
    kfp.runs[0].created_at -= timedelta(hours=1)
    kfp.finish(kfp.runs[0].run_id, "FAILED")
    again = cli("submit", compiled, *GIVEN, "--again")
    kfp.finish(kfp.runs[1].run_id, "SUCCEEDED")
    followed = cli("submit", compiled, *GIVEN, "--wait")
    assert (followed.code, followed.stdout) == (0, again.stdout)


@pytest.mark.parametrize("more", [["--json"], [], ["--dry-run"], ["--dry-run", "--json"]])
@pytest.mark.parametrize(
    "uri",
    ["postgresql://u:hunter22@h/t", "https://h/t.csv?X-Amz-Signature=hunter22"],
)
def test_secrets_in_addresses_are_not_shown(kfp, cli, compiled, uri, more):
    done = cli("submit", compiled, "-p", f"uri={uri}", *more)
    assert done.code == 0
    assert "hunter22" not in done.stdout + done.stderr
    assert "h/t" in done.stdout + done.stderr


def test_again_starts_another(kfp, cli, compiled):
    cli("submit", compiled, *GIVEN)
    kfp.runs[0].created_at -= timedelta(hours=1)
    # Its answer gets lost.
    kfp.faults.append(Fault("POST", "/runs", after=True))
    done = cli("submit", compiled, *GIVEN, "--again")
    first, second = kfp.runs
    assert (done.code, done.stdout) == (0, f"{kfp.url}/#/runs/details/{second.run_id}\n")
    assert first.display_name == second.display_name


def test_other_parameters_yaml_or_experiment_are_another_run(kfp, cli, compiled, changed):
    cli("submit", compiled, *GIVEN)
    cli("submit", compiled, *GIVEN, "-p", "trials=7")
    cli("submit", changed, *GIVEN)
    cli("submit", compiled, *GIVEN, "--experiment", "other")
    assert len(kfp.runs) == 4
    assert len(kfp.objects["pipeline_versions"]) == 2


def test_another_name_is_no_other_run(kfp, cli, compiled):
    cli("submit", compiled, *GIVEN, "--name", "tonight")
    assert "nothing started" in cli("submit", compiled, *GIVEN).stderr
    assert [run.display_name for run in kfp.runs] == ["tonight"]


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (("-p", "uri"), "NAME=VALUE"),
        ((), r"must be given \['uri'\]"),
        ((*GIVEN, "-p", "trails=3"), "Found: 'trails'"),
        ((*GIVEN, "-p", "trials=3.5"), "trials must be of type int"),
        ((*GIVEN, "-p", "rate=nan"), "rate must be of type float"),
        ((*GIVEN, "-p", "tune=1"), r"tune must be of type bool.* Write -p tune=true\."),
        ((*GIVEN, "-p", "columns=a"), r"Found: 'a'\. Write -p 'columns=\[\"a\"\]'\."),
        ((*GIVEN, "-p", "columns=a, b"), r"Write -p 'columns=\[\"a\", \"b\"\]'\."),
        ((*GIVEN, "-p", "columns=7"), r"Write -p 'columns=\[7\]'\."),
        ((*GIVEN, "-p", "columns=1,2"), r"Write -p 'columns=\[1,2\]'\."),
        ((*GIVEN, "-p", "columns="), r"Write -p 'columns=\[\"a\", \"b\"\]'\."),
        ((*GIVEN, "-p", "columns=[NaN]"), "columns must be of type list"),
        ((*GIVEN, "-p", "columns=" + "[" * 100_000), "columns must be of type list"),
        (
            (*GIVEN, "-p", "bounds=[]"),
            r"bounds must be of type dict.* Write -p 'bounds={\"a\": 1}'\.",
        ),
        ((*GIVEN, "--name", "n\u00e4chtlich"), "--name must be"),
        ((*GIVEN, "--experiment", ""), "--experiment must be"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(kfp, cli, compiled, arguments, finding):
    done = cli("submit", compiled, *arguments)
    assert done.code == 2
    assert re.search(finding, done.stderr)
    assert kfp.calls == []


@pytest.mark.parametrize("as_json", [True, False])
def test_a_dry_run_prints_what_would_be_sent_and_sends_nothing(
    kfp, cli, compiled, as_json, monkeypatch
):
    monkeypatch.setenv("KFP_TOKEN", CANARY)
    monkeypatch.setenv("KFP_COOKIE", f"authservice_session={CANARY}")
    done = cli("submit", compiled, "-p", "uri=postgresql://u:pass1234@h/t", "--dry-run",
               *(["--json"] if as_json else []), endpoint=False)  # fmt: skip
    document = json.loads(done.stdout) if as_json else yaml.safe_load(done.stdout)
    assert done.code == 0
    assert document["pipeline"] == "small"
    assert document["run"]["runtime_config"] == {"parameters": {"uri": "postgresql://h/t"}}
    assert kfp.calls == []
    assert CANARY not in done.stdout + done.stderr
    assert "pass1234" not in done.stdout + done.stderr


def test_what_a_dry_run_prints_is_what_is_sent(kfp, cli, compiled):
    shown = cli("submit", compiled, *GIVEN, "--dry-run", "--json").document["run"]
    cli("submit", compiled, *GIVEN)
    (sent,) = sent_to(kfp, "/runs")
    assert {key: sent[key] for key in shown} == shown
    assert set(sent) - set(shown) == {"experiment_id", "pipeline_version_reference"}


def test_json_tells_all(kfp, cli, compiled):
    document = cli("submit", compiled, *GIVEN, "--json").document
    (run,) = kfp.runs
    assert document["run_id"] == run.run_id
    assert document["url"] == f"{kfp.url}/#/runs/details/{run.run_id}"
    assert (document["started"], document["state"]) == (True, "PENDING")
    assert document["uploaded"] == ["pipeline", "version"]
    again = cli("submit", compiled, *GIVEN, "--json").document
    assert (again["started"], again["uploaded"], again["run_id"]) == (False, [], run.run_id)
    assert "error" in cli("submit", compiled, "--json").document


def test_links_lead_to_the_user_interface(kfp, cli, compiled):
    done = cli("submit", compiled, *GIVEN, "--ui", "https://kubeflow.example.com/pipeline/")
    assert done.stdout.startswith("https://kubeflow.example.com/pipeline/#/runs/details/")


def test_an_archived_experiment_is_told(kfp, cli, compiled):
    kfp.add("experiments", display_name="Default", storage_state="ARCHIVED")
    done = cli("submit", compiled, *GIVEN)
    assert done.code == 2
    assert "archived. Restore it" in done.stderr


def test_an_experiment_that_differs_in_case_alone_is_told(kfp, cli, compiled):
    kfp.add("experiments", display_name="DEFAULT", storage_state="AVAILABLE")
    done = cli("submit", compiled, *GIVEN)
    assert done.code == 2
    assert "'Default' beside KFP's 'DEFAULT'" in done.stderr


def test_of_two_at_once_one_run_stays(kfp, compiled):
    """Both have looked before either starts: KFP then holds two runs of the same."""
    from dataclasses import replace

    from holdfast import ir
    from holdfast.kubeflow.api import Access
    from holdfast.submit import pipelines, runs
    from tests.submit.conftest import QUICK

    reached = Access(kfp.url, patience=replace(QUICK, settle=1.5))
    uploaded = pipelines.ensure(reached, pipelines.upload_of(ir.read(compiled)))
    kfp.before_create = threading.Barrier(2, timeout=120).wait
    request = runs.RunRequest(uploaded.upload, {"uri": "u"})
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(runs.submit(reached, request, uploaded)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.run_id for run, _ in found}) == 1
    assert sorted(started for _, started in found) == [False, True]
    assert sorted(run.state for run in kfp.runs) == ["CANCELED", "PENDING"]


# Waiting


def task(name, state, start=0, end=None, error=None):
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    return models.V2beta1PipelineTaskDetail(
        task_id=f"id-{name}", display_name=name, state=state, create_time=at,
        start_time=at + timedelta(seconds=start),
        end_time=at + timedelta(seconds=end) if end else None,
        error=models.GoogleRpcStatus(message=error) if error else None,
    )  # fmt: skip


class Script:
    """Lets the first run of a server go through some answers, one for each look at it."""

    def __init__(self, kfp, *looks):
        self.kfp, self.looks, self.count = kfp, list(looks), 0
        self.get, kfp.get = kfp.get, self

    def __call__(self, kind, identity):
        run = self.get(kind, identity)
        if kind == "runs":
            state, *tasks = self.looks[min(self.count, len(self.looks) - 1)]
            self.count += 1
            run.state, run.run_details = state, models.V2beta1RunDetails(task_details=tasks)
        return run


NOISE = [task("root-driver", "SUCCEEDED", 0, 1), task("small", "RUNNING"),
         task("first-driver", "SUCCEEDED", 0, 1), task("executor", "RUNNING")]  # fmt: skip


def test_waiting_prints_a_line_for_each_change_of_a_step(kfp, cli, compiled):
    Script(
        kfp,
        ("PENDING",),
        ("RUNNING", *NOISE, task("first", "PENDING")),
        ("RUNNING", *NOISE, task("first", "RUNNING", 2)),
        ("RUNNING", *NOISE, task("first", "RUNNING", 2)),
        ("RUNNING", *NOISE, task("first", "SUCCEEDED", 2, 5.5), task("second", "RUNNING", 6)),
        (
            "SUCCEEDED",
            *NOISE,
            task("first", "SUCCEEDED", 2, 5.5),
            task("second", "SUCCEEDED", 6, 8),
        ),
    )
    done = cli("submit", compiled, *GIVEN, "--wait")
    lines = [line for line in done.stderr.splitlines() if line.startswith("[")]
    assert lines == [
        "[ 1/2] first              running",
        "[ 1/2] first              succeeded     3.5 s",
        "[ 2/2] second             running",
        "[ 2/2] second             succeeded     2.0 s",
    ]
    assert done.code == 0


def test_a_failed_run_is_one_and_says_which_step(kfp, cli, compiled):
    Script(kfp, ("FAILED", task("first", "FAILED", 0, 1, "This step is in Error")))
    done = cli("submit", compiled, *GIVEN, "--wait", "--json")
    assert done.code == 1
    assert "first: This step is in Error. See" in done.stderr
    document = done.document
    assert document["state"] == "FAILED"
    assert document["tasks"] == [
        {"name": "first", "status": "FAILED", "seconds": 1.0, "error": "This step is in Error"}
    ]


def test_waiting_for_a_run_that_was_there_tells_how_it_ended(kfp, cli, compiled):
    cli("submit", compiled, *GIVEN)
    kfp.finish(kfp.runs[0].run_id, "CANCELED")
    assert cli("submit", compiled, *GIVEN, "--wait").code == 1
    kfp.finish(kfp.runs[0].run_id, "SUCCEEDED")
    assert cli("submit", compiled, *GIVEN, "--wait").code == 0


def test_waiting_gets_over_an_outage_and_says_where_the_run_is_after_a_long_one(kfp, cli, compiled):
    Script(kfp, ("RUNNING",), ("SUCCEEDED",))
    one = "/runs/[^/:]+"
    kfp.faults.append(Fault("GET", one, 503, times=2))
    assert cli("submit", compiled, *GIVEN, "--wait").code == 0
    kfp.faults.append(Fault("GET", one, times=9))
    done = cli("submit", compiled, *GIVEN, "--wait")
    assert done.code == 3
    assert f"The run goes on: {kfp.url}/#/runs" in done.stderr


def test_an_interrupt_leaves_the_run_going_and_says_how_to_look(kfp, compiled):
    environment = {**os.environ, "KFP_ENDPOINT": kfp.url}
    process = subprocess.Popen(
        # A shell's background jobs ignore the signal.
        ["env", "--default-signal=INT", sys.executable, "-m", "holdfast.cli", "submit", compiled,
         *GIVEN, "--wait"],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for _ in range(6000):
        if kfp.runs and ("GET", f"/runs/{kfp.runs[0].run_id}") in kfp.calls:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert f"The run goes on: {kfp.url}/#/runs/details/{kfp.runs[0].run_id}" in err
    assert "Traceback" not in err
    assert "interrupted" not in err
    assert kfp.runs[0].state == "PENDING"


def test_steps_of_groups_count_and_groups_do_not():
    from holdfast import ir
    from holdfast.local import files
    from holdfast.submit.watch import names

    found = names(ir.read(files.compiled("pipelines")["continuous_training"]).pipeline)
    assert "train-xgboost" in found
    assert not [
        name for name in found if name.startswith(("condition", "for-loop", "exit-handler"))
    ]
