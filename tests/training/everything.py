"""One table and one model with every kind of step at once.

python -m tests.training.everything TABLE FOLDER fits the model to the table and saves it, so that
two processes can be compared.
"""

import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from holdfast.model import Model
from holdfast.table import Table, open_table
from holdfast.training.features import training_inputs
from holdfast.training.fit_transformer.logic import fit_transformer
from tests.training.samples import save, write_table

FEATURES = """
drop: [unused]
numeric:
  - {columns: [clipped], clip: 0.01, impute: median, scale: standard}
  - {columns: [logged], log: true, scale: minmax}
  - {columns: [binned], impute: mean, bins: 8, one_hot: true}
  - {columns: [p, q], impute: 0, indicator: true, polynomial: 2}
  - {columns: [u, v], impute: most_frequent, interactions: true, scale: robust}
categorical:
  - {columns: [colour], encode: one_hot, min_frequency: 20, max_categories: 30}
  - {columns: [size], encode: ordinal, order: [small, medium, large]}
  - {columns: [city], encode: frequency}
  - {columns: [zip, user], encode: target, folds: 5, smooth: 10}
datetime:
  - {columns: [at], parts: [month], cyclic: [hour, day_of_week], flags: [weekend, month_end]}
text:
  - {columns: [comment], max_features: 5, min_rows: 5, words: 2}
"""
NUMBERS = ("clipped", "logged", "binned", "p", "q", "u", "v", "unused", "inferred_number")


def everything(path: Path, rows: int = 300) -> Table:
    """Write a table with missing values in every column but the target."""
    random = np.random.default_rng(0)
    columns = {name: random.exponential(size=rows).tolist() for name in NUMBERS}
    for name, size in (("colour", 5), ("city", 8), ("user", 60), ("inferred_text", 4)):
        columns[name] = [f"{name} {number}" for number in random.integers(0, size, rows)]
    columns["size"] = random.choice(["small", "medium", "large"], rows).tolist()
    columns["zip"] = random.integers(0, 40, rows).tolist()
    hours = random.integers(0, 9000, rows).tolist()
    columns["at"] = [datetime(2024, 1, 1) + timedelta(hours=hour) for hour in hours]
    columns["inferred_date"] = [date(2024, 1, 1) + timedelta(days=hour) for hour in hours]
    words = random.choice(["good", "bad", "fine", "awful"], (rows, 3))
    columns["comment"] = [" ".join(row) for row in words]
    for number, values in enumerate(columns.values()):
        values[number] = None
    target = random.normal(size=rows)
    arrays = {name: pa.array(values) for name, values in columns.items()}
    return write_table(path, {**arrays, "y": target}, "y", "regression")


def train_everything(table: Table) -> Model:
    """Fit every step and a regressor."""
    from sklearn.pipeline import Pipeline
    from xgboost import XGBRegressor

    transformer = fit_transformer(table, 1, FEATURES)
    estimator = XGBRegressor(n_estimators=20, n_jobs=1).fit(*training_inputs(transformer, table))
    return Model(
        Pipeline([*transformer.pipeline.steps, ("estimator", estimator)]), transformer.info
    )


if __name__ == "__main__":
    table = open_table(sys.argv[1])
    save(train_everything(table), table, Path(sys.argv[2]))
