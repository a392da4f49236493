"""KFP interface of promote_model."""

from typing import NamedTuple

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("registry"), install_kfp_package=False)
def promote_model(
    model_name: str,
    verdict: dsl.Input[dsl.Artifact],
    summary: dsl.Output[dsl.Markdown],
    parity: dsl.Input[dsl.Artifact] = None,
    endpoint: dsl.Input[dsl.Artifact] = None,
    load: dsl.Input[dsl.Artifact] = None,
    version: int = 0,
    expected_champion: int = -1,
    reason: str = "",
    alias: str = "champion",
    challenger: str = "challenger",
    key: str = "",
) -> NamedTuple("Outputs", version=int, previous=int):
    """Make a version the champion, if its verdicts allow it and nobody else came first.

    The alias moves by compare-and-swap: of two promotions at once one wins, and the other fails and
    says who won, and why. Each is a record in the registered model MODEL_NAME.champions. Aliases
    move: switch caching off for this step.

    Args:
        model_name: Name in the registry.
        verdict: The verdict that allows it, such as that of compare_models; fail stops. The record
            keeps its findings, and those of the others.
        parity: The verdict of check_parity; fail stops.
        endpoint: That of check_endpoint; fail stops.
        load: That of load_test_endpoint; fail stops.
        version: The version to promote; 0 for the one that carries the challenger's alias.
        expected_champion: The version that the challenger was compared with, 0 for none; below 0
            for whichever is champion now.
        reason: Why, for people.
        alias: The alias of the champion.
        challenger: The alias of the challenger.
        key: What it is done for, such as a run: previous is then 0 if the version was champion
            already, by a promotion for something else. Empty makes no difference.

    Returns:
        summary: Who is champion now, in whose place, and why.
        version: The champion.
        previous: The version in whose place it came, 0 for none; see key.
    """
    from holdfast.registry.promote_model import logic

    promotion = logic.Promotion(
        model_name, version, expected_champion, reason, alias, challenger, key
    )
    given = {"verdict": verdict, "parity": parity, "endpoint": endpoint, "load": load}
    verdicts = logic.read_verdicts({role: getattr(v, "path", "") for role, v in given.items()})
    record = logic.promote(promotion, verdicts)
    logic.report(model_name, record).write_markdown(summary.path)
    return (record.version, logic.replaced(record, key))
