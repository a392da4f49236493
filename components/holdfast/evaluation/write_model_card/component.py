"""KFP interface of write_model_card."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("evaluation"), install_kfp_package=False)
def write_model_card(
    model: dsl.Input[dsl.Model],
    card: dsl.Output[dsl.Markdown],
    report: dsl.Output[dsl.HTML],
    train: dsl.Input[dsl.Dataset] = None,
    test: dsl.Input[dsl.Dataset] = None,
    metrics: dsl.Input[dsl.Metrics] = None,
    verdict: dsl.Input[dsl.Artifact] = None,
    fairness: dsl.Input[dsl.Metrics] = None,
    fairness_verdict: dsl.Input[dsl.Artifact] = None,
    robustness: dsl.Input[dsl.Metrics] = None,
    robustness_verdict: dsl.Input[dsl.Artifact] = None,
    explanation: dsl.Input[dsl.Metrics] = None,
    explanation_verdict: dsl.Input[dsl.Artifact] = None,
    data_verdict: dsl.Input[dsl.Artifact] = None,
    name: str = "",
    description: str = "",
    intended_use: str = "",
    ethics: str = "",
    limits: str = "",
    owner: str = "",
    license: str = "",  # noqa: A002  # as Hugging Face's metadata has it
    image: str = "",
    git_commit: str = "",
):
    """Write a model card (Mitchell et al. 2019) of what the run knows; the rest is "not known".

    Args:
        model: A model, as a training component writes it.
        train: The table that it was trained on; no rows are read. Needs: {like: model}
        test: The table that it was judged on; no rows are read. Needs: {like: model}
        metrics: What evaluate_model measured, with intervals.
        verdict: What evaluate_model decided.
        fairness: What assess_fairness measured.
        fairness_verdict: What assess_fairness decided.
        robustness: What assess_robustness measured.
        robustness_verdict: What assess_robustness decided.
        explanation: What explain_model measured.
        explanation_verdict: What explain_model decided.
        data_verdict: What validate_table decided about the data.
        name: The model's name; its task and target if empty.
        description: What it is.
        intended_use: By whom and what for, and what not for.
        ethics: Ethical considerations.
        limits: Caveats and recommendations.
        owner: Who answers for it.
        license: Such as apache-2.0; the text of one that Hugging Face does not know is its name.
        image: The image that trained it.
        git_commit: The commit of the pipeline's code.

    Returns:
        card: Markdown with Hugging Face's metadata block (YAML), model-index and all.
        report: The same as a page.
    """
    from holdfast.evaluation.write_model_card import logic

    told = logic.Told(
        name, description, intended_use, ethics, limits, owner, license, image, git_commit
    )
    measured = logic.measured(metrics, fairness, robustness, explanation)
    decided = logic.decided(
        verdict, fairness_verdict, robustness_verdict, explanation_verdict, data_verdict
    )
    written = logic.write_card(model.path, logic.tables(train, test), measured, decided, told)
    written.write(card.path, report.path)
