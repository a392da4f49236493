"""Measure what scoring a batch costs: python -m tests.bench.batch [ROWS] [REPEATS].

Adult's rows repeated, XGBoost of 300 trees, each way in a process of its own, in turns. On one
frame that is there already: the Booster on the transformed matrix, the scikit-learn Pipeline,
MLflow's pyfunc, and batch_predict's scoring, which also makes the frame of Arrow's rows. From
Parquet to Parquet: batch_predict, and the plain script that reads, scores and writes by pandas.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.support import ROOT, family_python

ADULT = ROOT.parent / "shared" / "data" / "adult.parquet"
ON_A_FRAME = ("pipeline", "booster", "pyfunc", "scoring")
FROM_PARQUET = ("plain script", "batch_predict")


def main(rows: int = 1_000_000, repeats: int = 3) -> None:
    """Measure all ways."""
    with tempfile.TemporaryDirectory() as folder:
        for family, what in (("training", "train"), ("serving", "table")):
            call(family, what, folder, rows)
        for ways in (ON_A_FRAME, FROM_PARQUET):
            measure(ways, folder, rows, repeats)


def measure(ways: tuple[str, ...], folder: str, rows: int, repeats: int) -> None:
    """Print medians of all ways, taken in turns; the first one is the yardstick.

    Beside the time on the clock stands that of the CPUs, which other programs disturb less.
    """
    found: dict[str, list[list[float]]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way in ways:
            found[way].append([float(n) for n in call("serving", way, folder, rows).split()])
    middle = {
        way: [median(each) for each in zip(*runs, strict=True)] for way, runs in found.items()
    }
    print(f"{rows:,} rows, load {os.getloadavg()[0]:.1f}")
    base = middle[ways[0]]
    for way, (clock, cpu, memory) in middle.items():
        print(
            f"  {way:14} {rows / clock:10,.0f} rows/s  {clock:6.2f} s  {base[0] / clock:6.1%}  "
            f"CPU {cpu:6.2f} s  {base[1] / cpu:6.1%}  {memory:.2f} GB",
            flush=True,
        )


def call(family: str, way: str, folder: str, rows: int) -> str:
    """Do one thing in a process of a family, and return what it says."""
    command = [family_python(family), "-m", "tests.bench.batch", way, folder, str(rows)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def train(folder: Path, _rows: int) -> None:
    """Train the model on Adult."""
    import pyarrow.parquet as pq

    from holdfast.training.fit_transformer.logic import fit_transformer
    from holdfast.training.train_xgboost.logic import Options, read_parameters, train
    from tests.training.samples import save, write_table

    rows = pq.read_table(ADULT)
    table = write_table(folder / "adult", {n: rows[n] for n in rows.column_names}, "class")
    parameters = read_parameters("", 300, 6, 0.1)
    save(train(table, fit_transformer(table, 1), parameters, Options()).model, table, folder / "m")


def repeat(folder: Path, rows: int) -> None:
    """Write so many rows of Adult as a table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from holdfast.table import TableWriter

    adult = pq.read_table(ADULT)
    plain = pa.schema([(f.name, _plain(f.type)) for f in adult.schema])
    adult = adult.cast(plain)
    with TableWriter(folder / "table", plain, "class", "classification") as writer:
        while writer.rows < rows:
            for batch in adult.slice(0, rows - writer.rows).combine_chunks().to_batches():
                writer.write(batch)


def _plain(kind: object) -> object:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def prepared(way: str, folder: Path) -> Callable[[], object]:
    """Load what a way needs, and return what is to be timed."""
    from holdfast.model import feature_frame, load_model
    from holdfast.serving.batch_predict.scoring import Scorer
    from holdfast.table import open_table

    model, table = load_model(folder / "m"), open_table(folder / "table")
    if way == "scoring":
        scorer = Scorer(model)
        rows = table.read()
        step = scorer.batch_rows
        return lambda: [scorer.score(rows.slice(n, step)) for n in range(0, table.rows, step)]
    frame = feature_frame(table.read(), model.info.features)
    if way == "pipeline":
        return lambda: model.pipeline.predict_proba(frame)
    if way == "pyfunc":
        import mlflow.pyfunc

        loaded = mlflow.pyfunc.load_model(str(folder / "m"))
        return lambda: loaded.predict(frame)
    import xgboost

    matrix = model.pipeline[:-1].transform(frame)
    booster = model.pipeline.steps[-1][1].estimators_[0].get_booster()
    return lambda: booster.predict(xgboost.DMatrix(matrix))


def batch_predict(folder: Path) -> None:
    """Score from Parquet to Parquet."""
    from holdfast.serving.batch_predict.logic import find_model, predict
    from holdfast.table import open_table

    with tempfile.TemporaryDirectory() as results:
        done = predict(
            open_table(folder / "table"), find_model(str(folder / "m"), "", ""),
            Path(results) / "predictions", Path(results) / "quarantine",
        )  # fmt: skip
        assert done.verdict.decision == "pass"


def plain_script(folder: Path) -> None:
    """Do the same with pandas."""
    import pandas as pd

    from holdfast.model import load_model

    model = load_model(folder / "m")
    with tempfile.TemporaryDirectory() as results:
        frame = pd.read_parquet(folder / "table")
        features = frame[list(model.info.features)]
        numbers = dict.fromkeys(model.info.numeric, "float64")
        output = model.pipeline.predict_proba(features.astype(numbers))
        frame["prediction"] = model.pipeline.classes_[output.argmax(axis=1)]
        for index, label in enumerate(model.info.classes):
            frame[f"probability_{label}"] = output[:, index]
        frame.to_parquet(Path(results) / "predictions.parquet", compression="zstd")


def once(way: str, folder: Path, rows: int) -> None:
    """Do one thing; print its seconds, those of the CPUs, and the process' peak memory in GB."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if way in ("train", "table"):
        (train if way == "train" else repeat)(folder, rows)
        return
    whole = {"batch_predict": batch_predict, "plain script": plain_script}
    work = (lambda: whole[way](folder)) if way in whole else prepared(way, folder)
    start, busy = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    print(seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


if __name__ == "__main__":
    if sys.argv[1:] and not sys.argv[1].isdigit():
        once(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main(*map(int, sys.argv[1:]))
