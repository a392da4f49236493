"""kfp's own command line against the same server: the plain way stays."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kfp.cli.__main__ import main as kfp_command

from tests.support import ROOT

KFP = Path(sys.executable).with_name("kfp")
TRAINING = "compiled/pipelines/training.yaml"


@pytest.fixture
def plain(kfp, capsys, monkeypatch, tmp_path):
    """Return a function that calls kfp's command line in process, which spares its imports."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("kfp.client.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "none"))

    def go(*arguments):
        capsys.readouterr()
        words = ["kfp", "--endpoint", kfp.url, "--output", "json", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as left:
            kfp_command()
        out, err = capsys.readouterr()
        assert not left.value.code, err
        return out

    return go


def uploaded(kfp):
    version = kfp.objects["pipeline_versions"][0]
    return version.pipeline_id, version.pipeline_version_id


def test_run_create_from_a_file(kfp, tmp_path):
    """kfp guesses types: what looks like a number, a boolean or JSON is sent as one."""
    done = subprocess.run(
        [KFP, "--endpoint", kfp.url, "run", "create", "-e", "holdfast", "-f", TRAINING,
         "uri=s3://bucket/table.csv", "target=column", "max_depth=4", "learning_rate=0.2",
         'sensitive=["sex"]'],
        cwd=ROOT, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = kfp.runs
    assert run.runtime_config.parameters == {
        "uri": "s3://bucket/table.csv", "target": "column", "max_depth": 4, "learning_rate": 0.2,
        "sensitive": ["sex"],
    }  # fmt: skip
    assert run.pipeline_spec["pipeline_spec"]["pipelineInfo"]["name"] == "training"
    assert [e.display_name for e in kfp.objects["experiments"]] == ["holdfast"]


def test_run_create_needs_quotes_where_a_text_looks_like_a_number(kfp, plain):
    with pytest.raises(AssertionError, match="parameter target is not of STRING"):
        plain("run", "create", "-e", "holdfast", "-f", TRAINING, "uri=s3://b/t", "target=2026")
    plain("run", "create", "-e", "holdfast", "-f", TRAINING, "uri=s3://b/t", 'target="2026"')
    assert kfp.runs[0].runtime_config.parameters["target"] == "2026"


def test_pipeline_create_and_create_version(kfp, plain):
    plain("pipeline", "create", "-p", "training", TRAINING)
    pipeline, _ = uploaded(kfp)
    plain("pipeline", "create-version", "-p", pipeline, "-v", "second", TRAINING)
    assert [p.name for p in kfp.objects["pipelines"]] == ["training"]
    assert [v.name for v in kfp.objects["pipeline_versions"]] == ["training", "second"]
    specs = [v.pipeline_spec for v in kfp.objects["pipeline_versions"]]
    assert specs[0] == specs[1]
    assert set(specs[0]) == {"pipeline_spec", "platform_spec"}


def test_recurring_run_create_of_an_uploaded_pipeline(kfp, plain, cli):
    plain("pipeline", "create", "-p", "training", TRAINING)
    pipeline, version = uploaded(kfp)
    plain("recurring-run", "create", "--experiment-name", "holdfast", "--job-name", "nightly",
          "--cron-expression", "0 30 3 * * *", "--pipeline-id", pipeline, "--version-id", version,
          "--no-catchup", "--enabled", "uri=s3://b/t", "target=c")  # fmt: skip
    (made,) = kfp.recurring
    assert made.trigger.cron_schedule.cron == "0 30 3 * * *"
    assert (made.mode, made.no_catchup) == ("ENABLE", True)
    assert made.runtime_config.parameters == {"uri": "s3://b/t", "target": "c"}
    plain("recurring-run", "create", "--experiment-name", "holdfast", "--job-name", "asleep",
          "--cron-expression", "0 30 3 * * *", "--pipeline-id", pipeline, "--version-id", version,
          "uri=s3://b/t", "target=c")  # fmt: skip
    # Without --enabled kfp makes it disabled, and says nothing of it.
    assert kfp.recurring[1].mode == "DISABLE"
    # Ours shows it, and leaves it alone.
    assert re.search(r"nightly +cron 0 30 3 \* \* \* +enabled +-", cli("schedule", "--list").stdout)
    assert cli("schedule", "--delete", "nightly").code == 2


def test_recurring_run_create_sends_texts_alone(kfp, plain, cli):
    """So pipelines with numbers, booleans or lists are scheduled by `holdfast schedule`."""
    plain("pipeline", "create", "-p", "training", TRAINING)
    pipeline, version = uploaded(kfp)
    with pytest.raises(AssertionError, match="parameter max_depth is not of NUMBER_INTEGER"):
        plain("recurring-run", "create", "--experiment-name", "holdfast", "--job-name", "nightly",
              "--cron-expression", "0 30 3 * * *", "--pipeline-id", pipeline, "--version-id",
              version, "--enabled", "uri=s3://b/t", "target=c", "max_depth=4")  # fmt: skip
    given = ("-p", "uri=s3://b/t", "-p", "target=c", "-p", "max_depth=4")
    assert cli("schedule", "training", "--cron", "0 30 3 * * *", *given).code == 0
    assert kfp.recurring[0].runtime_config.parameters["max_depth"] == 4


def test_kfp_finds_what_we_submitted(kfp, plain, cli):
    """The other way round: our pipeline and run, by kfp's commands."""
    cli("submit", "training", "-p", "uri=s3://b/t", "-p", "target=c")
    (run,) = kfp.runs
    assert run.run_id in plain("run", "list")
    assert json.loads(plain("run", "get", run.run_id))
    pipeline, version = uploaded(kfp)
    plain("run", "create", "-e", "holdfast", "-p", pipeline, "-v", version, "uri=u", "target=c")
    assert len(kfp.runs) == 2
