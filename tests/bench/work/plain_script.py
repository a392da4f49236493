"""The yardstick: the training pipeline's work as one plain script in one process.

It takes the same libraries and does the same: read, split, infer a schema and validate against it,
fit, train, judge with a report's plot, register in a SQLite store. TFDV's Python package can't be
installed beside the model stack, so schema and validation go through our binding of its extension.

python -m tests.bench.work.plain_script TABLE TARGET FOLDER

The same functions are the steps of Kedro's, Metaflow's and ZenML's runs beside it; each imports
what it needs, so that a step that is a process of its own pays for no other's libraries.
"""

import json
import os
import sys
import tempfile
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from sklearn.pipeline import Pipeline


def main(path: str, target: str, folder: str) -> None:
    """Do it all, and say what the test's ROC AUC is."""
    train, test = split(path, target)
    check(train, test)
    model = fit(train, target)
    metrics = judge(model, test, target)
    register(model, test.drop(columns=target), metrics, folder)
    print(json.dumps({"roc_auc": metrics["roc_auc"]}))


def split(path: str, target: str) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """Read the table, and split it into training and test rows."""
    import pandas as pd
    from sklearn.model_selection import train_test_split

    frame = pd.read_parquet(path)
    frame = frame.astype(dict.fromkeys(frame.select_dtypes("category"), "str"))
    return train_test_split(frame, test_size=0.2, stratify=frame[target], random_state=42)


def check(train: "pd.DataFrame", test: "pd.DataFrame") -> None:
    """Validate the test share against the training share's schema."""
    from holdfast.profiles.profile import profile_table
    from holdfast.table import open_table
    from holdfast.validation.infer_schema.logic import infer_schema
    from holdfast.validation.schema import write_schema
    from holdfast.validation.validate_table.logic import Others, Request, validate

    with tempfile.TemporaryDirectory() as folder:
        for name, share in (("train", train), ("test", test)):
            share.to_parquet(f"{folder}/{name}.parquet")
        schema = f"{folder}/schema.pbtxt"
        write_schema(
            infer_schema(profile_table(open_table(f"{folder}/train.parquet")), 0.01), schema
        )
        validate(open_table(f"{folder}/test.parquet"), schema, Others(), Request())


def fit(train: "pd.DataFrame", target: str) -> "Pipeline":
    """Fit transformer and trees."""
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder
    from xgboost import XGBClassifier

    features, labels = train.drop(columns=target), codes(train[target])
    text = list(features.select_dtypes(exclude="number"))
    rest = [column for column in features if column not in text]
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=np.nan,
        min_frequency=10,
    )  # fmt: skip
    columns = ColumnTransformer([("text", encoder, text), ("rest", "passthrough", rest)])
    trees = XGBClassifier(n_estimators=300, max_depth=6, learning_rate=0.1, random_state=42)
    return Pipeline([("columns", columns), ("trees", trees)]).fit(features, labels)


def codes(labels: "pd.Series") -> "np.ndarray":
    """Return labels as numbers, in the order of their names."""
    from sklearn.preprocessing import LabelEncoder

    return LabelEncoder().fit_transform(labels)


def judge(model: "Pipeline", test: "pd.DataFrame", target: str) -> dict[str, float]:
    """Compute the metrics and draw the ROC curve."""
    from matplotlib.figure import Figure
    from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score, roc_curve

    truth = codes(test[target])
    probabilities = model.predict_proba(test.drop(columns=target))
    answers = probabilities.argmax(axis=1)
    figure = Figure()
    figure.add_subplot().plot(*roc_curve(truth, probabilities[:, 1])[:2])
    figure.savefig(StringIO(), format="svg")
    found = {
        "roc_auc": roc_auc_score(truth, probabilities[:, 1]),
        "accuracy": accuracy_score(truth, answers),
        "f1": f1_score(truth, answers, average="macro"),
        "log_loss": log_loss(truth, probabilities),
    }
    return {name: float(value) for name, value in found.items()}


def register(model: "Pipeline", features: "pd.DataFrame", metrics: dict, folder: str) -> None:
    """Log and register the model."""
    import mlflow.sklearn
    from mlflow.models import infer_signature

    os.chdir(folder)
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    example = features.head(3)
    with mlflow.start_run():
        mlflow.log_metrics(metrics)
        mlflow.sklearn.log_model(
            model, name="model", serialization_format="skops",
            skops_trusted_types=["xgboost.core.Booster", "xgboost.sklearn.XGBClassifier"],
            signature=infer_signature(example), input_example=example,
            pip_requirements=["scikit-learn", "xgboost"], registered_model_name="adult",
        )  # fmt: skip
    mlflow.MlflowClient().set_registered_model_alias("adult", "challenger", "1")


if __name__ == "__main__":
    main(*sys.argv[1:])
