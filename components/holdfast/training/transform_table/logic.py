"""Write the transformed features of a table."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.model import Model, feature_frame, require_columns
from holdfast.table import Table, TableWriter, open_table

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def transform(table: Table, model: Model, keep: Sequence[str], path: str | Path) -> Table:
    """Write the kept columns and the transformed features of each row; return the new table.

    Args:
        table: Rows with the features that the model reads.
        model: A transformer, or a model whose estimator is left out.
        keep: Columns that go along beside the target.
        path: Where the table goes.

    Raises:
        InputError: A feature or a kept column is not there, or two columns have the same name.
    """
    require_columns(table.schema, model, "table", model.info.features)
    steps = _before_the_estimator(model)
    kept = list(dict.fromkeys([*keep, *([table.target] if table.target else [])]))
    names = [str(name) for name in steps.get_feature_names_out()]
    _require(table, kept, names)
    schema = pa.schema(
        [*(table.schema.field(name) for name in kept), *((name, pa.float64()) for name in names)]
    )
    with TableWriter(path, schema, table.target, table.task, table.role, table.holdout) as writer:
        for batch in _transformed(table, model, steps, kept, schema):
            writer.write(batch)
    return open_table(path)


def _before_the_estimator(model: Model) -> "Pipeline":
    trained = hasattr(model.pipeline[-1], "predict")
    return model.pipeline[:-1] if trained else model.pipeline


def _require(table: Table, kept: Sequence[str], names: Sequence[str]) -> None:
    missing = [name for name in kept if name not in table.schema.names]
    if missing:
        raise InputError(
            f"`keep` must name columns of `table`. Found: {missing[:10]}, not among "
            f"{table.schema.names[:20]}. Check the spelling; case counts."
        )
    taken = sorted(set(kept) & set(names))
    if taken:
        raise InputError(
            f"`keep` must not name what the transformer writes. Found: {taken[:10]}. Leave them "
            f"out: they are among the features."
        )


def _transformed(
    table: Table, model: Model, steps: "Pipeline", kept: Sequence[str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    import numpy as np

    features = model.info.features
    for batch in table.batches(list(dict.fromkeys([*features, *kept]))):
        if not batch.num_rows:
            continue
        rows = pa.Table.from_batches([batch])
        values = np.asarray(steps.transform(feature_frame(rows, features)), dtype=np.float64)
        columns = [batch.column(name) for name in kept]
        # What is missing to the estimator is missing in the table.
        columns += [pa.array(column, from_pandas=True) for column in values.T]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
