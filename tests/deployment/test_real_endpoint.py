"""check_endpoint and load_test_endpoint on the real predictor with a real model."""

import json
import os
import subprocess
import time

import pytest

from holdfast.deployment.check_endpoint import logic as checking
from holdfast.deployment.load_test_endpoint import logic as loading
from holdfast.local import environments
from tests.support import ROOT

NAME, VERSION = "people", 7


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Train and save a model and serve it, both in the environment of the family that does so.

    Yields its URL and its folder, with the model and the table.
    """
    folder = tmp_path_factory.mktemp("people")
    python = environments.ensure("serving", print)
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    make = [python, "-m", "tests.serving.predictors", folder]
    subprocess.run(make, env=variables, cwd=ROOT, check=True, capture_output=True)
    command = [python, "-m", "holdfast.serving.predictor", "--model-dir", folder / "model",
               "--model-name", NAME, "--model-version", str(VERSION), "--host", "127.0.0.1",
               "--port", "0"]  # fmt: skip
    log = folder / "log"
    with log.open("w") as sink:
        process = subprocess.Popen(command, env=variables, stdout=sink, stderr=sink)
    try:
        yield f"http://127.0.0.1:{port_of(process, log)}", folder
    finally:
        process.kill()
        process.wait(timeout=30)


def port_of(process, log):
    for _ in range(600):
        told = [json.loads(line) for line in log.read_text().splitlines() if '"ready"' in line]
        if told:
            return told[0]["port"]
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_the_real_predictor_holds_in_all_calls_and_names_its_version(served):
    url, folder = served
    for version, decision in ((VERSION, "pass"), (VERSION + 1, "fail")):
        settings = checking.ask(
            (url, NAME, ""), (str(folder / "model"), ""), "both", version, (20, 3)
        )
        result = checking.check(settings)
        assert result.verdict.decision == decision, result.report.markdown()
    codes = {reason.code for reason in result.verdict.reasons}
    assert codes == {"wrong_version"}
    assert {reason.subject for reason in result.verdict.reasons} >= {"v1_predict", "v2_predict"}


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_the_real_predictor_bears_a_load_of_its_tables_rows(served, protocol):
    url, folder = served
    amount = (20.0, 2.0, 1000, 40, 5, 30.0)
    where = (url, NAME, "")
    paths = (str(folder / "model"), str(folder / "table"))
    result = loading.load_test(loading.ask(where, protocol, *paths, amount, (30_000.0, 0.0)))
    # How fast it is depends on what else the machine does: 40 requests do not tell of a p95.
    assert {reason.effect for reason in result.verdict.reasons} <= {"", "warn"}
    assert (result.scores["requests"], result.scores["errors"]) == (40, 0)
