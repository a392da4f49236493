"""KFP interface of register_model."""

from typing import NamedTuple

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("registry"), install_kfp_package=False)
def register_model(
    model: dsl.Input[dsl.Model],
    metrics: dsl.Input[dsl.Metrics],
    model_name: str,
    alias: str = "challenger",
) -> NamedTuple("Outputs", model_name=str, model_version=int, run_id=str):
    """Register a model with MLflow, with its signature, example and metrics.

    MLFLOW_TRACKING_URI names the server. The run that KFP injected (MLFLOW_RUN_ID) is joined;
    without one, a run is made in the experiment MLFLOW_EXPERIMENT_ID or MLFLOW_EXPERIMENT_NAME
    (default: holdfast).

    Args:
        model: An MLflow model directory, as a training component writes it.
        metrics: The metrics to log with it, as evaluate_model writes them.
        model_name: Name in the registry; made if it is new.
        alias: Alias that moves to the new version.

    Returns:
        model_name: Name in the registry.
        model_version: The new version, from 1.
        run_id: The MLflow run that holds the model.
    """
    from holdfast.registry.register_model import logic

    numbers = logic.finite_numbers(metrics.metadata)
    done = logic.register(model.path, model_name, alias, numbers)
    return (done.name, done.version, done.run_id)
