"""KFP interface of fetch_model."""

from typing import NamedTuple

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("registry"), install_kfp_package=False)
def fetch_model(
    model_name: str,
    model: dsl.Output[dsl.Model],
    profile: dsl.Output[dsl.Artifact],
    drift_detector: dsl.Output[dsl.Artifact],
    performance_baseline: dsl.Output[dsl.Artifact],
    version: str = "champion",
    optional: bool = False,
) -> NamedTuple("Outputs", name=str, version=int):
    """Take a version of a registered model into a run, with what was attached to it.

    An alias moves: switch caching off for this step, and pass the version that it tells to what
    must be of the same one. All files are taken, or none.

    Args:
        model_name: Name in the registry that MLFLOW_TRACKING_URI names.
        version: A version's number, or an alias such as champion.
        optional: Whether an alias that no version carries, or a name that is not in the registry
            yet, gives an empty file and version 0 instead of an error.

    Returns:
        model: The MLflow model directory, as the registry holds it; an empty file for none.
        profile: The profile of the training table, as register_model attached it; an empty file
            where there is none, as fetch_artifact's optional.
        drift_detector: The drift detector that was fitted on the training table, likewise.
        performance_baseline: The performance to compare later performance with, likewise.
        name: Name in the registry.
        version: The version's number; 0 for none.
    """
    from holdfast.registry.fetch_model import logic

    evidence = {
        "profile": profile.path,
        "drift_detector": drift_detector.path,
        "performance_baseline": performance_baseline.path,
    }
    found = logic.fetch(model_name, version, model.path, evidence, optional)
    model.metadata.update(found.metadata())
    profile.metadata.update(found.attached("profile"))
    drift_detector.metadata.update(found.attached("drift_detector"))
    performance_baseline.metadata.update(found.attached("performance_baseline"))
    return (found.name, found.version)
