"""Small tables to infer schemas from and to validate."""

from itertools import count

import pyarrow as pa
import pytest

from holdfast.table import TableWriter, open_table


@pytest.fixture
def table(tmp_path):
    """Return a function from columns, or an Arrow table, to a table on disk."""
    numbers = count()

    def make(columns):
        rows = columns if isinstance(columns, pa.Table) else pa.table(columns)
        path = tmp_path / f"table-{next(numbers)}"
        with TableWriter(path, rows.schema) as writer:
            for batch in rows.to_batches():
                writer.write(batch)
        return open_table(path)

    return make
