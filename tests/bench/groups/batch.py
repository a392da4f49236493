"""What scoring a batch costs: batch_predict beside the Booster and MLflow's pyfunc.

Adult's rows repeated, 300 trees. On a frame that is there already (`frame`): the Booster on the
transformed matrix, which is the least that must be done, the scikit-learn Pipeline, MLflow's
pyfunc, and batch_predict's scoring, which also makes the frame of Arrow's rows. From Parquet to
Parquet (`parquet`): batch_predict, which also sets aside what can't be scored, and the script that
reads, scores and writes by pandas.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from holdfast.errors import MachineError
from tests.bench.frame import PEAK, WALL, WORK, Case, Comparison, Group, Size
from tests.bench.peers import python
from tests.bench.processes import Found, module
from tests.conftest import REAL_DATA

JUDGED = (WORK, "work CPU s", WALL, PEAK)
ON_A_FRAME = (
    ("batch_predict", "scoring", "", "Scorer(model).score(rows), batch by batch"),
    ("booster", "booster", "xgboost-cpu", "Booster.predict(DMatrix(matrix))"),
    ("pyfunc", "pyfunc", "mlflow-skinny", "mlflow.pyfunc.load_model(m).predict(frame)"),
    ("pipeline", "pipeline", "scikit-learn", "pipeline.predict_proba(frame)"),
)
FROM_PARQUET = (
    ("batch_predict", "batch_predict", "", "batch_predict(table, model)"),
    ("script", "script", "pandas", "read_parquet, predict_proba, to_parquet"),
)


def comparisons(size: Size) -> Sequence[Comparison]:
    """Return both."""
    rows = size.rows(1_000_000)
    return [
        Comparison(name, f"scoring {rows:,} rows {how}", partial(cases, ways, rows), JUDGED,
                   partial(make, rows))
        for name, how, ways in (
            ("frame", "in memory", ON_A_FRAME), ("parquet", "from Parquet to Parquet", FROM_PARQUET)
        )
    ]  # fmt: skip


def cases(ways: Sequence[tuple], rows: int, folder: Path) -> list[Case]:
    """Return a case for each way."""
    return [
        Case(name, call, partial(score, "serving", way, folder, rows), "serving", distribution)
        for name, way, distribution, call in ways
    ]


def make(rows: int, folder: Path) -> None:
    """Train the model and write the table."""
    if not REAL_DATA.is_dir():
        raise MachineError("It needs adult.parquet among the real tables.")
    score("training", "train", folder, rows)
    score("serving", "table", folder, rows)


def score(family: str, way: str, folder: Path, rows: int) -> Found:
    """Do one thing in the environment of a family."""
    return module(python(family), "tests.bench.work.scoring", way, folder, rows)


GROUP = Group("batch", __doc__, comparisons)
