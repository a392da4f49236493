"""Small tables to infer schemas from and to validate."""

from itertools import count

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holdfast.table import TableWriter, open_table


@pytest.fixture
def table(tmp_path):
    """Return a function from columns, or an Arrow table, to a table on disk."""
    numbers = count()

    def make(columns, **known):
        rows = columns if isinstance(columns, pa.Table) else pa.table(columns)
        path = tmp_path / f"table-{next(numbers)}"
        with TableWriter(path, rows.schema, **known) as writer:
            for batch in rows.to_batches():
                writer.write(batch)
        return open_table(path)

    return make


@pytest.fixture
def in_parts(tmp_path):
    """Return a function from columns to another team's table: files of a few rows, no manifest."""
    numbers = count()

    def make(columns, rows_per_file, rows_per_group):
        rows = columns if isinstance(columns, pa.Table) else pa.table(columns)
        path = tmp_path / f"parts-{next(numbers)}"
        path.mkdir()
        for place, start in enumerate(range(0, rows.num_rows, rows_per_file)):
            part = rows.slice(start, rows_per_file)
            pq.write_table(part, path / f"part-{place:03}.parquet", row_group_size=rows_per_group)
        return open_table(path)

    return make


@pytest.fixture
def profile_of(table, tmp_path):
    """Return a function from columns, or a table, to the path of its profile."""
    from holdfast.profiles.profile import profile_table
    from holdfast.validation.statistics import write_profile

    numbers = count()

    def make(columns):
        given = columns if hasattr(columns, "batches") else table(columns)
        path = tmp_path / f"profile-{next(numbers)}"
        write_profile(profile_table(given), path)
        return str(path)

    return make


@pytest.fixture
def schema_of(table, tmp_path):
    """Return a function from columns, or a table, to the path of their schema."""
    from holdfast.profiles.profile import profile_table
    from holdfast.validation.infer_schema.logic import infer_schema
    from holdfast.validation.schema import write_schema
    from holdfast.validation.update_schema.logic import update_schema

    numbers = count()

    def make(columns, changes="", tolerance=0.0):
        given = columns if hasattr(columns, "batches") else table(columns)
        path = tmp_path / f"schema-{next(numbers)}.pbtxt"
        inferred = infer_schema(profile_table(given), tolerance)
        write_schema(update_schema(inferred, changes), path)
        return str(path)

    return make


@pytest.fixture
def validation(table, schema_of):
    """Return a function that validates a table against the schema of a good one, or its own."""
    from holdfast.validation.validate_table import logic

    def call(current, good=None, *, changes="", tolerance=0.0, schema="", **asked):
        given = current if hasattr(current, "batches") else table(current)
        schema = schema or schema_of(given if good is None else good, changes, tolerance)
        names = ("profile", "baseline", "serving", "reference")
        others = logic.Others(**{name: asked.pop(name) for name in names if name in asked})
        return logic.validate(given, schema, others, logic.Request(**asked))

    return call


@pytest.fixture
def judge(validation):
    """Return a function that gives the verdict on a table, as `validation` does."""
    return lambda *given, **asked: validation(*given, **asked).verdict


@pytest.fixture
def rule(judge):
    """Return a function that gives the verdict on a table by rules alone."""
    return lambda current, rules, **asked: judge(
        current, expectations=f"rules: [{rules}]", **{"max_quarantine_share": 1.0} | asked
    )
