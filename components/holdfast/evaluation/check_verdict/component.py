"""KFP interface of check_verdict."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("evaluation"), install_kfp_package=False)
def check_verdict(
    verdict: dsl.Input[dsl.Artifact],
    stop_on: List[str] = ["fail"],  # noqa: B006  # KFP reads the default from the signature
):
    """Stop the run at a bad verdict, and say why.

    A gate step itself succeeds, so that its report can be seen; this step fails in its place. Let
    the steps that depend on the verdict come after it: `next_step.after(check)`.

    Args:
        verdict: Decision and reasons as JSON, as a gate writes them.
        stop_on: The decisions that stop the run, out of pass, warn, fail and no_baseline.
    """
    from holdfast.evaluation.check_verdict import logic
    from holdfast.verdict import read_verdict

    print(logic.check(read_verdict(verdict.path), stop_on))
