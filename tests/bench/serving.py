"""Measure how fast a row is answered: python -m tests.bench.serving [SECONDS [RATE ...]].

One row of Adult over HTTP, 300 trees, at fixed rates: the predictor by V1 and V2, `mlflow models
serve`, and KServe's own server around `predict_proba` of a data frame. Each server runs alone, in
the serving environment; a request's time begins when it was due, not when it could be sent. The
CPU time of an answer is the server's own: it says something on a machine that is busy, too.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.serving_parts import WARM_UP
from tests.conftest import REAL_DATA
from tests.services.servers import free_port
from tests.support import ROOT, family_python

RATES = (50.0, 100.0, 150.0)
TICK = os.sysconf("SC_CLK_TCK")


def main(seconds: float, rates: Sequence[float] = RATES) -> None:
    """Measure each server at each rate."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = family_python("serving")
        program(python, "tests.bench.serving_parts", "train", REAL_DATA / "adult.parquet", folder)
        row = json.loads((folder / "row.json").read_text())
        inputs = [
            {"name": k, "shape": [1], "datatype": "BYTES" if isinstance(v, str) else "FP64",
             "data": [v]}
            for k, v in row.items()
        ]  # fmt: skip
        ours = ["-m", "holdfast.serving.predictor", "--model-dir", folder / "model",
                "--model-name", "adult", "--host", "127.0.0.1", "--port"]  # fmt: skip
        mlflow = ["-m", "mlflow", "models", "serve", "--env-manager", "local", "--host",
                  "127.0.0.1", "--model-uri", folder / "model", "--port"]  # fmt: skip
        kserve = ["-m", "tests.bench.serving_parts", "kserve", folder / "model"]
        v1, v2 = "/v1/models/adult:predict", "/v2/models/adult/infer"
        for title, command, ready, address, body in (
            ("predictor, V1", ours, "/v2/health/ready", v1, {"instances": [row]}),
            ("predictor, V2", ours, "/v2/health/ready", v2, {"inputs": inputs}),
            ("mlflow models serve", mlflow, "/ping", "/invocations", {"dataframe_records": [row]}),
            ("KServe and pandas", kserve, "/v2/health/ready", v1, {"instances": [row]}),
        ):
            with running([python, *command], ready) as (url, group):
                (folder / "body.json").write_text(json.dumps(body))
                for rate in rates:
                    before = cpu_seconds(group)
                    measured = program(python, "tests.bench.serving_parts", "ask", url + address,
                                       folder / "body.json", rate, seconds)  # fmt: skip
                    cpu = 1000 * (cpu_seconds(group) - before) / (rate * seconds + WARM_UP)
                    print(f"{title:20} {rate:4g}/s  {measured.strip()}  {cpu:5.1f} ms of CPU  "
                          f"load {os.getloadavg()[0]:.1f}", flush=True)  # fmt: skip


def cpu_seconds(group: int) -> float:
    """Return the CPU time of a process group."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            total += (int(fields[2]) == group) * (int(fields[11]) + int(fields[12]))
    return total / TICK


def program(python: Path, module: str, *arguments: object) -> str:
    """Run a module in another environment and return what it prints."""
    command = [python, "-W", "ignore", "-m", module, *map(str, arguments)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout


@contextmanager
def running(command: list, ready: str) -> Iterator[tuple[str, int]]:
    """Run a server on a free port until it answers, and end it and its children afterwards."""
    port = free_port()
    python = Path(command[0])
    variables = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        # mlflow looks for uvicorn there.
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
    }
    process = subprocess.Popen(
        [*map(str, command), str(port)], cwd=ROOT, env=variables, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{ready}", timeout=5):
                    break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError(f"{command} ended") from None
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=60)


if __name__ == "__main__":
    given = [float(text) for text in sys.argv[1:]]
    main(given[0] if given else 20, given[1:] or RATES)
