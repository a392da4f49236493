"""KFP interface of pause_promotion."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("registry"), install_kfp_package=False)
def pause_promotion(
    model_name: str,
    reason: str,
    summary: dsl.Output[dsl.Markdown],
    paused: bool = True,
):
    """Pause the promotions of a model, for example after a fairness violation, or end the pause.

    promote_model refuses while there is a pause, and says why; roll_back_model does not. A pause
    may have ended since: switch caching off for this step.

    Args:
        model_name: Name in the registry; it must be there.
        reason: Why, for people, in at most 2,000 letters.
        paused: Whether promotions are to be paused; false ends the pause.

    Returns:
        summary: What was done, and why.
    """
    from holdfast.registry.pause_promotion import logic

    done = logic.pause(model_name, reason, paused)
    logic.report(done).write_markdown(summary.path)
