"""The rules, and the words of the field that tell a task or a type."""

from typing import Any

RULES = {
    "HF401": "a table contract that can't be read",
    "HF402": "a table without a target where one is needed",
    "HF403": "another target than the one that is needed",
    "HF404": "another task than the one that is needed",
    "HF405": "a column that the table does not have",
    "HF406": "a column of another type than the one that is needed",
    "HF407": "another share of a split than the one that is needed",
    "HF408": "rows of another kind than those that are needed",
    "HF409": "a column that must not be there",
}

# Metrics, estimators and options that only one task has, by scikit-learn's, fairlearn's and our
# names. A metric that both may have is in neither.
_CLASSIFICATION = {
    "classification", "balanced",
    "roc_auc", "average_precision", "accuracy", "balanced_accuracy", "precision",
    "recall", "f1", "log_loss", "brier", "roc_auc_ovr", "roc_auc_ovo", "f1_macro", "f1_micro",
    "f1_weighted", "neg_log_loss", "neg_brier_score", "matthews_corrcoef",
    "demographic_parity_difference", "demographic_parity_ratio", "disparate_impact",
    "equal_opportunity_difference", "equalized_odds_difference", "equalized_odds_ratio",
    "LogisticRegression", "LinearSVC", "SVC", "LinearDiscriminantAnalysis",
    "QuadraticDiscriminantAnalysis", "GaussianNB",
}  # fmt: skip
_REGRESSION = {
    "regression",
    "r2", "rmse", "mae", "mape", "mse", "mean_difference", "mae_difference",
    "neg_mean_squared_error", "neg_root_mean_squared_error", "neg_mean_absolute_error",
    "neg_mean_absolute_percentage_error", "neg_median_absolute_error",
    "LinearRegression", "Ridge", "Lasso", "ElasticNet", "LinearSVR", "SVR",
}  # fmt: skip

TYPES = ("number", "text", "boolean", "time")


def task_of(word: Any) -> str:
    """Return the task that a word stands for or that alone has it; empty if it tells none."""
    if not isinstance(word, str):
        return ""
    if word in _CLASSIFICATION or word.endswith("Classifier"):
        return "classification"
    if word in _REGRESSION or word.endswith("Regressor"):
        return "regression"
    return ""


def type_of(word: Any) -> str:
    """Return one of `TYPES` for it or for a type of Arrow; empty if it is none of them."""
    if not isinstance(word, str):
        return ""
    if word in TYPES:
        return word
    if word.startswith(("int", "uint", "float", "double", "half", "decimal")):
        return "number"
    if word.startswith(("string", "large_string", "utf8")):
        return "text"
    if word.startswith(("date32", "date64", "timestamp")):
        return "time"
    return "boolean" if word == "bool" else ""


def fits(found: str, needed: str) -> bool:
    """Tell whether a column of a type is one of the type that is needed; booleans are numbers."""
    return not found or not needed or found == needed or (found, needed) == ("boolean", "number")
