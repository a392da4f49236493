"""Tables of predictions for the tests, in the form that batch_predict writes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from holdfast.monitoring.baseline import read_baseline
from holdfast.monitoring.fit_performance_baseline.logic import fit
from holdfast.monitoring.scored import open_predictions
from holdfast.performance.bootstrap import Resampling
from holdfast.performance.columns import PredictionColumns
from holdfast.table import TableWriter

CLASSES = ("no", "yes")
NOW = "2026-06-01T00:00:00Z"
FEW = Resampling(60, 0.95, 0)
PREDICTED = datetime(2026, 5, 1, tzinfo=UTC)


def write_scored(path: Path, columns: dict[str, Any], meaning: PredictionColumns, version="1"):
    """Write columns with what batch_predict adds to them; return the path."""
    rows = pa.table(columns)
    count = rows.num_rows
    stamp = pa.timestamp("us", tz="UTC")
    added = {
        "model_name": pa.array(["model"] * count, pa.string()),
        "model_version": pa.array([version] * count, pa.string()),
        "data_sha256": pa.array(["0" * 64] * count, pa.string()),
        "predicted_at": pa.array([PREDICTED] * count, stamp),
    }
    for name, values in added.items():
        if name not in rows.column_names:
            rows = rows.append_column(name, values)
    with TableWriter(path, meaning.attach(rows.schema)) as writer:
        for batch in rows.to_batches():
            writer.write(batch)
    return path


def binary(path: Path, rows: int = 2000, seed: int = 0, labels: str = "yes", **columns: Any):
    """Write calibrated predictions of two classes: the chance of `yes` is the probability.

    Columns that are given come in place of, or beside, the drawn ones. `labels` none leaves the
    target out.
    """
    random = np.random.default_rng(seed)
    x = random.uniform(0, 1, rows)
    p = columns.pop("p", x)
    truth = columns.pop("truth", np.where(random.random(rows) < p, "yes", "no"))
    made = {
        "id": np.arange(rows),
        "x": x,
        "group": np.where(random.random(rows) < 0.5, "a", "b"),
        "target": truth,
        "prediction": np.where(p >= 0.5, "yes", "no"),
        "probability_no": 1 - p,
        "probability_yes": p,
    } | columns
    if labels == "none":
        del made["target"]
    return write_scored(path, made, PredictionColumns("classification", "target", CLASSES))


def numeric(path: Path, rows: int = 2000, seed: int = 0, shift: float = 0.0, **columns: Any):
    """Write predictions of a number, the errors of which are normal and grow with x."""
    random = np.random.default_rng(seed)
    x = columns.pop("x", random.uniform(0, 1, rows))
    errors = random.normal(shift, 0.5 + x, rows)
    answers = columns.pop("answers", 10 * x)
    made = {
        "id": np.arange(rows),
        "x": x,
        "target": answers - errors,
        "prediction": answers,
    } | columns
    return write_scored(path, made, PredictionColumns("regression", "target"))


def baseline_of(path: Path, folder: Path, how: Resampling = FEW, **more: Any):
    """Fit a baseline on a table of predictions; return its path."""
    options = {"label": "", "features": [], "exclude": ["id"]} | more
    fit(open_predictions(str(path)), *options.values(), how).baseline.write(folder)
    assert read_baseline(folder)
    return folder
