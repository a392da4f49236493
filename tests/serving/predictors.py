"""Small real models, and the real server process that serves them.

As a program it writes one: python -m tests.serving.predictors FOLDER.
"""

import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa

from holdfast.model import Model, feature_frame, load_model, save_model
from holdfast.table import Table, TableWriter, open_table
from holdfast.training import boosting
from holdfast.training.fit_transformer.logic import fit_transformer
from holdfast.training.training_set import join_model, read_training_set

NAME = "people"
V1, V2 = f"/v1/models/{NAME}:predict", f"/v2/models/{NAME}/infer"
KINDS = {"age": "FP64", "member": "BOOL", "city": "BYTES", "since": "BYTES"}
START = datetime.datetime(2020, 1, 1)


def people(path: Path, count: int = 400) -> Table:
    """Write rows of each kind of feature, some values missing, and a class that they tell."""
    random = np.random.default_rng(0)
    age, member = random.normal(40, 10, count).round(2), random.random(count) < 0.5
    city = random.choice(["Ulm", "Rom", "Łódź"], count)
    since = [START + datetime.timedelta(days=int(day)) for day in random.integers(0, 900, count)]
    score = age / 10 + 2 * member + (city == "Rom") + random.normal(size=count)
    lost = random.random(count) < 0.05
    rows = pa.table(
        {
            "age": pa.array(age, mask=lost),
            "member": pa.array(member),
            "city": pa.array(city, mask=lost[::-1]),
            "since": pa.array(since, pa.timestamp("us")),
            "answer": pa.array(np.where(score > 5.5, "yes", "no")),
        }
    )
    return write(path, rows, "answer")


def measures(path: Path, count: int = 200) -> Table:
    """Write two columns of numbers and a number that is their sum, almost."""
    x, z, noise = np.random.default_rng(1).normal(size=(3, count))
    return write(path, pa.table({"x": x, "z": z, "sum": x + z + 0.1 * noise}), "sum", "regression")


def write(path: Path, rows: pa.Table, target: str, task: Any = "classification") -> Table:
    """Write a table and open it."""
    with TableWriter(path, rows.schema, target, task) as writer:
        for batch in rows.to_batches():
            writer.write(batch)
    return open_table(path)


def trees(table: Table, rounds: int = 10, max_depth: int = 3, learning_rate: float = 0.3) -> Model:
    """Train XGBoost as train_xgboost does, without its report."""
    transformer = fit_transformer(table, 1)
    training_set = read_training_set(table, transformer)
    wanted = boosting.Boosting(
        n_estimators=rounds, max_depth=max_depth, learning_rate=learning_rate
    )
    unfitted = boosting.unfitted(wanted, bool(training_set.classes), 0)
    fitted = boosting.forget_machine(boosting.fit(unfitted, training_set))
    last = boosting.with_labels(fitted, training_set.classes) if training_set.classes else fitted
    return join_model(table, transformer, [("xgboost", last)], training_set.classes)


def line(table: Table) -> Model:
    """Fit a straight line, which has no answer without a number."""
    from sklearn.linear_model import LinearRegression

    transformer = fit_transformer(table, 1)
    training_set = read_training_set(table, transformer)
    fitted = LinearRegression().fit(training_set.inputs, training_set.target)
    return join_model(table, transformer, [("line", fitted)], ())


def save(model: Model, table: Table, path: Path) -> Path:
    """Save a model as the training components do."""
    save_model(model, path, feature_frame(table.head(), model.info.features))
    return path


@dataclass(frozen=True)
class Running:
    """A server process."""

    url: str
    process: subprocess.Popen
    log: Path
    client: httpx.Client = field(repr=False)

    def lines(self, event: str = "request") -> list[dict[str, Any]]:
        """Return the log's lines of one kind; every line must be JSON."""
        found = [json.loads(text) for text in self.log.read_text().splitlines()]
        return [entry for entry in found if entry["event"] == event]

    def line(self, **wanted: str) -> dict[str, Any]:
        """Return the last request's line that holds these values: it comes after the answer."""
        for _ in range(100):
            found = [entry for entry in self.lines() if wanted.items() <= entry.items()]
            if found:
                return found[-1]
            time.sleep(0.05)
        raise AssertionError(f"no line with {wanted}")

    def metric(self, name: str) -> float:
        """Return a metric, with its labels as Prometheus writes them."""
        for text in self.client.get("/metrics").text.splitlines():
            if text.startswith(name + " "):
                return float(text.rpartition(" ")[2])
        return 0.0


@contextmanager
def serving(folder: Path, log: Path, *options: str, name: str = NAME) -> Iterator[Running]:
    """Run the predictor on a free port until it is ready, and end it afterwards."""
    command = [sys.executable, "-m", "holdfast.serving.predictor", "--model-dir", str(folder),
               "--model-name", name, "--host", "127.0.0.1", *options]  # fmt: skip
    command += [] if "--port" in options else ["--port", "0"]
    with log.open("a") as sink:
        start = sink.tell()
        process = subprocess.Popen(command, stdout=sink, stderr=sink, env=dict(os.environ))
    try:
        url = f"http://127.0.0.1:{wait_for_port(process, log, start)}"
        with httpx.Client(base_url=url, timeout=30) as client:
            yield Running(url, process, log, client)
    finally:
        process.kill()
        process.wait(timeout=30)


def wait_for_port(process: subprocess.Popen, log: Path, start: int = 0) -> int:
    """Return the port that the log names once the server is ready."""
    for _ in range(1800):
        for text in log.read_text()[start:].splitlines():
            if '"event": "ready"' in text:
                return json.loads(text)["port"]
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}: {log.read_text()}")
        time.sleep(0.1)
    raise RuntimeError(f"the server was not ready: {log.read_text()}")


def rows_of(table: Table, count: int = 50) -> list[dict[str, Any]]:
    """Return rows as a client writes them."""
    rows = table.head(count).select(list(table.features)).to_pylist()
    return [
        {name: v.isoformat() if isinstance(v, datetime.datetime) else v for name, v in row.items()}
        for row in rows
    ]


def tensors(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return rows of people as a V2 body."""
    return {
        "inputs": [
            {
                "name": name,
                "shape": [len(rows)],
                "datatype": datatype,
                "data": [row[name] for row in rows],
            }
            for name, datatype in KINDS.items()
        ]
    }


def expected(folder: Path, table: Table, count: int = 50) -> np.ndarray:
    """Return the probabilities of the model in this process."""
    model = load_model(folder)
    return model.pipeline.predict_proba(feature_frame(table.head(count), model.info.features))


if __name__ == "__main__":
    place = Path(sys.argv[1])
    written = people(place / "table")
    save(trees(written), written, place / "model")
