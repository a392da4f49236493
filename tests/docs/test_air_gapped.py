"""docs/air-gapped.md: images are built without a network, and pushed to a registry of this machine.

The wheelhouse itself comes from an index.
"""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.local.runner import variables_of
from tests.docs.conftest import DOCS
from tests.docs.registry import registry
from tests.everything import docker_answers

# Debian's own client brings its BuildKit along.
DEBIAN = Path("/usr/bin/docker")
# No build may reach a network; the base image is here.
OFFLINE = """#!/bin/sh
export DOCKER_BUILDKIT=1
if [ "$1" = build ]; then shift; set -- build --network none "$@"; fi
exec {docker} "$@"
"""


@pytest.fixture
def docker(tmp_path) -> Path:
    """A folder with a docker that builds without a network."""
    if not docker_answers():
        pytest.skip("no Docker engine answers: apt-get install docker.io, start dockerd")
    program = DEBIAN if DEBIAN.is_file() else shutil.which("docker")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text(OFFLINE.format(docker=program))
    (folder / "docker").chmod(0o755)
    return folder


def test_local_runs_do_not_report_to_mlflow_s_makers_either(tmp_path):
    assert variables_of(tmp_path)["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.docker
def test_the_page_of_air_gapped_machines_does_what_it_says(shell, docker):
    path = f"{docker}{os.pathsep}{shell.variables['PATH']}"
    with registry() as kept:
        stand_ins = {"registry.example.com": kept.address}
        image = f"{kept.address}/ml/holdfast-data:0.1.0"
        reader = replace(shell, variables={**shell.variables, "PATH": path}, stand_ins=stand_ins)
        try:
            reader.follow(DOCS / "air-gapped.md")
            (manifest,) = map(json.loads, kept.manifests.values())
            assert set(kept.blobs) >= {layer["digest"] for layer in manifest["layers"]}
            # Nothing of the wheelhouse is in it.
            inside = ["run", "--rm", image, "sh", "-c", "ls -d /wheelhouse; env"]
            told = subprocess.run([docker / "docker", *inside], capture_output=True, text=True)
            assert "/wheelhouse" not in told.stdout
        finally:
            remove = [docker / "docker", "rmi", "--force", image, "localhost/wheelhouse"]
            subprocess.run(remove, capture_output=True)
