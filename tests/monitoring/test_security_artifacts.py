"""Baselines and predictions that came from outside: nothing in them runs, all is told in words."""

import json
import zipfile

import pyarrow as pa
import pytest
import skops.io
from sklearn.preprocessing import FunctionTransformer

from holdfast.errors import InputError
from holdfast.monitoring.baseline import ARRAYS, DOCUMENT, LOSSES, read_baseline
from holdfast.performance.columns import columns_of
from tests.monitoring.scored_tables import baseline_of, binary, numeric
from tests.security import planted


@pytest.fixture
def canary(tmp_path):
    assert planted.works(tmp_path / "canary")
    return tmp_path / "canary"


def refuse(path, canary):
    with pytest.raises(InputError, match="`baseline` must"):
        read_baseline(path)
    assert not canary.exists()


def test_arrays_of_objects_are_refused(tmp_path, canary):
    path = baseline_of(binary(tmp_path / "table", 200), tmp_path / "baseline")
    with zipfile.ZipFile(path / ARRAYS) as file:
        names = tuple(name.removesuffix(".npy") for name in file.namelist())
    (path / ARRAYS).write_bytes(planted.arrays(canary, names))
    refuse(path, canary)


def test_arrays_that_say_they_are_huge_are_refused(tmp_path, canary):
    path = baseline_of(binary(tmp_path / "table", 200), tmp_path / "baseline")
    header = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }"
    with zipfile.ZipFile(path / ARRAYS) as file:
        names = file.namelist()
    with zipfile.ZipFile(path / ARRAYS, "w") as file:
        for name in names:
            file.writestr(name, (header % 10**15).ljust(127) + b"\n")
    refuse(path, canary)


@pytest.mark.parametrize("planter", ["pickle", "function"])
def test_trees_that_are_something_else_are_refused(tmp_path, canary, planter):
    path = baseline_of(numeric(tmp_path / "table", 200), tmp_path / "baseline")
    function = skops.io.dumps(FunctionTransformer(eval))
    content = planted.pickled(canary) if planter == "pickle" else function
    (path / LOSSES).write_bytes(content)
    refuse(path, canary)


@pytest.mark.parametrize("text", ["[" * 100_000, "null", "[]", "{}", "9" * 5000, '"\\ud800"'])
def test_a_document_that_is_none_is_refused(tmp_path, canary, text):
    path = baseline_of(binary(tmp_path / "table", 200), tmp_path / "baseline")
    assert json.loads((path / DOCUMENT).read_text())
    (path / DOCUMENT).write_text(text)
    refuse(path, canary)


@pytest.mark.parametrize("said", [b"\xff", b"{}", b"[]", b"[" * 100_000, b"1",
                                  b'{"task": "regression", "target": "y"}'])  # fmt: skip
def test_a_note_of_predictions_that_can_not_be_read_is_told(said):
    schema = pa.schema([("prediction", pa.float64())], {b"holdfast.predictions": said})
    with pytest.raises(InputError, match="`predictions` must be a table of predictions"):
        columns_of(schema, "predictions")
