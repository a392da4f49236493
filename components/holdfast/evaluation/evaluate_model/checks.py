"""Whether the test rows are rows that the model has not seen."""

from typing import TYPE_CHECKING

from holdfast.model import Model, feature_frame, require_features
from holdfast.table import Table
from holdfast.verdict import Reason

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Repetition beyond this share of the rows is worth a look, however many rows repeat in training.
MUCH = 0.01
# Standard deviations that a count may lie above what is expected of it.
SURPRISE = 3.0


def check_rows(model: Model, test: Table, train: Table | None) -> tuple[Reason, ...]:
    """Return warnings about test rows that the model has learned from.

    Args:
        model: The model.
        test: The test rows.
        train: The training rows, where they are given.

    Raises:
        InputError: The training rows do not fit the model.
    """
    known = {model.info.trained_on, train.sha256 if train else ""} - {""}
    if test.sha256 in known:
        return (
            Reason(
                code="test_is_training_table",
                subject="test",
                observed="the sha256 of the training table",
                expected="rows that the model has not seen",
                message="The test table is the one that the model was trained on: its metrics "
                "are those of memory.",
                effect="warn",
            ),
        )
    return _repeated(model, test, train) if train else ()


def _repeated(model: Model, test: Table, train: Table) -> tuple[Reason, ...]:
    """Return a warning where test rows repeat training rows, target included.

    In tables of few columns rows repeat by themselves, within the training rows just as between
    them and the test rows; as much and no more is no warning as long as it is little.
    """
    import numpy as np

    require_features(train, model, "train")
    learned, judged = _hashes(model, train), _hashes(model, test)
    repeated = int(np.isin(judged, learned).sum())
    _, sizes = np.unique(learned, return_counts=True)
    usual = float(sizes[sizes > 1].sum() / max(1, len(learned)))
    share, rows = repeated / max(1, len(judged)), len(judged)
    surprising = repeated > rows * usual + SURPRISE * np.sqrt(rows * usual * (1 - usual))
    if share <= MUCH and not surprising:
        return ()
    return (
        Reason(
            code="repeated_rows",
            subject="test",
            observed=f"{repeated} of {rows} rows",
            expected="rows that the model has not seen",
            message=f"{100 * share:.2g} % of the test rows are also training rows, target "
            f"included; within the training rows {100 * usual:.2g} % repeat another. Metrics of "
            f"rows that the model knows are too good.",
            effect="warn",
            share=share,
        ),
    )


def _hashes(model: Model, table: Table) -> "npt.NDArray[np.uint64]":
    """Return a hash of each row's features and target, as the model reads them."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    names = [*model.info.features, model.info.target]
    parts = [
        pd.util.hash_pandas_object(
            feature_frame(pa.Table.from_batches([batch]), names), index=False
        ).to_numpy()
        for batch in table.batches(names)
    ]
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)
