"""`holdfast schedule --file`: all schedules of an owner, kept in git."""

import io

import pytest
import yaml

from holdfast.errors import InputError
from holdfast.submit.document import read
from tests.services.kfp_server import Fault

TWO = [
    {"name": "nightly", "cron": "0 30 3 * * *", "parameters": {"uri": "s3://b/t", "trials": 5}},
    {"name": "hourly", "every": "1h", "parameters": {"uri": "s3://b/h"}, "max_concurrency": 2,
     "catchup": False, "enabled": False, "experiment": "hours"},
]  # fmt: skip


@pytest.fixture
def write(compiled, tmp_path):
    """Return a function that writes a file of schedules beside their pipeline."""
    (tmp_path / "small.yaml").write_text(compiled.read_text())

    def go(schedules=TWO, **more):
        entries = [{"pipeline": "small.yaml", **entry} for entry in schedules]
        file = tmp_path / "schedules.yaml"
        file.write_text(yaml.safe_dump({"owner": "team", "schedules": entries, **more}))
        return file

    return go


def test_the_plan_is_shown_and_applied(kfp, cli, write):
    done = cli("schedule", "--file", write(), "--yes")
    assert done.code == 0
    assert done.stderr.splitlines() == [
        "create     nightly  (cron 0 30 3 * * *)",
        "create     hourly  (every 1:00:00)",
        "2 changes of 2 schedules",
        "done: create nightly",
        "done: create hourly",
    ]
    by_name = {made.display_name: made for made in kfp.recurring}
    assert by_name["nightly"].runtime_config.parameters == {"uri": "s3://b/t", "trials": 5}
    assert (by_name["nightly"].mode, by_name["hourly"].mode) == ("ENABLE", "DISABLE")
    assert (by_name["hourly"].max_concurrency, by_name["hourly"].no_catchup) == ("2", True)
    assert sorted(e.display_name for e in kfp.objects["experiments"]) == ["Default", "hours"]
    assert len(kfp.objects["pipeline_versions"]) == 1


def test_a_second_call_changes_nothing(kfp, cli, write):
    cli("schedule", "--file", write(), "--yes")
    kfp.calls.clear()
    done = cli("schedule", "--file", write())
    assert (done.code, done.stderr.splitlines()[-1]) == (0, "0 changes of 2 schedules")
    assert {method for method, _ in kfp.calls} == {"GET"}


def test_each_kind_of_change_is_told(kfp, cli, write):
    stays = {"name": "stays", "every": "2h", "parameters": {"uri": "u"}}
    goes = {"name": "goes", "every": "2h", "parameters": {"uri": "u"}}
    cli("schedule", "--file", write([*TWO, stays, goes]), "--yes")
    file = write([
        {**TWO[0], "parameters": {"uri": "s3://b/new", "trials": 5}}, {**TWO[1], "enabled": True},
        {**stays, "enabled": False}, {"name": "new", "every": "3h", "parameters": {"uri": "u"}},
    ])  # fmt: skip
    done = cli("schedule", "--file", file, "--dry-run", "--prune", "--json")
    assert [(c["change"], c["name"]) for c in done.document["changes"]] == [
        ("update", "nightly"), ("enable", "hourly"), ("disable", "stays"), ("create", "new"),
        ("delete", "goes"),
    ]  # fmt: skip
    assert done.document["changes"][0]["why"] == "parameters uri"
    assert done.document["applied"] is False
    assert len(kfp.recurring) == 4
    assert cli("schedule", "--file", file, "--prune", "--yes").code == 0
    assert sorted((made.display_name, made.mode) for made in kfp.recurring) == [
        ("hourly", "ENABLE"), ("new", "ENABLE"), ("nightly", "ENABLE"), ("stays", "DISABLE")
    ]  # fmt: skip


def test_without_prune_what_is_gone_stays_and_is_told(kfp, cli, write):
    cli("schedule", "--file", write(), "--yes")
    done = cli("schedule", "--file", write(TWO[:1]), "--yes")
    assert "kept       hourly  (no more in the file; --prune deletes it)" in done.stderr
    assert len(kfp.recurring) == 2


def test_only_the_owners_are_pruned(kfp, cli, write, compiled):
    cli("schedule", "--file", write(), "--yes")
    cli("schedule", "--file", write(TWO[:0], owner="other"), "--yes", "--prune")
    cli("schedule", compiled, "--every", "1h", "-p", "uri=u", "--name", "mine")
    kfp.add("recurring_runs", display_name="by hand", mode="ENABLE")
    assert cli("schedule", "--file", write(TWO[:0]), "--yes", "--prune").code == 0
    assert sorted(made.display_name for made in kfp.recurring) == ["by hand", "mine"]


@pytest.mark.parametrize(
    "description", ["", f"holdfast-schedule: {'0' * 32} owner: other"], ids=["by hand", "other's"]
)
def test_a_name_of_somebody_else_stops_it_before_anything_is_done(kfp, cli, write, description):
    kfp.add("recurring_runs", display_name="HOURLY", description=description, mode="ENABLE")
    done = cli("schedule", "--file", write(), "--yes")
    assert done.code == 2
    assert "`name` must be one that nobody else uses in KFP. Found: 'hourly'" in done.stderr
    assert (len(kfp.recurring), kfp.objects["pipelines"]) == (1, [])


def test_a_failure_in_the_middle_leaves_the_rest_and_a_second_call_finishes(kfp, cli, write):
    kfp.faults.append(Fault("POST", "/recurringruns", 400, b'{"message": "no"}', skip=1))
    done = cli("schedule", "--file", write(), "--yes")
    assert done.code == 2
    assert "create hourly" in done.stderr
    assert "HTTP 400: no" in done.stderr
    assert "1 of 2 changes are done; call it again" in done.stderr
    assert [made.display_name for made in kfp.recurring] == ["nightly"]
    again = cli("schedule", "--file", write(), "--yes")
    assert again.stderr.splitlines()[:3] == [
        "unchanged  nightly", "create     hourly  (every 1:00:00)", "1 changes of 2 schedules"
    ]  # fmt: skip
    assert len(kfp.recurring) == 2


def test_a_replacement_that_was_cut_off_is_seen_and_finished(kfp, cli, write):
    cli("schedule", "--file", write(), "--yes")
    kfp.faults.append(Fault("POST", "/recurringruns/.*:enable", 400, b"{}"))
    file = write([{**TWO[0], "parameters": {"uri": "new"}}, TWO[1]])
    assert cli("schedule", "--file", file, "--yes").code == 2
    assert len(kfp.recurring) == 3
    done = cli("schedule", "--file", file, "--yes")
    assert "update     nightly  (a call before was cut off)" in done.stderr
    assert sorted((made.display_name, made.mode) for made in kfp.recurring) == [
        ("hourly", "DISABLE"), ("nightly", "ENABLE")
    ]  # fmt: skip


@pytest.mark.parametrize(("answer", "count"), [("y\n", 2), ("Yes\n", 2), ("n\n", 0), ("", 0)])
def test_on_a_terminal_it_asks(kfp, cli, write, monkeypatch, answer, count):
    terminal = io.StringIO(answer)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    done = cli("schedule", "--file", write())
    assert "apply this? [y/N]" in done.stderr
    assert len(kfp.recurring) == count
    assert done.code == (0 if count else 2)


def test_without_a_terminal_it_asks_for_yes(kfp, cli, write, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    done = cli("schedule", "--file", write())
    assert done.code == 2
    assert "--yes must be given" in done.stderr
    assert kfp.recurring == []


def test_a_file_names_its_namespace(kfp, cli, write):
    kfp.multi_user = True
    assert cli("schedule", "--file", write(namespace="team-a"), "--yes").code == 0
    assert {kfp.namespaces[made.recurring_run_id] for made in kfp.recurring} == {"team-a"}
    done = cli("schedule", "--file", write(namespace="team-a"), "--namespace", "other")
    assert "--namespace must be the file's" in done.stderr


@pytest.mark.parametrize(
    ("schedules", "more", "finding"),
    [
        ([{**TWO[0], "parameters": {}}], {}, "schedule 'nightly': `parameters`.*no .'uri'."),
        ([{**TWO[0], "parameters": {"uri": "u", "trials": "5"}}], {}, "trials is a whole number"),
        ([{**TWO[0], "parameters": {"uri": 20261121}}], {}, "uri is a text"),
        ([{**TWO[0], "cron": "30 3 * * *"}], {}, "schedule 'nightly': `cron` must have six"),
        ([{**TWO[0], "every": "1h"}], {}, "Found: both"),
        ([{**TWO[0], "pipeline": "none"}], {}, "PIPELINE must be one of"),
        ([{**TWO[0], "max_concurrency": 20}], {}, "from 1 to 10"),
        ([{**TWO[0], "max_concurrency": "2"}], {}, "valid integer"),
        ([{**TWO[0], "cronn": "x"}], {}, "Extra inputs"),
        ([{**TWO[0], "start": "soon"}], {}, "time with its zone"),
        ([TWO[0], {**TWO[1], "name": "NIGHTLY"}], {}, "'NIGHTLY' twice"),
        (TWO, {"owner": "command-line"}, "`owner` must not be"),
        (TWO, {"owner": "two words"}, "`owner` must be a word"),
        (TWO, {"ownr": "x"}, "Extra inputs"),
    ],
)
def test_a_mistake_in_the_file_is_told_before_the_first_call(
    kfp, cli, write, schedules, more, finding
):
    import re

    done = cli("schedule", "--file", write(schedules, **more), "--yes")
    assert done.code == 2
    assert re.search(finding, done.stderr)
    assert kfp.calls == []


def test_a_mistake_in_the_last_one_stops_the_first(kfp, cli, write):
    bad = {"name": "bad", "every": "1h", "parameters": {"uri": "u", "tune": 1}}
    assert cli("schedule", "--file", write([*TWO, bad]), "--yes").code == 2
    assert kfp.calls == []


def test_times_are_read_as_yaml_writes_them(write):
    file = write([TWO[0]])
    text = file.read_text().replace("name:", "start: 2026-12-01T03:00:00Z\n  name:")
    file.write_text(text)
    (schedule,) = read(file, lambda name: file)[1]
    assert schedule.trigger.start.isoformat() == "2026-12-01T03:00:00+00:00"
    file.write_text(text.replace("T03:00:00Z", ""))
    with pytest.raises(
        InputError, match=r"schedules\.yaml` must be YAML of the documented grammar"
    ):
        read(file, lambda name: file)


@pytest.mark.parametrize("text", [b"", b"owner: a", b"\xff", b"a: &a [*a]", b"[" * 1000, b"- 1",
                                  b"owner: a\nowner: b\nschedules: []"])  # fmt: skip
def test_a_file_that_is_none_is_told(cli, kfp, tmp_path, text):
    file = tmp_path / "schedules.yaml"
    file.write_bytes(text)
    done = cli("schedule", "--file", file)
    assert done.code == 2
    assert "Traceback" not in done.stderr
    assert cli("schedule", "--file", tmp_path / "none.yaml").code == 2
    assert kfp.calls == []


def test_many_schedules_are_read_in_pages(kfp, cli, write):
    for n in range(410):
        kfp.add("recurring_runs", display_name=f"other-{n}", mode="ENABLE")
    cli("schedule", "--file", write(), "--yes")
    kfp.calls.clear()
    assert "0 changes of 2" in cli("schedule", "--file", write()).stderr
    assert kfp.calls.count(("GET", "/recurringruns")) == 3
