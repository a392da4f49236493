"""Score a batch in one of many ways: python -m tests.bench.work.scoring WAY FOLDER ROWS.

`train` makes the model and `table` the rows, in the folder; the ways print the seconds of the work
as JSON: on a frame without imports and loading the model, from Parquet to Parquet with both.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.support import ROOT

ADULT = ROOT.parent / "shared" / "data" / "adult.parquet"


def train(folder: Path, rows: int) -> None:
    """Train the model on Adult; fewer trees for few rows."""
    import pyarrow.parquet as pq

    from holdfast.training.fit_transformer.logic import fit_transformer
    from holdfast.training.train_xgboost.logic import Options, read_parameters, train
    from tests.training.samples import save, write_table

    adult = pq.read_table(ADULT)
    table = write_table(folder / "adult", {n: adult[n] for n in adult.column_names}, "class")
    parameters = read_parameters("", min(300, rows // 100), 6, 0.1)
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


def main(way: str, folder: Path, rows: int) -> None:
    """Do one thing and print its seconds."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if way in ("train", "table"):
        (train if way == "train" else repeat)(folder, rows)
        return
    whole = {"batch_predict": batch_predict, "script": plain_script}
    work = (lambda: whole[way](folder)) if way in whole else prepared(way, folder)
    start, busy = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    print(json.dumps({"work s": seconds, "work CPU s": cpu}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
