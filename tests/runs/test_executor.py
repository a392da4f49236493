"""Every component as a cluster's launcher calls it: KFP's executor, MinIO's URIs, no network.

The components run in the order of the pipelines, each on what the one before wrote. What needs a
cluster or a server has none: then the error or the verdict that its documentation promises counts.
"""

import os
import shutil
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from holdfast import catalog
from tests.runs import executor_steps as steps
from tests.runs.launcher import Launcher, alone
from tests.support import family_python


def can_run() -> bool:
    """Tell whether this user may write to /minio and cut the network."""
    return os.geteuid() == 0 and shutil.which("unshare") is not None


pytestmark = pytest.mark.skipif(not can_run(), reason="needs root, for /minio and unshare --net")


@pytest.fixture
def launcher(tmp_path):
    bucket = f"holdfast-test-{uuid.uuid4().hex[:8]}"
    made_root = not Path("/minio").exists()
    yield Launcher(bucket, tmp_path)
    shutil.rmtree(f"/minio/{bucket}", ignore_errors=True)
    if made_root:
        # Another run may have its bucket there by now.
        with suppress(OSError):
            Path("/minio").rmdir()


@pytest.mark.parametrize(
    ("loopback", "address", "found"),
    [
        (False, "127.0.0.1", "Network is unreachable"),
        (True, "127.0.0.1", "Connection refused"),
        (True, "192.0.2.1", "Network is unreachable"),
    ],
)
def test_the_network_is_really_cut(loopback, address, found):
    probe = f"import socket; socket.create_connection(('{address}', 9), 1)"
    command = [*alone(family_python("data"), loopback), "-c", probe]
    done = subprocess.run(command, capture_output=True, text=True)
    assert found in done.stderr


def tell(launcher: Launcher, model: dict, shares: dict, judged: dict) -> None:
    """Run what is told about a model."""
    known = steps.assess(launcher, model, shares["test"])
    steps.describe(launcher, model, shares, judged, known)


def use(launcher: Launcher, model: dict, shares: dict, judged: dict) -> None:
    """Run what is done with a model: score, register, serve, watch and react."""
    window = steps.window(launcher)
    scored = steps.score(launcher, model, shares["test"], window)
    fitted = steps.fit(launcher, shares["train"], scored)
    steps.register(launcher, model, judged, shares, fitted)
    fetched = steps.fetch(launcher, model, fitted)
    steps.serve(launcher, fetched["model"], shares["test"])
    watched = steps.watch(launcher, scored, fetched, window)
    steps.find_outliers(launcher, shares)
    steps.react(launcher, watched, window)
    steps.ask_in_vain(launcher, fetched["model"], window)


def test_every_component_runs_under_kfps_executor(launcher, breast_cancer):
    table = steps.ingest(launcher, breast_cancer)
    shares = steps.split(launcher, table)
    validation = steps.validate(launcher, shares["train"], shares["test"])
    transformer = launcher.run("fit_transformer", artifacts={"train": shares["train"]})
    model = steps.learn(launcher, shares["train"], transformer["transformer"], shares["test"])
    judged = steps.judge(launcher, model, shares, validation["verdict"])
    with ThreadPoolExecutor(1) as beside:
        # Neither reads what the other writes.
        told = beside.submit(tell, launcher, model, shares, judged)
        use(launcher, model, shares, judged)
    told.result()
    assert launcher.done == set(catalog.__all__)


def test_a_training_step_given_a_locked_holdout_ends_with_an_input_error(launcher, breast_cancer):
    table = launcher.run("ingest_table", {"uri": str(breast_cancer), "target": "diagnosis"})
    shares = launcher.run("split_table", {"holdout_share": 0.1}, {"table": table["table"]})
    assert shares["holdout"]["metadata"]["rows"] == 57
    code, said = launcher.refuse("fit_transformer", artifacts={"train": shares["holdout"]})
    assert code == 2
    assert "InputError: `train` must not be a locked holdout" in said
