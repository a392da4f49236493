"""Fit the transformer that training and serving share."""

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.model import Model, ModelInfo, feature_frame, is_numeric
from holdfast.table import Table


def fit_transformer(train: Table, min_frequency: int) -> Model:
    """Fit a transformer to the features of a table.

    Numbers and booleans pass as they are, missing values too: gradient boosting splits on them.
    Text becomes ordinal codes, which trees split as well as indicator columns at a fraction of the
    width; unknown text is -1, missing text is missing. Dates and times are dropped.

    Args:
        train: A table with a target.
        min_frequency: Text values in fewer rows share one code.

    Raises:
        InputError: No target, no usable feature, a locked holdout, or the frequency is below 1.
    """
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    train.require_trainable("train")
    train.require_target("train")
    if min_frequency < 1:
        raise InputError(f"`min_frequency` must be at least 1. Found: {min_frequency}.")
    info = _choose_features(train)
    text = [name for name in info.features if name not in info.numeric]
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=np.nan,
        min_frequency=min_frequency,
    )
    columns = ColumnTransformer(
        [("numeric", "passthrough", list(info.numeric)), ("text", encoder, text)],
        verbose_feature_names_out=False,
    )
    frame = feature_frame(train.read(info.features), info.features)
    # One row of missing values: the encoder knows a missing value only if it has seen one.
    seen = frame.reindex(range(-1, len(frame)))
    return Model(Pipeline([("columns", columns)]).fit(seen), info)


def _choose_features(train: Table) -> ModelInfo:
    dropped = {}
    for name in train.features:
        kind = train.schema.field(name).type
        if pa.types.is_temporal(kind):
            dropped[name] = f"{kind} is not read by this transformer"
    features = tuple(name for name in train.features if name not in dropped)
    if not features:
        raise InputError(
            f"`train` must have a column of numbers, booleans or text besides its target "
            f"{train.target!r}. Found: {train.schema.names}. Add a feature at the source."
        )
    numeric = tuple(name for name in features if is_numeric(train.schema.field(name).type))
    return ModelInfo(
        train.target,
        train.task,
        features,
        numeric,
        dropped,
        trained_on=train.sha256,
        holdout_sha256=train.holdout,
    )
