"""KFP interface of compare_versions."""

from typing import NamedTuple

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("registry"), install_kfp_package=False)
def compare_versions(
    model_name: str,
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    champion: str = "champion",
    challenger: str = "challenger",
) -> NamedTuple("Outputs", champion_version=int, challenger_version=int):
    """Put two versions side by side: metrics, parameters, data, code and environment.

    It tells what differs; whether one is better on the same rows is compare_models' to say.

    Args:
        model_name: Name in the registry.
        champion: An alias or a version number; it must be there, but for the alias champion or
            challenger on one of the two sides.
        challenger: An alias or a version number, likewise.

    Returns:
        report: What differs, as a page.
        summary: The same as Markdown.
        champion_version: The version of the champion, 0 for none.
        challenger_version: The version of the challenger, 0 for none.
    """
    from holdfast.registry.compare_versions import logic

    found = logic.compare(model_name, champion, challenger)
    logic.report(found).write(report.path, summary.path)
    return (found.champion_version, found.challenger_version)
