"""The rules on kfp.local say what kfp.local does: each pipeline is run by it, once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

PROGRAM = """
import contextlib, io, json, re, sys, warnings
warnings.simplefilter("ignore")
from kfp import local
from tests.lint import features

local.init(local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[1], raise_on_error=True)
told = {}
for name in sys.argv[2:]:
    said, outcome = io.StringIO(), "success"
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            features.PIPELINES[name]()
        except Exception as error:
            outcome = type(error).__name__
    ran = re.findall(r"Executing task \\S*'([\\w-]+)'", said.getvalue())
    told[name] = [outcome, ran]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Return the outcome and the tasks of each pipeline."""
    names = ["branches", "condition-on-named", "loop-over-named", "one-of-artifacts"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path_factory.mktemp("local"), *names],
        cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_condition_on_the_one_output_is_kept(told):
    assert told["branches"] == ["success", ["flip", "show"]]


def test_a_condition_on_a_named_output_is_skipped_and_the_run_succeeds(told):
    # heads is what it returns: show should have run.
    assert told["condition-on-named"] == ["success", ["flip-named"]]


def test_a_loop_over_a_named_output_fails(told):
    assert told["loop-over-named"] == ["ValueError", ["flip-named"]]


def test_a_choice_of_artifacts_fails(told):
    assert told["one-of-artifacts"][0] == "ValueError"
