"""KFP interface of train_xgboost."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def train_xgboost(
    train: dsl.Input[dsl.Dataset],
    transformer: dsl.Input[dsl.Model],
    model: dsl.Output[dsl.Model],
    n_estimators: int = 300,
    max_depth: int = 6,
    learning_rate: float = 0.1,
    seed: int = 42,
):
    """Train XGBoost: a classifier (two or more classes) or a regressor, as the task says.

    The same table, parameters and seed give the same bytes, on any number of CPUs.

    Args:
        train: The training share, which the transformer was fitted on. A locked holdout is
            refused, and so is a copy of it.
        transformer: A fitted transformer, as fit_transformer writes it.
        n_estimators: Number of trees, at least 1.
        max_depth: Depth of a tree, at least 1.
        learning_rate: Shrinkage of each tree, above 0 and at most 1.
        seed: Seed of XGBoost.

    Returns:
        model: An MLflow model directory with one scikit-learn Pipeline, transformer and estimator
            together, which reads raw rows and answers in the target's own labels.
    """
    from holdfast.model import feature_frame, load_model, save_model
    from holdfast.table import open_table
    from holdfast.training.train_xgboost import logic

    table = open_table(train.path, "train")
    fitted = load_model(transformer.path, "transformer")
    trained = logic.train(table, fitted, n_estimators, max_depth, learning_rate, seed)
    save_model(trained, model.path, feature_frame(table.head(), trained.info.features))
    model.metadata.update(trained.info.metadata())
