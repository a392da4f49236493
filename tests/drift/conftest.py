"""Tables and detectors that the tests of drift share."""

from itertools import count

import numpy as np
import pyarrow as pa
import pytest

from holdfast.drift.detect_drift import logic as detecting
from holdfast.drift.detector import read_detector
from holdfast.drift.fit_drift_detector import logic as fitting
from holdfast.performance.columns import PredictionColumns
from holdfast.table import TableWriter, open_table


@pytest.fixture
def table(tmp_path):
    """Return a function that writes columns as a table; `classes` make it one of predictions."""
    numbers = count()

    def write(columns, target="", classes=(), role=""):
        rows = columns if isinstance(columns, pa.Table) else pa.table(columns)
        schema = rows.schema
        if classes:
            schema = PredictionColumns("classification", "y", tuple(classes)).attach(schema)
        path = tmp_path / f"table_{next(numbers)}"
        with TableWriter(path, schema, target, role=role) as writer:
            for batch in rows.to_batches():
                writer.write(batch.replace_schema_metadata(schema.metadata))
        return open_table(path)

    return write


@pytest.fixture
def request_of():
    """Return a function that asks for a detector."""

    def ask(
        method="tabular", correction="", p_value=0.05, rows=50_000, components=0.95, seed=0, **named
    ):
        lists = [named.get(name, ()) for name in ("columns", "ignored", "categorical")]
        return fitting.ask(lists, (method, correction, p_value), rows, components, seed)

    return ask


@pytest.fixture
def fit(table, request_of, tmp_path):
    """Return a function that fits a detector to columns, writes it and reads it again."""

    def call(reference, target="", classes=(), profile=None, **wanted):
        made = fitting.fit(table(reference, target, classes), request_of(**wanted), profile)
        made.write(tmp_path / "detector")
        return read_detector(tmp_path / "detector")

    return call


@pytest.fixture
def detect(table):
    """Return a function that compares columns with a detector."""

    def call(current, detector, target="", classes=(), profile=None, **wanted):
        names = ("sample", "p_value", "limits", "expected_rows", "drifted_share")
        given = {
            "sample": 10_000, "p_value": 0.0, "limits": {}, "expected_rows": 0,
            "drifted_share": 0.0, **wanted,
        }  # fmt: skip
        options = detecting.ask(*(given[name] for name in names))
        return detecting.detect(table(current, target, classes), detector, options, profile)

    return call


@pytest.fixture
def people():
    """Return a function that draws rows of two numbers and a category."""

    def draw(rows=2000, seed=0, shift=0.0):
        generator = np.random.default_rng(seed)
        return {
            "age": generator.normal(40 + 10 * shift, 10, rows),
            "hours": generator.integers(20, 60, rows),
            "city": np.array(["Rome", "Oslo", "Lima"])[
                generator.choice(3, rows, p=[0.5, 0.3, 0.2])
            ],
        }

    return draw


@pytest.fixture
def codes():
    """Return a function that lists the codes and subjects of a verdict's reasons."""

    def listed(found):
        return [(reason.code, reason.subject, reason.effect) for reason in found.verdict.reasons]

    return listed
