"""SHAP on 10,000 rows of Adult: explain_model's against XGBoost's own and the shap library's.

python -m tests.bench.explanation. Each variant runs in a process of its own, in the environment of
the evaluation family; memory is the peak of that process, libraries and model included.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADULT = ROOT.parent / "shared" / "data" / "adult.parquet"
ROWS = 10_000
VARIANTS = ("nothing", "pred_contribs", "tree_explainer", "attribute", "explain")


def main() -> None:
    """Run every variant and print what it took."""
    from holdfast.local import environments, files

    python = environments.ensure("evaluation", print)
    variables = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{files.PACKAGE.parent}"}
    for name in VARIANTS:
        command = [python, "-m", "tests.bench.explanation", name]
        subprocess.run(command, env=variables, check=True)


def measure(name: str) -> None:
    """Run one variant and print seconds and memory."""
    model, table = adult()
    work = {
        "nothing": lambda: None,
        "pred_contribs": lambda: pred_contribs(model, table),
        "tree_explainer": lambda: tree_explainer(model, table),
        "attribute": lambda: attribute(model, table),
        "explain": lambda: explain(model, table),
    }[name]
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:16} {wall:7.2f} s  {cpu:7.2f} s of CPU  {peak:6.0f} MB", flush=True)


def adult():
    """Return 300 trees of depth 6 on Adult, and 10,000 rows of it."""
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import VotingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder
    from xgboost import XGBClassifier

    from holdfast.model import Model, ModelInfo, feature_frame, is_numeric
    from holdfast.table import Table

    rows = pq.read_table(ADULT).replace_schema_metadata(None)
    rows = rows.set_column(
        rows.column_names.index("class"), "class", rows["class"].cast(pa.string())
    )
    features = [name for name in rows.column_names if name != "class"]
    numeric = [name for name in features if is_numeric(rows.schema.field(name).type)]
    text = [name for name in features if name not in numeric]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = ColumnTransformer(
        [("numbers", "passthrough", numeric), ("text", encoder, text)],
        verbose_feature_names_out=False,
    )
    trees = XGBClassifier(n_estimators=300, max_depth=6, learning_rate=0.1, random_state=42)
    learner = VotingClassifier([("xgboost", trees)], voting="soft")
    pipeline = Pipeline([("columns", columns), ("estimator", learner)])
    pipeline.fit(feature_frame(rows, features), rows["class"].to_numpy())
    info = ModelInfo(
        "class", "classification", tuple(features), tuple(numeric), {}, ("<=50K", ">50K")
    )
    test = Table(Path("adult"), ds.dataset(rows.slice(0, ROWS)), ROWS, "class", "classification")
    return Model(pipeline, info), test


def inputs(model, table):
    """Return the matrix that the trees read."""
    from holdfast.model import feature_frame

    return model.pipeline[:-1].transform(feature_frame(table.read(), model.info.features))


def pred_contribs(model, table) -> None:
    """Let XGBoost do it."""
    import xgboost

    booster = model.pipeline[-1].estimators_[0].get_booster()
    booster.predict(xgboost.DMatrix(inputs(model, table)), pred_contribs=True)


def tree_explainer(model, table) -> None:
    """Let the shap library do it."""
    from holdfast.evaluation.explain_model.shap_library import shap

    shap().TreeExplainer(model.pipeline[-1].estimators_[0]).shap_values(inputs(model, table))


def attribute(model, table) -> None:
    """Do what explain_model does for its SHAP values, raw columns and all."""
    from holdfast.evaluation.explain_model.shapley import attribute as attributed
    from holdfast.model import feature_frame

    found = attributed(model, feature_frame(table.read(), model.info.features), 0)
    assert len(found.values) == ROWS


def explain(model, table) -> None:
    """Do all of explain_model, report and table included."""
    from holdfast.evaluation.explain_model import logic

    logic.explain(model, table, None, logic.Request(rows=ROWS))


if __name__ == "__main__":
    measure(sys.argv[1]) if len(sys.argv) > 1 else main()
