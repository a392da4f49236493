"""Detectors that came from outside: nothing in them runs, and they are refused in words."""

import json
import zipfile

import pytest

from holdfast.drift import detector as drifting
from holdfast.drift.fit_outlier_detector import detector as outlying
from holdfast.errors import InputError
from tests.drift.test_detect_outliers import fitted, rows_of
from tests.security import planted


@pytest.fixture
def outliers(tmp_path):
    path = tmp_path / "outliers"
    fitted(tmp_path, rows_of(300, 0), method="mahalanobis").write(path)
    assert outlying.read_detector(path)
    return path


def test_arrays_of_objects_are_refused(outliers, tmp_path):
    canary = tmp_path / "canary"
    assert planted.works(canary)
    with zipfile.ZipFile(outliers / outlying.ARRAYS) as file:
        names = tuple(name.removesuffix(".npy") for name in file.namelist())
    (outliers / outlying.ARRAYS).write_bytes(planted.arrays(canary, names))
    with pytest.raises(InputError, match="`detector` must be an outlier detector"):
        outlying.read_detector(outliers)
    assert not canary.exists()


@pytest.mark.parametrize("text", ["[" * 100_000, "null", "[]", "{}", "9" * 5000, '"\\ud800"'])
def test_a_document_that_is_none_is_refused(outliers, text):
    (outliers / outlying.FILE).write_text(text)
    with pytest.raises(InputError, match="`detector` must be an outlier detector"):
        outlying.read_detector(outliers)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "", "other"])
def test_a_detector_names_no_file_but_its_own(fit, people, tmp_path, name):
    fit(people(300))
    file = tmp_path / "detector" / drifting.DOCUMENT
    document = json.loads(file.read_text())
    document["files"][name] = "0" * 64
    file.write_text(json.dumps(document))
    with pytest.raises(InputError, match="`detector` must be what fit_drift_detector wrote"):
        drifting.read_detector(tmp_path / "detector")


@pytest.mark.parametrize("files", [None, [], "x", {}])
def test_a_detector_whose_files_are_not_vouched_for_is_refused(fit, people, tmp_path, files):
    fit(people(300))
    file = tmp_path / "detector" / drifting.DOCUMENT
    document = json.loads(file.read_text()) | {"files": files}
    file.write_text(json.dumps(document))
    with pytest.raises(InputError, match="`detector` must be what fit_drift_detector wrote"):
        drifting.read_detector(tmp_path / "detector")
