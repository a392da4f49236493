"""KFP interface of fit_transformer."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def fit_transformer(
    train: dsl.Input[dsl.Dataset],
    transformer: dsl.Output[dsl.Model],
    min_frequency: int = 10,
):
    """Fit the transformer of the features once, for training and serving alike.

    Numbers and booleans pass as they are. Text becomes ordinal codes: rare values share one,
    unknown text is -1, missing text stays missing. Dates and times are dropped, which the
    transformer's metadata says.

    Args:
        train: The training share; a table with a target. A locked holdout is refused.
        min_frequency: Text values in fewer rows share one code; at least 1.

    Returns:
        transformer: An MLflow model directory with a fitted scikit-learn Pipeline (skops).
    """
    from holdfast.model import feature_frame, save_model
    from holdfast.table import open_table
    from holdfast.training.fit_transformer import logic

    table = open_table(train.path, "train")
    fitted = logic.fit_transformer(table, min_frequency)
    example = feature_frame(table.head(), fitted.info.features)
    save_model(fitted, transformer.path, example)
    transformer.metadata.update(fitted.info.metadata())
