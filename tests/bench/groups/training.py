"""What a fit costs: train_xgboost's beside plain XGBoost with 1, 2 and its default of threads.

The same matrix, rounds, depth and rate, after imports and a first fit that wakes the library; on
the machine as it is, and beside programs that burn every CPU. Ours finds out how many threads pay.
"""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.bench.frame import PEAK, WALL, WORK, Case, Comparison, Group, Size
from tests.bench.peers import python
from tests.bench.processes import THREADS, Found, busy, module
from tests.conftest import REAL_DATA

ROWS = 500_000
JUDGED = (WORK, "work CPU s", WALL, PEAK)


def comparisons(size: Size) -> Sequence[Comparison]:
    """Return both tables, on both machines."""
    found = []
    tables = (("500k", size.rows(ROWS)), ("adult", REAL_DATA / "adult.parquet"))
    for name, table in tables[: 1 if size.quick else 2]:
        for state, burners in (("quiet", 0), ("busy", os.cpu_count() or 1)):
            title = f"a fit on {table.name if isinstance(table, Path) else f'{table:,} x 20'}"
            found.append(
                Comparison(
                    f"{name}-{state}", f"{title}, {burners} other programs that burn a CPU",
                    lambda _, table=table: cases(table), JUDGED, around=partial(busy, burners),
                )
            )  # fmt: skip
    return found


def cases(table: object) -> list[Case]:
    """Return ours, and XGBoost's with some threads."""
    call = "boosting.fit(matrix, target), in train_xgboost"
    own = Case("train_xgboost", call, partial(fit, "ours", table), "training")
    names = {"1": "1-thread", "2": "2-threads", "default": "default-threads"}
    calls = {"1": "n_jobs=1", "2": "n_jobs=2", "default": ""}
    return [
        own,
        *(
            Case(names[way], f"XGBClassifier({calls[way]}).fit(inputs, target)",
                 partial(fit, way, table), "training", "xgboost-cpu", quick=way == "1")
            for way in names
        ),
    ]  # fmt: skip


def fit(way: str, table: object) -> Found:
    """Fit once, with OpenMP as it comes."""
    as_it_comes = dict.fromkeys((*THREADS, "OMP_WAIT_POLICY"))
    return module(python("training"), "tests.bench.work.fit_once", way, table, more=as_it_comes)


GROUP = Group("training", __doc__, comparisons)
