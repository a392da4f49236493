"""KFP interface of roll_back_model."""

from typing import NamedTuple

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("registry"), install_kfp_package=False)
def roll_back_model(
    model_name: str,
    reason: str,
    summary: dsl.Output[dsl.Markdown],
    expected_champion: int = -1,
    alias: str = "champion",
    key: str = "",
) -> NamedTuple("Outputs", version=int, previous=int):
    """Give the champion's alias back to the last champion before this one: one step back.

    A second rollback goes one champion further; versions that were deleted are passed over. Like a
    promotion, it is a compare-and-swap, and recorded. Aliases move: switch caching off for this
    step.

    Args:
        model_name: Name in the registry.
        reason: Why, for people.
        expected_champion: The version that is to lose the alias, once: a second call right after
            changes nothing. Below 0 for whichever has it.
        alias: The alias of the champion.
        key: What it is done for, up to 500 letters, such as a window of time or a run's id
            (dsl.PIPELINE_JOB_ID_PLACEHOLDER): a second call with the same key, such as a step that
            is tried again, changes nothing and tells what the first one did. Empty: each call goes
            one champion back.

    Returns:
        summary: Who is champion now, in whose place, and why.
        version: The champion that the rollback made.
        previous: The version that lost the alias, 0 if none had it.
    """
    from holdfast.registry.roll_back_model import logic

    record = logic.roll_back(model_name, reason, expected_champion, alias, key)
    logic.report(model_name, record).write_markdown(summary.path)
    return (record.version, record.previous)
