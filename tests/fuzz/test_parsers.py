"""Every parser that reads what others wrote, fuzzed by libFuzzer (atheris) where it runs.

Atheris alone is put behind each family's own packages. The inputs are the same each time;
HOLDFAST_FUZZ_SECONDS asks for as many as fit into that time, for each environment. What crashes
stays in the folder that the failure names. To go on:

    HOLDFAST_FUZZ_SECONDS=600 python -m pytest tests/fuzz/test_parsers.py -k validation
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.local import environments
from tests.support import ROOT, family_python

LOCK = Path(__file__).parent / "parsers" / "requirements.txt"
SECONDS = os.environ.get("HOLDFAST_FUZZ_SECONDS")
# The seeds are among them.
BOUND = f"-max_total_time={SECONDS}" if SECONDS else "-runs=1000"
LETTERS, MEGABYTES, SLOWEST = 4096, 3000, 120
ENVIRONMENTS = (
    "authoring", "data", "deployment", "drift", "monitoring", "serving", "training", "validation",
)  # fmt: skip


@pytest.fixture(scope="module")
def atheris():
    """The folder that holds atheris and nothing else."""
    folder = environments.make("atheris", LOCK, print)
    return next(folder.glob("lib/python3.*/site-packages"))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_parser_refuses_or_reads_whatever_it_is_fed(environment, atheris, tmp_path):
    python = sys.executable if environment == "authoring" else family_python(environment)
    paths = os.pathsep.join([str(ROOT), str(atheris)])
    variables = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": paths}
    crash = f"{os.environ.get('HOLDFAST_FUZZ_CRASHES', tmp_path)}/crash-{environment}-"
    done = subprocess.run(
        [python, "-m", "tests.fuzz.parsers", environment, tmp_path / "corpus", "-seed=1",
         BOUND, f"-max_len={LETTERS}", f"-rss_limit_mb={MEGABYTES}",
         f"-timeout={SLOWEST}", f"-artifact_prefix={crash}"],
        cwd=tmp_path, env=variables, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    runs = int(re.search(r"Done (\d+) runs", done.stderr)[1])
    fed = set((tmp_path / "corpus.fed").read_text().splitlines())
    seeds = {file.name for file in (tmp_path / "corpus").iterdir() if "-" in file.name}
    assert fed == {name.rpartition("-")[0] for name in seeds}
    assert runs > len(seeds)
