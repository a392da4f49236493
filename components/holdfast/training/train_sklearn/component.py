"""KFP interface of train_sklearn."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def train_sklearn(
    train: dsl.Input[dsl.Dataset],
    transformer: dsl.Input[dsl.Model],
    estimator: str,
    model: dsl.Output[dsl.Model],
    report: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    parameters: str = "",
    class_weight: str = "none",
    sample_weight: str = "",
    seed: int = 42,
):
    """Train an estimator of scikit-learn by its name, such as LogisticRegression or Ridge.

    Linear models, support vectors, neighbours, naive Bayes and neural networks get the median for
    missing values and inputs scaled to mean 0 and variance 1, as steps of the model's Pipeline; so
    they refuse ordinal codes of three or more values. Classifiers without probabilities (LinearSVC,
    RidgeClassifier, SGDClassifier) are calibrated on 5 folds.

    Args:
        train: The training share that the transformer was fitted on; no copy of a holdout either.
            Needs: {target: true, role: not holdout, task: [$estimator, $class_weight],
            columns: {$sample_weight: number}}
        transformer: A fitted transformer, as fit_transformer writes it. Needs: {like: train}
        estimator: Name of the class; an unknown one is answered with the list.
        parameters: Parameters of the estimator as YAML, such as "C: 0.1"; checked by its own rules.
        class_weight: none, or balanced for classes that count alike.
        sample_weight: Column that says how much a row counts, no feature; empty for all alike.
        seed: Seed of whatever the estimator leaves to chance.

    Returns:
        model: An MLflow model directory with one scikit-learn Pipeline, transformer and estimator
            together: raw rows in, the target's own labels out.
            Gives: {target: $train, task: $train}
        report: Parameters, what was added, and remarks of scikit-learn as a page.
        summary: The same as Markdown.
    """
    from holdfast import threads
    from holdfast.model import feature_frame, load_model, save_model
    from holdfast.table import open_table
    from holdfast.training.train_sklearn import logic

    threads.wait_passively()
    table = open_table(train.path, "train")
    fitted = load_model(transformer.path, "transformer")
    trained = logic.train(table, fitted, estimator, parameters, sample_weight, class_weight, seed)
    save_model(trained.model, model.path, feature_frame(table.head(), fitted.info.features))
    model.metadata.update(trained.model.info.metadata())
    trained.report.write(report.path, summary.path)
