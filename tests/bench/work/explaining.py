"""SHAP values of Adult's rows in one of many ways: python -m tests.bench.work.explaining WAY ROWS.

Fits 300 trees of depth 6 (fewer for less than 3,000 rows), then prints the seconds of the work, as
JSON.
"""

import json
import sys
import time
from pathlib import Path

from tests.support import ROOT

ADULT = ROOT.parent / "shared" / "data" / "adult.parquet"


def main(name: str, rows: int) -> None:
    """Do the work of one way and print its seconds."""
    model, table = adult(rows)
    if name == "tree_explainer":
        import_shap()
    start, busy = time.perf_counter(), time.process_time()
    WAYS[name](model, table)
    seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    print(json.dumps({"work s": seconds, "work CPU s": cpu}))


def adult(wanted: int):
    """Return 300 trees of depth 6 on Adult, and some rows of it."""
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
    rounds = min(300, wanted // 10)
    trees = XGBClassifier(n_estimators=rounds, max_depth=6, learning_rate=0.1, random_state=42)
    learner = VotingClassifier([("xgboost", trees)], voting="soft")
    pipeline = Pipeline([("columns", columns), ("estimator", learner)])
    pipeline.fit(feature_frame(rows, features), rows["class"].to_numpy())
    info = ModelInfo(
        "class", "classification", tuple(features), tuple(numeric), {}, ("<=50K", ">50K")
    )
    test = Table(
        Path("adult"), ds.dataset(rows.slice(0, wanted)), wanted, "class", "classification"
    )
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


def import_shap() -> None:
    """Import the shap library, which is no work."""
    from holdfast.evaluation.explain_model.shap_library import shap

    shap()


def tree_explainer(model, table) -> None:
    """Let the shap library do it."""
    from holdfast.evaluation.explain_model.shap_library import shap

    shap().TreeExplainer(model.pipeline[-1].estimators_[0]).shap_values(inputs(model, table))


def attribute(model, table) -> None:
    """Do what explain_model does for its SHAP values, raw columns and all."""
    from holdfast.evaluation.explain_model.shapley import attribute as attributed
    from holdfast.model import feature_frame

    found = attributed(model, feature_frame(table.read(), model.info.features), 0)
    assert len(found.values) == table.rows


def explain(model, table) -> None:
    """Do all of explain_model, report and table included."""
    from holdfast.evaluation.explain_model import logic

    logic.explain(model, table, None, logic.Request(rows=table.rows))


WAYS = {each.__name__: each for each in (pred_contribs, tree_explainer, attribute, explain)}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
