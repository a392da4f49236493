"""KFP interface of transform_table."""

from typing import List

from kfp import dsl

from holdfast.images import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def transform_table(
    table: dsl.Input[dsl.Dataset],
    transformer: dsl.Input[dsl.Model],
    features: dsl.Output[dsl.Dataset],
    keep: List[str] = [],  # noqa: B006  # KFP reads the default from the signature
):
    """Write what a model's estimator reads of a table: its transformed features.

    For steps that see the world as the model does: drift, outliers, a training of your own. The
    table is read in batches. Where `features` of fit_transformer asked for target encoding, rows of
    the training share are encoded by their own target, too: watch with them, train nothing on them.

    Args:
        table: Rows with the features of the transformer. Needs: {columns: [$keep]}
        transformer: A transformer of fit_transformer, or a model that was trained with one.
        keep: Further columns that go along as they are, such as a key; the target always does.

    Returns:
        features: The kept columns, then a float64 column for each transformed feature, named as
            scikit-learn's get_feature_names_out has it. Rows, their order, target, task and the
            share's role stay. Gives: {like: table, keeps: $keep, adds: ["*"]}
    """
    from holdfast.model import load_model
    from holdfast.table import open_table
    from holdfast.training.transform_table import logic

    model = load_model(transformer.path, "transformer")
    written = logic.transform(open_table(table.path), model, keep, features.path)
    features.metadata.update(written.metadata())
