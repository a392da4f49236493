"""Schemathesis against the predictor: requests made of its OpenAPI document, and around it."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from holdfast.errors import MachineError
from holdfast.local import environments
from tests.support import ROOT, family_python

LOCK = Path(__file__).with_name("requirements.txt")
EXAMPLES = 60
# No 5xx, and what the document promises of status, type and body holds.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
# Too many rows are refused, too, by a status that Schemathesis does not know of.
CONFIG = """
[checks.negative_data_rejection]
expected-statuses = ["400", "404", "405", "413", "415", "422"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address and the process of `holdfast serve`, which becomes the predictor, and its log."""
    folder = tmp_path_factory.mktemp("fuzz")
    python, variables = family_python("serving"), {**os.environ, "PYTHONPATH": str(ROOT)}
    made = [python, "-m", "tests.serving.predictors", folder]
    subprocess.run(made, cwd=ROOT, env=variables, check=True, capture_output=True)
    command = [sys.executable, "-m", "holdfast.cli", "serve", folder / "model",
               "--model-name", "people", "--port", "0"]  # fmt: skip
    log = folder / "log"
    with log.open("w") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=sink)
    try:
        yield f"http://127.0.0.1:{port_of(process, log)}", process, log
    finally:
        process.kill()
        process.wait(timeout=30)


def port_of(process: subprocess.Popen, log: Path) -> int:
    for _ in range(1800):
        for line in log.read_text().splitlines():
            if '"event": "ready"' in line:
                return json.loads(line)["port"]
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_no_request_that_can_be_made_of_the_document_is_a_server_error(server):
    url, process, log = server
    try:
        program = environments.make("fuzz", LOCK, print) / "bin" / "schemathesis"
    except MachineError as error:
        pytest.skip(f"the environment of Schemathesis could not be made: {error}")
    config = log.with_name("schemathesis.toml")
    config.write_text(CONFIG)
    command = [program, "--config-file", config, "run", f"{url}/openapi.json",
               "--checks", ",".join(CHECKS), "--mode", "all", "--phases", "coverage,fuzzing",
               "--max-examples", str(EXAMPLES), "--seed", "1", "--generation-database", "none",
               "--suppress-health-check", "all", "--no-color"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=log.parent, timeout=1800)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    asked = [json.loads(line) for line in log.read_text().splitlines()]
    statuses = {e["status"] for e in asked if e["event"] == "request" and e["protocol"] != "other"}
    # It reached the model, and it was refused.
    assert {200, 422} <= statuses and max(statuses) < 500, done.stdout
    assert process.poll() is None
    with urllib.request.urlopen(f"{url}/v2/health/ready", timeout=30) as ready:
        assert ready.status == 200
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=30) as document:
        operations = [one for path in json.load(document)["paths"].values() for one in path]
    assert re.search(rf"Tested: {len(operations)}$", done.stdout, re.MULTILINE), done.stdout
