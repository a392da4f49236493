"""KFP interface of train_xgboost."""

from typing import Dict

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def train_xgboost(
    train: dsl.Input[dsl.Dataset],
    transformer: dsl.Input[dsl.Model],
    model: dsl.Output[dsl.Model],
    curve: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    validation: dsl.Input[dsl.Dataset] = None,
    previous: dsl.Input[dsl.Model] = None,
    n_estimators: int = 300,
    max_depth: int = 6,
    learning_rate: float = 0.1,
    parameters: str = "",
    early_stopping_rounds: int = 0,
    validation_fraction: float = 0.1,
    class_weight: str = "none",
    sample_weight: str = "",
    monotone_constraints: Dict[str, int] = {},  # noqa: B006  # KFP reads the default from the signature
    seed: int = 42,
):
    """Train XGBoost: a classifier (two or more classes) or a regressor, as the task says.

    Args:
        train: The transformer's own training share. Needs: {target: true, role: not holdout,
            task: $class_weight, columns: {$sample_weight: number, $monotone_constraints: number}}
        transformer: A fitted transformer, as fit_transformer writes it. Needs: {like: train}
        validation: Rows to judge by; else a share of train. Needs: {target: true, like: train}
        previous: A model with the same transformer, to add rounds to. Needs: {like: train}
        n_estimators: Number of rounds, at least 1.
        max_depth: Depth of a tree, at least 1.
        learning_rate: Shrinkage of each tree, above 0 and at most 1.
        parameters: YAML by XGBoost's names; overrides n_estimators, max_depth and learning_rate.
        early_stopping_rounds: Stop after so many rounds without a better validation loss; 0: never.
        validation_fraction: Share of the training rows to stop early by, of each class alike.
        class_weight: none, or balanced for classes that count alike.
        sample_weight: Column that says how much a row counts, no feature; empty for all alike.
        monotone_constraints: 1 or -1 by numeric feature: answers never fall, or rise, with it.
        seed: Of XGBoost and the share; the same gives the same bytes on any number of CPUs.

    Returns:
        model: MLflow's form of one Pipeline, labels out. Gives: {target: $train, task: $train}
        curve: The loss by round as JSON: metric, best_round, and pairs of train and validation.
        report: Learning curve and parameters as a page.
        summary: The same as Markdown, without plots.
    """
    from holdfast import threads
    from holdfast.model import feature_frame, load_model, save_model
    from holdfast.table import open_table
    from holdfast.training import training_set
    from holdfast.training.train_xgboost import logic

    threads.wait_passively()
    table = open_table(train.path, "train")
    wanted = logic.read_parameters(parameters, n_estimators, max_depth, learning_rate)
    stopping = logic.Stopping(early_stopping_rounds, validation_fraction)
    options = logic.Options(seed, stopping, sample_weight, class_weight, monotone_constraints)
    judged = training_set.optional(validation, open_table, "validation")
    before = training_set.optional(previous, load_model, "previous")
    fitted = load_model(transformer.path, "transformer")
    trained = logic.train(table, fitted, wanted, options, judged, before)
    save_model(trained.model, model.path, feature_frame(table.head(), fitted.info.features))
    model.metadata.update(trained.model.info.metadata())
    trained.curve.write(curve.path)
    curve.metadata.update(trained.curve.metadata())
    trained.report.write(report.path, summary.path)
