"""Measure an evaluation of a million rows: python -m tests.bench.evaluation [rows] [draws].

Run it with the Python of the evaluation environment (`holdfast environments --python evaluation`).
Each case has a process of its own, so that its peak is its own; `before` is what that process holds
before it starts: libraries, truth and probabilities.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

ROWS, DRAWS = 1_000_000, 200
LABELS = np.array(["no", "yes"], dtype=object)
# Wall and CPU seconds, and the memory before.
Took = tuple[tuple[float, float], float]


def main(wanted: list[str]) -> None:
    """Print a line for each case."""
    rows, draws = (*map(int, wanted), *(ROWS, DRAWS)[len(wanted) :])
    print(f"{rows:,} rows, {draws} draws of all metrics that may gate", flush=True)
    print(f"{'':44} {'seconds':>8} {'of CPU':>8} {'peak MB':>8} {'before':>8}", flush=True)
    for name in CASES:
        command = [sys.executable, "-m", "tests.bench.evaluation", "--case", name]
        done = subprocess.run(
            [*command, str(rows), str(draws)], capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout.splitlines()[-1])
        numbers = "".join(f" {found[key]:8.1f}" for key in ("seconds", "cpu", "peak", "before"))
        print(f"{name:44}{numbers}", flush=True)


def classes(rows: int, draws: int, count: int) -> Took:
    """Time the intervals of a classifier."""
    from holdfast.performance.bootstrap import Resampling, intervals
    from holdfast.performance.predictions import Predictions

    predicted = Predictions("classification", *drawn(rows, count))
    before = peak()
    start = now()
    intervals(predicted, Resampling(draws))
    return took(start), before


def numbers(rows: int, draws: int) -> Took:
    """Time the intervals of a regressor."""
    from holdfast.performance.bootstrap import Resampling, intervals
    from holdfast.performance.predictions import Predictions

    generator = np.random.default_rng(0)
    truth, noise = generator.normal(size=(2, rows)) + 9
    predicted = Predictions("regression", truth, truth + noise, np.empty((0, 0)))
    before = peak()
    start = now()
    intervals(predicted, Resampling(draws))
    return took(start), before


def compared(rows: int, draws: int) -> Took:
    """Time the intervals of the difference of two classifiers."""
    from holdfast.evaluation.compare_models.paired import compare
    from holdfast.performance.bootstrap import Resampling
    from holdfast.performance.predictions import Predictions

    pair = [Predictions("classification", *drawn(rows, 2, seed)) for seed in (0, 1)]
    before = peak()
    start = now()
    compare(*pair, Resampling(draws))
    return took(start), before


def whole(rows: int, draws: int) -> Took:
    """Time evaluate_model's logic on a table, prediction, page and predictions included."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    from holdfast.evaluation.evaluate_model import logic
    from holdfast.model import Model, ModelInfo, feature_frame
    from tests.training.samples import write_table

    generator = np.random.default_rng(0)
    names = tuple(f"x{n}" for n in range(10))
    columns = {name: generator.normal(size=rows) for name in names}
    truth = generator.normal(size=rows) + columns["x0"] > 0.5
    columns["y"] = pa.array(np.where(truth, "yes", "no"))
    with tempfile.TemporaryDirectory() as folder:
        table = write_table(Path(folder) / "test", columns, "y")
        frame = feature_frame(table.head(10_000), names)
        learned = LogisticRegression().fit(frame, table.head(10_000).column("y").to_numpy())
        info = ModelInfo("y", "classification", names, names, classes=("no", "yes"))
        model = Model(Pipeline([("line", learned)]), info)
        del columns, truth, frame
        before = peak()
        start = now()
        tables = logic.Tables(table)
        result = logic.evaluate(model, tables, logic.ask(resampling=(draws, 0.95, 0)))
        result.write_predictions(Path(folder) / "predictions")
        result.write(*(Path(folder) / name for name in ("verdict", "html", "markdown")))
        return took(start), before


def drawn(rows: int, count: int, seed: int = 0) -> tuple:
    """Return truth, answers, probabilities and classes."""
    generator = np.random.default_rng(seed)
    labels = LABELS if count == 2 else np.array([f"class {n}" for n in range(count)], object)
    truth = np.random.default_rng(99).integers(0, count, rows)
    scores = generator.normal(size=(rows, count)).astype(np.float32)
    scores[np.arange(rows), truth] += 1
    scores = np.exp(scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return labels[truth], labels[scores.argmax(axis=1)], scores, tuple(labels.tolist())


def peak() -> float:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def now() -> tuple[float, float]:
    """Return wall time and CPU time."""
    return time.perf_counter(), time.process_time()


def took(start: tuple[float, float]) -> tuple[float, float]:
    """Return the wall and CPU time since a start."""
    return time.perf_counter() - start[0], time.process_time() - start[1]


CASES = {
    "intervals, two classes": lambda rows, draws: classes(rows, draws, 2),
    "intervals, ten classes": lambda rows, draws: classes(rows, draws, 10),
    "intervals, regression": numbers,
    "intervals of the difference of two models": compared,
    "evaluate_model, two classes, ten features": whole,
}


def case(name: str, rows: int, draws: int) -> None:
    """Run one case and print what it took."""
    (seconds, cpu), before = CASES[name](rows, draws)
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak(), "before": before}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        case(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main(sys.argv[1:])
