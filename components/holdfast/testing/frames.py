"""A pandas data frame as a component's input."""

import sys
from pathlib import Path
from typing import Any

from holdfast.errors import MachineError
from holdfast.images import family_of


def is_frame(value: Any) -> bool:
    """Return whether a value is a pandas data frame; pandas is not imported for it."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def write(frame: Any, place: Path, image: str) -> None:
    """Write a data frame: a table of ours for our components, one Parquet file for others.

    Of `frame.attrs`, `target` and `task` say what a table's manifest says of it.

    Raises:
        MachineError: pyarrow is not installed beside pandas.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MachineError(
            "A data frame is handed over as Parquet, which needs pyarrow beside pandas. Found: "
            "none. Run pip install pyarrow, or write a file and pass its path."
        ) from error
    if family_of(image) is None:
        frame.to_parquet(place, index=False)
        return
    from holdfast.table import TableWriter

    rows = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    told = {key: frame.attrs[key] for key in ("target", "task") if key in frame.attrs}
    with TableWriter(place, rows.schema, **told) as writer:
        for batch in rows.to_batches():
            writer.write(batch)
