"""What SHAP values cost: explain_model's beside XGBoost's own and the shap library's.

Adult, 300 trees of depth 6, 10,000 rows; the fit is not timed. XGBoost and shap give values of the
transformed columns; ours adds them up to the table's own columns and checks that they sum to the
answer. `explain_model` is the whole step: importance, partial dependence, plots and page, too.
"""

from collections.abc import Sequence
from functools import partial

from tests.bench.frame import WORK, Case, Comparison, Group, Size
from tests.bench.peers import python
from tests.bench.processes import Found, module

JUDGED = (WORK, "work CPU s")
WAYS = (
    ("values", "attribute", "", "attribute(model, frame), in explain_model"),
    ("xgboost", "pred_contribs", "xgboost-cpu",
     "Booster.predict(DMatrix(matrix), pred_contribs=True)"),
    ("shap", "tree_explainer", "shap", "TreeExplainer(model).shap_values(matrix)"),
    ("explain_model", "explain", "", "explain_model(model, data)"),
)  # fmt: skip


def comparisons(size: Size) -> Sequence[Comparison]:
    """Return the comparison."""
    rows = size.rows(1_000) if size.quick else 10_000
    return [Comparison("adult", f"SHAP values of {rows:,} rows", partial(cases, rows), JUDGED)]


def cases(rows: int, _folder: object) -> list[Case]:
    """Return a case for each way."""
    return [
        Case(name, call, partial(explain, way, rows), "evaluation", distribution,
             quick=name != "explain_model")
        for name, way, distribution, call in WAYS
    ]  # fmt: skip


def explain(way: str, rows: int) -> Found:
    """Explain once."""
    return module(python("evaluation"), "tests.bench.work.explaining", way, rows)


GROUP = Group("explanation", __doc__, comparisons)
