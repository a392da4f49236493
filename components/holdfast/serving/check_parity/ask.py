"""A client of both protocols, and the predictor as a process of this step."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import pyarrow as pa

from holdfast.errors import InputError, MachineError, without_password
from holdfast.model import Model

if TYPE_CHECKING:
    import httpx

Protocol = Literal["v1", "v2"]
PROTOCOLS: tuple[Protocol, ...] = ("v1", "v2")
START_SECONDS, ANSWER_SECONDS = 300, 60
# A server may be restarted meanwhile.
TRIES = 5
NAME = "model"


class NoAnswerError(Exception):
    """The server refused the rows, or answered something else; the message says what."""


@dataclass(frozen=True)
class Answers:
    """What came back for some rows; `probabilities` is empty for a regression."""

    predictions: list[Any]
    probabilities: list[list[float]]


@dataclass(frozen=True)
class Server:
    """A served model."""

    client: "httpx.Client"
    name: str

    def ask(self, protocol: Protocol, model: Model, rows: pa.Table) -> Answers:
        """Return the answers to some rows of features.

        Raises:
            NoAnswerError: There are none.
        """
        values = {name: _json(rows.column(name), model, name) for name in model.info.features}
        try:
            if protocol == "v1":
                return self._ask_v1(values)
            return self._ask_v2(values, model)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise NoAnswerError(
                f"{type(error).__name__}: the answer is not of the protocol"
            ) from error

    def _ask_v1(self, values: dict[str, list[Any]]) -> Answers:
        instances = [
            dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)
        ]
        found = self._post(f"/v1/models/{self.name}:predict", {"instances": instances})
        return Answers(found["predictions"], found.get("probabilities", []))

    def _ask_v2(self, values: dict[str, list[Any]], model: Model) -> Answers:
        numbers = set(model.info.numeric)
        inputs = [
            {
                "name": name,
                "shape": [len(column)],
                "datatype": "FP64" if name in numbers else "BYTES",
                "data": column,
            }
            for name, column in values.items()
        ]
        found = self._post(f"/v2/models/{self.name}/infer", {"inputs": inputs})
        outputs = {output["name"]: output for output in found["outputs"]}
        flat = outputs.get("probabilities", {"data": []})["data"]
        width = len(model.info.classes) or 1
        rows = [flat[start : start + width] for start in range(0, len(flat), width)]
        return Answers(outputs["prediction"]["data"], rows)

    def _post(self, address: str, body: dict[str, Any]) -> dict[str, Any]:
        import httpx

        for turn in range(TRIES):
            try:
                answer = self.client.post(address, json=body)
                if answer.status_code not in (429, 502, 503, 504):
                    break
            except httpx.TransportError as error:
                if turn == TRIES - 1:
                    raise NoAnswerError(f"{type(error).__name__}: no answer") from error
            time.sleep(0.2 * 2**turn)
        if answer.status_code != 200:
            raise NoAnswerError(f"status {answer.status_code}: {answer.text[:300]}")
        found: dict[str, Any] = answer.json()
        return found


def _json(column: pa.ChunkedArray, model: Model, name: str) -> list[Any]:
    """Return a feature's values as JSON has them; a missing one is null."""
    kind = model.info.kind_of(name)
    if kind == "numbers":
        numbers: Sequence[float | None] = column.cast(pa.float64(), safe=False).to_pylist()
        return [None if value is None or math.isnan(value) else value for value in numbers]
    if kind == "dates":
        times = column.cast(pa.timestamp("us"), safe=False).to_pylist()
        return [None if value is None else value.isoformat() for value in times]
    text: list[Any] = column.cast(pa.string()).to_pylist()
    return text


@contextmanager
def connect(url: str, name: str) -> Iterator[Server]:
    """Yield a server that runs elsewhere.

    Raises:
        InputError: It is no such server, or serves no or several models and none is named.
        MachineError: It does not answer.
    """
    import httpx

    with ExitStack() as stack:
        try:
            client = stack.enter_context(httpx.Client(base_url=url, timeout=ANSWER_SECONDS))
            name = name or _only_model(client, url)
        except (httpx.TransportError, httpx.InvalidURL, ValueError) as error:
            away = isinstance(error, httpx.NetworkError | httpx.TimeoutException)
            raise (MachineError if away else InputError)(
                f"`url` must be a server of KServe's protocols, http(s)://HOST:PORT. Found: "
                f"{type(error).__name__} at {without_password(url)}. Check that it runs and can "
                f"be reached from here."
            ) from error
        yield Server(client, name)


def _only_model(client: "httpx.Client", url: str) -> str:
    found = client.get("/v1/models")
    names: list[str] = found.json()["models"] if found.status_code == 200 else []
    if len(names) != 1:
        raise InputError(
            f"`model_name` must be given where `url` does not list one model alone. Found: "
            f"{names[:10]} at {without_password(url)}. Name the one to compare with."
        )
    return names[0]


@contextmanager
def start(folder: str | Path) -> Iterator[Server]:
    """Run the predictor on a free port of this machine, and end it afterwards.

    Raises:
        MachineError: It does not get ready.
    """
    command = [sys.executable, "-m", "holdfast.serving.predictor", "--model-dir", str(folder),
               "--model-name", NAME, "--host", "127.0.0.1", "--port", "0",
               "--drain-seconds", "0"]  # fmt: skip
    # What a step is told of KFP is not the predictor's.
    variables = {k: v for k, v in os.environ.items() if k != "HOLDFAST_FALLBACK"}
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=variables)
        try:
            with connect(f"http://127.0.0.1:{_port(process, log)}", NAME) as server:
                yield server
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port(process: "subprocess.Popen[bytes]", log: IO[str]) -> int:
    """Return the port that the predictor's log names once it is ready."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        log.seek(0)
        for line in log.read().splitlines():
            if '"event": "ready"' in line:
                return int(json.loads(line)["port"])
        time.sleep(0.1)
    log.seek(0)
    raise MachineError(
        f"The predictor must get ready within {START_SECONDS} s. Found: exit code "
        f"{process.poll()}; its log ends with: {log.read()[-600:]}"
    )
