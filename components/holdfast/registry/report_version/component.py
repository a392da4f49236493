"""KFP interface of report_version."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("registry"), install_kfp_package=False)
def report_version(
    model_name: str,
    lineage: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    version: int = 0,
    alias: str = "champion",
):
    """Say why a version is live: what it comes from, what it was compared with, who promoted it.

    Args:
        model_name: Name in the registry.
        version: The version; 0 for the one that carries the alias.
        alias: An alias, such as champion.

    Returns:
        lineage: Data hashes, commit, environment, parameters, metrics and promotions as JSON.
        report: The same as a page.
        summary: The same as Markdown.
    """
    from holdfast.registry.report_version import logic

    found = logic.find(model_name, version, alias)
    logic.write_json(found, lineage.path)
    logic.report(found).write(report.path, summary.path)
