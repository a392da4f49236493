"""Tables and models that the tests of training, evaluation and the model contract share."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from holdfast.model import Model, feature_frame, save_model
from holdfast.table import Table, TableWriter, Task, open_table
from holdfast.training.fit_transformer.logic import fit_transformer
from holdfast.training.train_xgboost.logic import Options, read_parameters, train

ROOT = Path(__file__).resolve().parents[2]


def write_table(
    path: Path,
    columns: dict[str, Any],
    target: str = "",
    task: Task = "classification",
    role: str = "",
    holdout: str = "",
) -> Table:
    """Write columns as a table and open it."""
    rows = pa.table(columns)
    with TableWriter(path, rows.schema, target, task, role, holdout) as writer:
        for batch in rows.to_batches():
            writer.write(batch)
    return open_table(path)


def bundled(path: Path, name: str, rows: slice = slice(None)) -> Table:
    """Write breast_cancer or wine (labels as text) or diabetes, which scikit-learn ships."""
    from sklearn import datasets

    data = getattr(datasets, f"load_{name}")(as_frame=True)
    features = data.frame.drop(columns="target").iloc[rows]
    classify = hasattr(data, "target_names")
    target = data.target_names[data.target].astype(str) if classify else data.target.to_numpy()
    columns = {column: features[column].to_numpy() for column in features}
    task: Task = "classification" if classify else "regression"
    return write_table(path, {**columns, "target": pa.array(target[rows])}, "target", task)


def train_model(table: Table, n_estimators: int = 10) -> Model:
    """Fit a transformer and XGBoost to a table."""
    wanted = read_parameters("", n_estimators, 3, 0.3)
    return train(table, fit_transformer(table, 1), wanted, Options()).model


def frame_of(table: Table, model: Model) -> Any:
    """Return the rows of a table as the model reads them."""
    return feature_frame(table.read(), model.info.features)


def save(model: Model, table: Table, path: Path) -> Path:
    """Save a model with the first rows of its table, as the components do."""
    save_model(model, path, feature_frame(table.head(), model.info.features))
    return path


def digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file of a folder by its name."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
