"""Fit XGBoost once and print the seconds: python -m tests.bench.work.fit_once WAY TABLE.

WAY is 1 or 2 (threads of plain XGBoost), default (plain XGBoost as it comes) or ours; TABLE is a
path, or how many rows of 20 numbers are generated.
"""

import json
import os
import sys
from time import perf_counter, process_time

from holdfast import threads


def inputs_of(table: str):
    """Return the matrix and the class numbers."""
    import numpy as np
    import pandas as pd
    from sklearn.preprocessing import OrdinalEncoder

    if table.isdigit():
        random = np.random.default_rng(0)
        inputs = random.normal(size=(int(table), 20))
        noise = random.normal(size=len(inputs))
        return inputs, (inputs[:, 0] + inputs[:, 1] * inputs[:, 2] + noise > 0).astype(int)
    frame = pd.read_parquet(table)
    target = (frame.pop("class") == ">50K").to_numpy().astype(int)
    numbers = frame.select_dtypes("number")
    text = frame.drop(columns=numbers.columns).astype("str")
    codes = OrdinalEncoder().fit_transform(text)
    rows = np.random.default_rng(0).permutation(len(target))[: len(target) * 4 // 5]
    return np.column_stack([numbers.to_numpy(float), codes])[rows], target[rows]


def main(way: str, table: str) -> None:
    """Fit once with warm imports."""
    if way == "ours":
        threads.wait_passively()
    os.environ.pop("OMP_NUM_THREADS", None)
    from xgboost import XGBClassifier

    from holdfast.training import boosting
    from holdfast.training.training_set import TrainingSet

    inputs, target = inputs_of(table)
    rounds = min(60, int(table) // 1000) if table.isdigit() else 300
    basic = {"n_estimators": rounds, "max_depth": 6, "learning_rate": 0.1}
    names = tuple(map(str, range(inputs.shape[1])))
    XGBClassifier(n_estimators=1, n_jobs=1).fit(inputs[:100], target[:100])
    start, busy = perf_counter(), process_time()
    if way == "ours":
        unfitted = boosting.unfitted(boosting.Boosting(**basic), True, 42)
        boosting.fit(unfitted, TrainingSet(inputs, target, (0, 1), names, None))
    else:
        count = None if way == "default" else int(way)
        XGBClassifier(**basic, random_state=42, n_jobs=count).fit(inputs, target)
    seconds, cpu = perf_counter() - start, process_time() - busy
    print(json.dumps({"work s": seconds, "work CPU s": cpu}))


if __name__ == "__main__":
    main(*sys.argv[1:])
