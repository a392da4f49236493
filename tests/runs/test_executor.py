"""Every component as a cluster's launcher calls it: KFP's executor, MinIO's URIs, no network.

The components run in the order of the pipelines, each on what the one before wrote, in its family's
environment; where images are, test_hardened_images runs the same in them instead.
"""

import os
import shutil
import subprocess

import pytest

from holdfast import catalog
from tests.runs import executor_steps as steps
from tests.runs.launcher import Launcher, alone, new_bucket
from tests.support import family_python


def can_run() -> bool:
    """Tell whether this user may write to /minio and cut the network."""
    return os.geteuid() == 0 and shutil.which("unshare") is not None


pytestmark = pytest.mark.skipif(not can_run(), reason="needs root, for /minio and unshare --net")


@pytest.fixture
def launcher(tmp_path):
    with new_bucket() as bucket:
        yield Launcher(bucket, tmp_path)


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
    python = family_python("data")
    command = [*alone(python, loopback), python, "-c", probe]
    done = subprocess.run(command, capture_output=True, text=True)
    assert found in done.stderr


def test_every_component_runs_under_kfps_executor(found_engine, launcher, breast_cancer):
    if not isinstance(found_engine, str):
        pytest.skip("its image is here: test_hardened_images runs the same in it")
    steps.run_catalog(launcher, breast_cancer)
    assert launcher.done == set(catalog.__all__)


def test_a_training_step_given_a_locked_holdout_ends_with_an_input_error(launcher, breast_cancer):
    table = launcher.run("ingest_table", {"uri": str(breast_cancer), "target": "diagnosis"})
    shares = launcher.run("split_table", {"holdout_size": 0.1}, {"table": table["table"]})
    assert shares["holdout"]["metadata"]["rows"] == 57
    code, said = launcher.refuse("fit_transformer", artifacts={"train": shares["holdout"]})
    assert code == 2
    assert "InputError: `train` must not be a locked holdout" in said
