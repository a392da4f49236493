"""KFP interface of fit_transformer."""

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def fit_transformer(
    train: dsl.Input[dsl.Dataset],
    transformer: dsl.Output[dsl.Model],
    min_frequency: int = 10,
    features: str = "",
):
    """Fit the transformer of the features once, for training and serving alike.

    What `features` does not name is inferred from the table's types. Numbers and booleans pass as
    they are. Text becomes ordinal codes: rare values share one, unknown text is -1, missing text
    stays missing. Dates and timestamps become their parts (year, month, day of month, week and
    year, hour; weekend, month end), in UTC. Times of day, durations and nested columns are dropped,
    and so is text of more than 100,000 values. The transformer's metadata says what was dropped and
    why, and remarks on columns without a value, with one value, or that tell the target.

    `features` names columns and their steps as YAML: clip, log, impute, bins, products and scale of
    numbers; one-hot, ordinal, frequency and cross-fitted target encoding of categories; parts,
    cycles and flags of dates; TF-IDF of text. The grammar, and what becomes of missing, unknown and
    infinite values, is in components/holdfast/training/fit_transformer/grammar.py.

    Args:
        train: The training share. Needs: {target: true, role: not holdout}
        min_frequency: Text values in fewer rows share one code; at least 1. `features` may say
            otherwise of its columns.
        features: Steps of columns as YAML; empty: all are inferred.

    Returns:
        transformer: An MLflow model directory with a fitted scikit-learn Pipeline (skops).
            Gives: {target: $train, task: $train}
    """
    from holdfast.model import feature_frame, save_model
    from holdfast.table import open_table
    from holdfast.training.fit_transformer import logic

    table = open_table(train.path, "train")
    fitted = logic.fit_transformer(table, min_frequency, features)
    example = feature_frame(table.head(), fitted.info.features)
    save_model(fitted, transformer.path, example)
    transformer.metadata.update(fitted.info.metadata())
