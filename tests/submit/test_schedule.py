"""`holdfast schedule` for one schedule, the list, and deletion."""

import json

import pytest
import yaml

from tests.services.kfp_server import Fault
from tests.submit.conftest import sent_to

GIVEN = ("-p", "uri=s3://b/t")
DAILY = ("--cron", "0 30 3 * * *")


def test_a_schedule_is_made_and_its_address_is_printed(kfp, cli, compiled):
    done = cli("schedule", compiled, *DAILY, *GIVEN, "-p", "trials=5", "--max-concurrency", "2",
               "--no-catchup", "--name", "nightly", "--experiment", "nights",
               "--start", "2026-12-01T00:00:00Z", "--end", "2027-12-01T00:00:00Z")  # fmt: skip
    (made,) = kfp.recurring
    assert done.code == 0
    assert done.stdout.splitlines() == [
        "create     nightly  (cron 0 30 3 * * * from 2026-12-01T00:00:00+00:00 until "
        "2027-12-01T00:00:00+00:00)",
        f"{kfp.url}/#/recurringrun/details/{made.recurring_run_id}",
    ]
    assert (made.display_name, made.mode, made.max_concurrency) == ("nightly", "ENABLE", "2")
    assert (made.no_catchup, made.runtime_config.parameters) == (
        True,
        {"uri": "s3://b/t", "trials": 5},
    )


def test_the_same_again_changes_nothing(kfp, cli, compiled):
    cli("schedule", compiled, *DAILY, *GIVEN)
    kfp.calls.clear()
    done = cli("schedule", compiled, *DAILY, *GIVEN)
    assert done.stdout.startswith("unchanged  small\n")
    assert {method for method, _ in kfp.calls} == {"GET"}


def test_a_changed_one_is_replaced_and_says_what_changed(kfp, cli, compiled, changed):
    cli("schedule", compiled, *DAILY, *GIVEN)
    told = [
        cli("schedule", file, *more).stdout.splitlines()[0]
        for file, more in [
            (compiled, (*DAILY, "-p", "uri=u", "-p", "trials=3")),
            (compiled, ("--every", "1d", "-p", "uri=u", "-p", "trials=3")),
            (compiled, ("--every", "1d", "-p", "uri=u", "-p", "trials=3", "--no-catchup",
                        "--max-concurrency", "4")),
            (changed, ("--every", "1d", "-p", "uri=u", "-p", "trials=3", "--no-catchup",
                       "--max-concurrency", "4")),
        ]
    ]  # fmt: skip
    assert told == [
        "update     small  (parameters trials, uri)",
        "update     small  (times)",
        "update     small  (max_concurrency, catchup)",
        "update     small  (the pipeline or its experiment)",
    ]
    assert len(kfp.recurring) == 1


def test_disabled_and_enabled_again(kfp, cli, compiled):
    cli("schedule", compiled, *DAILY, *GIVEN)
    assert cli("schedule", compiled, *DAILY, *GIVEN, "--disable").stdout.startswith("disable ")
    assert [made.mode for made in kfp.recurring] == ["DISABLE"]
    assert cli("schedule", compiled, *DAILY, *GIVEN).stdout.startswith("enable ")
    assert [made.mode for made in kfp.recurring] == ["ENABLE"]


@pytest.mark.parametrize("as_json", [True, False])
def test_a_dry_run_prints_what_would_be_sent_and_sends_nothing(kfp, cli, compiled, as_json):
    more = ["--json"] if as_json else []
    done = cli("schedule", compiled, *DAILY, *GIVEN, "--dry-run", *more, endpoint=False)
    shown = json.loads(done.stdout) if as_json else yaml.safe_load(done.stdout)
    assert kfp.calls == []
    cli("schedule", compiled, *DAILY, *GIVEN)
    (sent,) = sent_to(kfp, "/recurringruns")
    # It is made disabled, and enabled when nobody else has made it at the same moment.
    assert shown["schedule"].pop("mode") == "ENABLE"
    assert {key: sent[key] for key in shown["schedule"]} == shown["schedule"]


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (GIVEN, "one of `cron` and `every`"),
        (("--cron", "30 3 * * *", *GIVEN), "write '0 30 3 * * *'"),
        (("--every", "1M", *GIVEN), "`every` must be a period"),
        (DAILY, "must be given ['uri']"),
        ((*DAILY, *GIVEN, "-p", "trials=x"), "trials must be of type int"),
        ((*DAILY, *GIVEN, "--max-concurrency", "11"), "`max_concurrency` must be from 1 to 10"),
        ((*DAILY, *GIVEN, "--start", "tomorrow"), "`start` must be a time with its zone"),
        ((*DAILY, *GIVEN, "--list"), "one of PIPELINE, --list"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(kfp, cli, compiled, arguments, finding):
    done = cli("schedule", compiled, *arguments)
    assert done.code == 2
    assert finding in done.stderr
    assert kfp.calls == []


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (["PIPELINE", "--every", "1h", "--owner", "team"], "PIPELINE takes no --owner"),
        (["PIPELINE", "--every", "1h", "--prune"], "PIPELINE takes no --prune"),
        (["--list", "--disable"], "--list takes no --disable"),
        (["--file", "x.yaml", "--cron", "0 0 3 * * *"], "--file takes no --cron"),
        (["--file", "x.yaml", "-p", "a=b"], "--file takes no --parameter"),
    ],
)
def test_an_option_of_another_mode_is_refused(kfp, cli, compiled, arguments, finding):
    done = cli("schedule", *(compiled if word == "PIPELINE" else word for word in arguments))
    assert (done.code, kfp.calls) == (2, [])
    assert finding in done.stderr


def test_a_name_that_a_person_uses_is_left_to_them(kfp, cli, compiled):
    kfp.add("recurring_runs", display_name="Small", mode="ENABLE")
    done = cli("schedule", compiled, *DAILY, *GIVEN)
    assert done.code == 2
    assert "not made by holdfast" in done.stderr
    assert kfp.objects["pipelines"] == []


def test_an_outage_is_the_machines(kfp, cli, compiled):
    kfp.faults.append(Fault("GET", "/recurringruns", 500, times=9))
    assert cli("schedule", compiled, *DAILY, *GIVEN).code == 3


def test_the_list_shows_all_and_whose_they_are(kfp, cli, compiled):
    cli("schedule", compiled, *DAILY, *GIVEN)
    cli("schedule", compiled, "--every", "1h", *GIVEN, "--name", "b", "--disable")
    kfp.add("recurring_runs", display_name="theirs\x1b[2J", mode="ENABLE")
    lines = [" ".join(line.split()) for line in cli("schedule", "--list").stdout.splitlines()]
    assert lines == [
        "b every 3600 s disabled command-line",
        "small cron 0 30 3 * * * enabled command-line",
        "theirs?[2J every 0 s enabled -",
    ]
    found = cli("schedule", "--list", "--json").document["schedules"]
    assert {each["name"]: each["enabled"] for each in found} == {
        "small": True, "b": False, "theirs\x1b[2J": True
    }  # fmt: skip


def test_deleting_deletes_ours_alone(kfp, cli, compiled):
    cli("schedule", compiled, *DAILY, *GIVEN)
    kfp.add("recurring_runs", display_name="theirs", mode="ENABLE")
    assert cli("schedule", "--delete", "small", "--dry-run").stdout == "delete     small\n"
    assert len(kfp.recurring) == 2
    assert cli("schedule", "--delete", "small").code == 0
    assert [made.display_name for made in kfp.recurring] == ["theirs"]
    assert cli("schedule", "--delete", "small").stdout == "unchanged  small  (not there)\n"
    refused = cli("schedule", "--delete", "theirs")
    assert refused.code == 2
    assert "which holdfast did not make" in refused.stderr
    assert len(kfp.recurring) == 1


def test_deleting_a_files_schedule_takes_its_owner(kfp, cli, compiled):
    text = "Made by holdfast. holdfast-schedule: " + "0" * 32 + " owner: team"
    kfp.add("recurring_runs", display_name="daily", description=text, mode="ENABLE")
    assert "add --owner team" in cli("schedule", "--delete", "daily").stderr
    assert cli("schedule", "--delete", "daily", "--owner", "team").code == 0
    assert kfp.recurring == []
