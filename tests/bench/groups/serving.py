"""How fast one row is answered over HTTP, at fixed rates: our predictor beside other servers.

One row of Adult, 300 trees, one model directory of MLflow for all; each server runs alone, as its
manual starts it, with one thread for XGBoost. A request's time begins when it was due, not when it
could be sent, so that a server that falls behind is seen to. CPU time and memory (PSS, after the
last answer) are those of all the server's processes; the CPU time of an answer says something on a
machine that is busy, too.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from holdfast.errors import MachineError
from tests.bench import peers
from tests.bench.frame import Case, Comparison, Group, Size
from tests.bench.processes import Found, module, variables
from tests.bench.work.serving_parts import WARM_UP
from tests.conftest import REAL_DATA

ADULT = REAL_DATA / "adult.parquet"
PARTS = "tests.bench.work.serving_parts"
JUDGED = ("p95 ms", "p50 ms", "p99 ms", "CPU ms", "server MB")
RATES, SECONDS = (50, 100, 150), 10
READY_SECONDS = 120
V1, V2, READY = "/v1/models/adult:predict", "/v2/models/adult/infer", "/v2/health/ready"
# They go the ways of others.
LONG = ("predictor-v2", "kserve")
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A server: how it is started, where it says that it is ready, and what it is asked.

    `command` is what follows the environment's bin folder; {folder} and {port} are filled in.
    """

    command: tuple[str, ...]
    environment: str
    address: str
    body: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ready: str = READY


def comparisons(size: Size) -> Sequence[Comparison]:
    """Return a comparison for each rate."""
    seconds = 1 if size.quick else SECONDS
    return [
        Comparison(
            f"{rate}-per-second", f"one row at {rate} requests a second, for {seconds} s",
            partial(cases, rate, seconds), JUDGED, partial(make, 30 if size.quick else 300),
            # Each server is asked a few times before it is measured.
            warm=False,
        )
        for rate in (RATES[:1] if size.quick else RATES)
    ]  # fmt: skip


def cases(rate: int, seconds: int, folder: Path) -> list[Case]:
    """Return the servers."""
    ours = ("python", "-m", "holdfast.serving.predictor", "--model-dir", "{folder}/model",
            "--model-name", "adult", "--host", "127.0.0.1", "--port", "{port}")  # fmt: skip
    mlflow = ("mlflow", "models", "serve", "--env-manager", "local", "--host", "127.0.0.1",
              "--model-uri", "{folder}/model", "--port", "{port}")  # fmt: skip
    kserve = ("python", "-m", PARTS, "kserve", "{folder}/model", "{port}")
    mlserver = ("mlserver", "start", "{folder}/mlserver")
    found = (
        ("predictor", "", Server(ours, "serving", V1, instances), "holdfast serve m, V1"),
        ("predictor-v2", "", Server(ours, "serving", V2, tensors), "holdfast serve m, V2"),
        ("mlflow", "mlflow-skinny", Server(mlflow, "serving", "/invocations", records, "/ping"),
         "mlflow models serve --model-uri m --env-manager local"),
        ("kserve", "kserve", Server(kserve, "serving", V1, instances),
         "ModelServer().start([Model]) with predict_proba(pandas.DataFrame(instances))"),
        ("mlserver", "mlserver", Server(mlserver, "mlserver", V2, codec_tensors),
         "mlserver start m, with mlserver_mlflow.MLflowRuntime"),
    )  # fmt: skip
    return [
        Case(name, call, partial(measure, server, rate, seconds, folder), server.environment,
             distribution, quick=name not in LONG)
        for name, distribution, server, call in found
    ]  # fmt: skip


def instances(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request of the V1 protocol."""
    return {"instances": [row]}


def records(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request of MLflow's."""
    return {"dataframe_records": [row]}


def tensors(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request of the V2 protocol."""
    kinds = {name: "BYTES" if isinstance(value, str) else "FP64" for name, value in row.items()}
    given = [
        {"name": name, "shape": [1], "datatype": kinds[name], "data": [value]}
        for name, value in row.items()
    ]
    return {"inputs": given}


def codec_tensors(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request of the V2 protocol that tells MLServer to make a data frame."""
    given = [dict(each) for each in tensors(row)["inputs"]]
    for each in given:
        if each["datatype"] == "BYTES":
            each |= {"parameters": {"content_type": "str"}, "shape": [1, 1]}
        else:
            each |= {"shape": [1, 1]}
    return {"parameters": {"content_type": "pd"}, "inputs": given}


def make(rounds: int, folder: Path) -> None:
    """Train the model, and write what MLServer reads."""
    if not ADULT.is_file():
        raise MachineError(f"It needs {ADULT.name} among the real tables.")
    module(peers.python("serving"), PARTS, "train", ADULT, folder, rounds)
    (folder / "mlserver").mkdir()
    settings = {
        "name": "adult",
        "implementation": "mlserver_mlflow.MLflowRuntime",
        "parameters": {"uri": str(folder / "model")},
    }
    (folder / "mlserver" / "model-settings.json").write_text(json.dumps(settings))


def measure(server: Server, rate: int, seconds: int, folder: Path) -> Found:
    """Start a server, ask it, and stop it."""
    body = folder / f"{rate}.json"
    body.write_text(json.dumps(server.body(json.loads((folder / "row.json").read_text()))))
    with running(server, folder) as (url, group):
        before = cpu_seconds(group)
        asked = (url + server.address, body, rate, seconds)
        found = module(peers.python("serving"), PARTS, "ask", *asked, network=True).quantities
        cpu, memory = cpu_seconds(group) - before, held(group)
    if found["failed"]:
        raise MachineError(f"{found['failed']:.0f} of {rate * seconds} requests failed.")
    kept = {name: found[name] for name in (*JUDGED[:3], "answers/s")}
    return Found({**kept, "CPU ms": 1000 * cpu / (rate * seconds + WARM_UP), "server MB": memory})


@contextmanager
def running(server: Server, folder: Path) -> Iterator[tuple[str, int]]:
    """Run a server on free ports until it answers, and end it and its children afterwards."""
    from tests.programs import free_port

    port, bin_folder = free_port(), peers.python(server.environment).parent
    ports = {"HTTP": port, "GRPC": free_port(), "METRICS": free_port()}
    more = {
        **{f"MLSERVER_{name}_PORT": str(number) for name, number in ports.items()},
        "MLSERVER_HOST": "127.0.0.1",
        "OMP_NUM_THREADS": "1",
        # mlflow looks for uvicorn there.
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
    }
    words = [each.format(folder=folder, port=port) for each in server.command]
    log = folder / "server.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            [str(bin_folder / words[0]), *words[1:]], cwd=folder, env=variables(more),
            stdout=written, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        _wait(process, f"http://127.0.0.1:{port}{server.ready}", log)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        _end(process)


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    end = " ".join(log.read_text(errors="replace")[-300:].split())
    raise MachineError(f"The server was not ready after {READY_SECONDS} s, or ended: {end}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=20)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=20)


def _members(group: int) -> Iterator[tuple[Path, list[str]]]:
    """Yield folder and fields (from the state on) of each process of a group."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                yield stat.parent, fields


def cpu_seconds(group: int) -> float:
    """Return the CPU time of a process group."""
    return sum(int(f[11]) + int(f[12]) for _, f in _members(group)) / TICK


def held(group: int) -> float:
    """Return the memory that a process group holds, in MB; what processes share counts once."""
    total = 0
    for folder, _ in _members(group):
        with contextlib.suppress(OSError):
            lines = (folder / "smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


GROUP = Group("serving", __doc__, comparisons)
