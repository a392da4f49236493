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
    train: dsl.Input[dsl.Dataset] = None,
    test: dsl.Input[dsl.Dataset] = None,
    verdict: dsl.Input[dsl.Artifact] = None,
    card: dsl.Input[dsl.Markdown] = None,
    report: dsl.Input[dsl.HTML] = None,
    profile: dsl.Input[dsl.Artifact] = None,
    drift_detector: dsl.Input[dsl.Artifact] = None,
    performance_baseline: dsl.Input[dsl.Artifact] = None,
    run_key: str = "",
    git_commit: str = "",
    image: str = "",
) -> NamedTuple("Outputs", model_name=str, model_version=int, run_id=str):
    """Register a model with MLflow, with all that says what it is and why it may go on.

    MLFLOW_TRACKING_URI names the server. The run that KFP injected (MLFLOW_RUN_ID) is joined;
    without one, a run is made in the experiment MLFLOW_EXPERIMENT_ID or MLFLOW_EXPERIMENT_NAME
    (default: holdfast). Parameters, metrics, and the tables as dataset inputs go to the run;
    verdict, card, report, profile, drift detector and performance baseline lie beside the model's
    files, in the folder `evidence`, where fetch_model finds them. An empty file is left out.

    Args:
        model: An MLflow model directory, as a training component writes it.
        metrics: The metrics to log with it, as evaluate_model writes them.
        model_name: Name in the registry; made if it is new.
        alias: Alias that moves to the new version, unless a later one has it.
        train: The table that it was trained on; only its hash is logged. Needs: {like: model}
        test: The table that it was judged on. Needs: {like: model}
        verdict: The verdict that allowed it.
        card: The model card.
        report: The evaluation as a page.
        profile: The profile of the training table, to compare later tables with.
        drift_detector: What fit_drift_detector wrote for the training table.
        performance_baseline: The performance to compare later performance with.
        run_key: What names this run, such as dsl.PIPELINE_JOB_ID_PLACEHOLDER: a step that is tried
            again with the same key and model makes no second version.
        git_commit: The commit of the pipeline's code.
        image: The image that trained it.

    Returns:
        model_name: Name in the registry.
        model_version: The new version, from 1.
        run_id: The MLflow run that holds the model.
    """
    from holdfast.registry.register_model import logic

    files = {"verdict.json": verdict, "card.md": card, "report.html": report, "profile": profile}
    files |= {"drift_detector": drift_detector, "performance_baseline": performance_baseline}
    tables = {"training": train, "testing": test}
    origin = logic.Origin(logic.paths(files), logic.facts(tables), run_key, git_commit, image)
    numbers = logic.finite_numbers(metrics.metadata)
    done = logic.register(model.path, model_name, alias, numbers, origin)
    return (done.name, done.version, done.run_id)
