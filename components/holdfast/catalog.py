"""All components by name: ``from holdfast.catalog import train_xgboost``."""

from holdfast.data.ingest_table.component import ingest_table
from holdfast.data.split_table.component import split_table
from holdfast.evaluation.check_verdict.component import check_verdict
from holdfast.evaluation.evaluate_model.component import evaluate_model
from holdfast.registry.register_model.component import register_model
from holdfast.training.fit_transformer.component import fit_transformer
from holdfast.training.train_xgboost.component import train_xgboost
from holdfast.validation.infer_schema.component import infer_schema
from holdfast.validation.validate_table.component import validate_table

__all__ = [
    "check_verdict",
    "evaluate_model",
    "fit_transformer",
    "infer_schema",
    "ingest_table",
    "register_model",
    "split_table",
    "train_xgboost",
    "validate_table",
]
