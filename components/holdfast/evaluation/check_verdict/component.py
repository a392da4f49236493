"""KFP interface of check_verdict."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("evaluation"), install_kfp_package=False)
def check_verdict(
    summary: dsl.Output[dsl.Markdown],
    verdict: dsl.Input[dsl.Artifact] = None,
    data: dsl.Input[dsl.Artifact] = None,
    evaluation: dsl.Input[dsl.Artifact] = None,
    comparison: dsl.Input[dsl.Artifact] = None,
    fairness: dsl.Input[dsl.Artifact] = None,
    robustness: dsl.Input[dsl.Artifact] = None,
    stop_on: List[str] = ["fail"],  # noqa: B006  # KFP reads the default from the signature
) -> str:
    """Stop the run at a bad verdict, and say why.

    A gate step itself succeeds, so that its report can be seen; this step fails in its place, and
    the first line of what it says is the reason. Let the steps that depend on the verdicts come
    after it: `next_step.after(check)`. A step that fails on a cluster leaves no outputs: where they
    are wanted all the same, let `stop_on` be empty and branch on the decision.

    Args:
        verdict: Decision and reasons as JSON, as any gate writes them; one verdict at least is
            needed, this one or one of a role.
        data: The verdict of validate_table.
        evaluation: That of evaluate_model.
        comparison: That of compare_models.
        fairness: That of assess_fairness.
        robustness: That of assess_robustness.
        stop_on: The decisions that stop the run, out of pass, warn, fail and no_baseline.

    Returns:
        summary: All verdicts and reasons as Markdown, the reason of a stop in the first line.
        Output: The worst decision: fail, warn, no_baseline or pass.
    """
    from holdfast.evaluation.check_verdict import logic

    given = (verdict, data, evaluation, comparison, fairness, robustness)
    verdicts = logic.read_verdicts(*(getattr(each, "path", "") for each in given))
    result = logic.check(verdicts, stop_on)
    result.write(summary.path)
    return result.go_on()
