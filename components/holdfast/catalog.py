"""All components by name: ``from holdfast.catalog import train_xgboost``."""

from holdfast.data.export_artifact.component import export_artifact
from holdfast.data.export_table.component import export_table
from holdfast.data.fetch_artifact.component import fetch_artifact
from holdfast.data.ingest_table.component import ingest_table
from holdfast.data.resolve_source.component import resolve_source
from holdfast.data.split_table.component import split_table
from holdfast.data.take_share.component import take_share
from holdfast.evaluation.assess_fairness.component import assess_fairness
from holdfast.evaluation.assess_robustness.component import assess_robustness
from holdfast.evaluation.check_verdict.component import check_verdict
from holdfast.evaluation.compare_models.component import compare_models
from holdfast.evaluation.evaluate_model.component import evaluate_model
from holdfast.evaluation.explain_model.component import explain_model
from holdfast.evaluation.write_model_card.component import write_model_card
from holdfast.registry.compare_versions.component import compare_versions
from holdfast.registry.promote_model.component import promote_model
from holdfast.registry.register_model.component import register_model
from holdfast.registry.report_version.component import report_version
from holdfast.registry.roll_back_model.component import roll_back_model
from holdfast.training.cross_validate.component import cross_validate
from holdfast.training.fit_transformer.component import fit_transformer
from holdfast.training.train_sklearn.component import train_sklearn
from holdfast.training.train_xgboost.component import train_xgboost
from holdfast.training.tune_hyperparameters.component import tune_hyperparameters
from holdfast.validation.infer_schema.component import infer_schema
from holdfast.validation.merge_profiles.component import merge_profiles
from holdfast.validation.profile_table.component import profile_table
from holdfast.validation.update_schema.component import update_schema
from holdfast.validation.validate_table.component import validate_table

__all__ = [
    "assess_fairness",
    "assess_robustness",
    "check_verdict",
    "compare_models",
    "compare_versions",
    "cross_validate",
    "evaluate_model",
    "explain_model",
    "export_artifact",
    "export_table",
    "fetch_artifact",
    "fit_transformer",
    "infer_schema",
    "ingest_table",
    "merge_profiles",
    "profile_table",
    "promote_model",
    "register_model",
    "report_version",
    "resolve_source",
    "roll_back_model",
    "split_table",
    "take_share",
    "train_sklearn",
    "train_xgboost",
    "tune_hyperparameters",
    "update_schema",
    "validate_table",
    "write_model_card",
]
