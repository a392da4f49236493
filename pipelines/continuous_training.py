"""Watch a model, and train and promote a better one when the policy says so."""

from typing import NamedTuple

from kfp import dsl

from holdfast.catalog import (
    check_parity,
    check_verdict,
    compare_models,
    fetch_model,
    promote_model,
)
from holdfast.presets import apply, defaults, mlflow, object_store, retry, sized
from pipelines.monitoring import monitoring
from pipelines.training import training


class Outputs(NamedTuple):
    """What a run ends with."""

    window: str
    drift_decision: str
    estimate_decision: str
    performance_decision: str
    alert: str
    retraining: str


@dsl.pipeline(name="continuous-training")
@defaults(sized)
def continuous_training(
    uri: str,
    train_uri: str,
    target: str,
    model_name: str,
    alert_rules: str,
    retraining_policy: str,
    window_start: str = "P1D",
    window_end: str = "",
    time_column: str = "",
    labels_uri: str = "",
    keys: list[str] = [],  # noqa: B006  # KFP reads the default from the signature
    split_method: str = "",
    split_by: str = "",
    features: str = "",
    n_estimators: int = 300,
    parameters: str = "",
    sensitive: list[str] = [],  # noqa: B006
    metric: str = "",
    margin: float = 0.0,
    seed: int = 42,
) -> Outputs:
    """Watch a model for a window; where the policy says retrain, train a challenger and compare.

    The monitoring pipeline; if it decides to retrain, the training pipeline, and the challenger
    against the champion on the same unseen rows. A challenger that is better and answers over HTTP
    what it answers in process becomes champion, by compare-and-swap with the champion that it was
    compared with. One that is not better stays challenger; one whose answers differ fails the run.

    Args:
        uri: Predictions as batch_predict writes them; {window} stands for the window's folder.
        train_uri: The table to train with, of the day of the run: a path, file://, http(s)://,
            s3:// or minio://; one object, a prefix or a glob.
        target: The column to be predicted.
        model_name: Name in the MLflow registry.
        alert_rules: When to tell whom what, as YAML; see send_alert.
        retraining_policy: When to retrain, as YAML; see decide_retraining.
        window_start: The first moment of the window, ISO 8601, or how long it is: P1D, PT6H.
        window_end: The first moment after it; empty for the end of the last window of that length.
        time_column: The column with each row's time; needed where uri has no {window}.
        labels_uri: Keys and labels, late and partial as they are; empty where predictions hold the
            label or none has come.
        keys: Columns that predictions and labels share.
        split_method: random, stratified, time, group or hash; empty to stratify classes.
        split_by: The column that split_method goes by.
        features: What fit_transformer makes of the columns, as YAML; empty to infer it.
        n_estimators: Number of trees, at least 1.
        parameters: Further parameters of XGBoost as YAML; see train_xgboost.
        sensitive: Columns whose groups must be treated alike.
        metric: The metric that is watched and that the challenger must be better by; empty for
            roc_auc, and for rmse or r2.
        margin: A loss that would not matter; above 0, a challenger passes that is not worse by it.
        seed: Seed of the split, of XGBoost and of all that is drawn.

    Returns:
        window: START/END by ISO 8601.
        drift_decision: Verdict on the distribution of the rows.
        estimate_decision: Verdict on the performance that probabilities let expect.
        performance_decision: Verdict on the performance by labels.
        alert: What became of the alerts.
        retraining: retrain or wait.
    """
    watched = monitoring(
        uri=uri,
        model_name=model_name,
        alert_rules=alert_rules,
        retraining_policy=retraining_policy,
        window_start=window_start,
        window_end=window_end,
        time_column=time_column,
        labels_uri=labels_uri,
        keys=keys,
        metric=metric,
    )
    with dsl.If(watched.outputs["retraining"] == "retrain", name="retrain"):
        trained = training(
            uri=train_uri,
            target=target,
            split_method=split_method,
            split_by=split_by,
            features=features,
            n_estimators=n_estimators,
            parameters=parameters,
            sensitive=sensitive,
            model_name=model_name,
            seed=seed,
        )
        champion = fetch_model(model_name=model_name).after(trained)
        compared = compare_models(
            challenger=trained.outputs["model"],
            champion=champion.outputs["model"],
            test=trained.outputs["test"],
            metric=metric,
            margin=margin,
            seed=seed,
        )
        with dsl.If(compared.outputs["Output"] == "pass", name="better"):
            parity = check_parity(
                model=trained.outputs["model"], table=trained.outputs["test"], seed=seed
            )
            alike = check_verdict(verdict=parity.outputs["verdict"])
            promoted = promote_model(
                model_name=model_name,
                verdict=compared.outputs["verdict"],
                parity=parity.outputs["verdict"],
                version=trained.outputs["model_version"],
                expected_champion=champion.outputs["version"],
            ).after(alike)
        for step in (champion, promoted):
            apply(step, object_store, mlflow, retry(2)).set_caching_options(False)
    return Outputs(
        window=watched.outputs["window"],
        drift_decision=watched.outputs["drift_decision"],
        estimate_decision=watched.outputs["estimate_decision"],
        performance_decision=watched.outputs["performance_decision"],
        alert=watched.outputs["alert"],
        retraining=watched.outputs["retraining"],
    )
