"""All components by name: ``from holdfast.catalog import train_xgboost``."""

from holdfast.data.export_artifact.component import export_artifact
from holdfast.data.export_table.component import export_table
from holdfast.data.fetch_artifact.component import fetch_artifact
from holdfast.data.ingest_table.component import ingest_table
from holdfast.data.resolve_source.component import resolve_source
from holdfast.data.resolve_window.component import resolve_window
from holdfast.data.split_table.component import split_table
from holdfast.data.take_share.component import take_share
from holdfast.deployment.check_endpoint.component import check_endpoint
from holdfast.deployment.deploy_model.component import deploy_model
from holdfast.deployment.load_test_endpoint.component import load_test_endpoint
from holdfast.deployment.shift_traffic.component import shift_traffic
from holdfast.drift.detect_drift.component import detect_drift
from holdfast.drift.detect_outliers.component import detect_outliers
from holdfast.drift.fit_drift_detector.component import fit_drift_detector
from holdfast.drift.fit_outlier_detector.component import fit_outlier_detector
from holdfast.evaluation.assess_fairness.component import assess_fairness
from holdfast.evaluation.assess_robustness.component import assess_robustness
from holdfast.evaluation.check_verdict.component import check_verdict
from holdfast.evaluation.compare_models.component import compare_models
from holdfast.evaluation.evaluate_model.component import evaluate_model
from holdfast.evaluation.explain_model.component import explain_model
from holdfast.evaluation.write_model_card.component import write_model_card
from holdfast.monitoring.analyse_experiment.component import analyse_experiment
from holdfast.monitoring.backtest_retraining.component import backtest_retraining
from holdfast.monitoring.decide_retraining.component import decide_retraining
from holdfast.monitoring.estimate_performance.component import estimate_performance
from holdfast.monitoring.fit_performance_baseline.component import fit_performance_baseline
from holdfast.monitoring.monitor_performance.component import monitor_performance
from holdfast.monitoring.send_alert.component import send_alert
from holdfast.monitoring.trigger_run.component import trigger_run
from holdfast.registry.compare_versions.component import compare_versions
from holdfast.registry.fetch_model.component import fetch_model
from holdfast.registry.pause_promotion.component import pause_promotion
from holdfast.registry.promote_model.component import promote_model
from holdfast.registry.register_model.component import register_model
from holdfast.registry.report_version.component import report_version
from holdfast.registry.roll_back_model.component import roll_back_model
from holdfast.serving.batch_predict.component import batch_predict
from holdfast.serving.check_parity.component import check_parity
from holdfast.training.cross_validate.component import cross_validate
from holdfast.training.fit_transformer.component import fit_transformer
from holdfast.training.train_sklearn.component import train_sklearn
from holdfast.training.train_xgboost.component import train_xgboost
from holdfast.training.transform_table.component import transform_table
from holdfast.training.tune_hyperparameters.component import tune_hyperparameters
from holdfast.validation.infer_schema.component import infer_schema
from holdfast.validation.merge_profiles.component import merge_profiles
from holdfast.validation.profile_table.component import profile_table
from holdfast.validation.update_schema.component import update_schema
from holdfast.validation.validate_table.component import validate_table

__all__ = [
    "analyse_experiment",
    "assess_fairness",
    "assess_robustness",
    "backtest_retraining",
    "batch_predict",
    "check_endpoint",
    "check_parity",
    "check_verdict",
    "compare_models",
    "compare_versions",
    "cross_validate",
    "decide_retraining",
    "deploy_model",
    "detect_drift",
    "detect_outliers",
    "estimate_performance",
    "evaluate_model",
    "explain_model",
    "export_artifact",
    "export_table",
    "fetch_artifact",
    "fetch_model",
    "fit_drift_detector",
    "fit_outlier_detector",
    "fit_performance_baseline",
    "fit_transformer",
    "infer_schema",
    "ingest_table",
    "load_test_endpoint",
    "merge_profiles",
    "monitor_performance",
    "pause_promotion",
    "profile_table",
    "promote_model",
    "register_model",
    "report_version",
    "resolve_source",
    "resolve_window",
    "roll_back_model",
    "send_alert",
    "shift_traffic",
    "split_table",
    "take_share",
    "train_sklearn",
    "train_xgboost",
    "transform_table",
    "trigger_run",
    "tune_hyperparameters",
    "update_schema",
    "validate_table",
    "write_model_card",
]
