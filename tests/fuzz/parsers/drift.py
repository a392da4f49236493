"""What the drift family reads: detectors of drift and of outliers."""

import atexit
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

from holdfast.drift import detector as drifting
from holdfast.drift.fit_drift_detector import logic as fitting
from holdfast.drift.fit_outlier_detector import detector as outlying
from holdfast.drift.fit_outlier_detector.logic import Request, fit
from holdfast.errors import InputError
from holdfast.table import TableWriter, open_table
from tests.fuzz.parsers.target import Target

FOLDER = Path(tempfile.mkdtemp(prefix="holdfast-fuzz-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
DRIFT, OUTLIERS = FOLDER / "drift", FOLDER / "outliers"


def write() -> None:
    """Fit both detectors to a few rows."""
    random = np.random.default_rng(0)
    rows = pa.table({"age": random.normal(size=300), "sex": random.choice(["f", "m"], 300)})
    with TableWriter(FOLDER / "table", rows.schema) as writer:
        for batch in rows.to_batches():
            writer.write(batch)
    table = open_table(FOLDER / "table")
    asked = fitting.ask(((), (), ()), ("tabular", "", 0.05), 50, 0.95, 0)
    fitting.fit(table, asked, None).write(DRIFT)
    fit(table, Request(method="mahalanobis")).write(OUTLIERS)


write()


def drift(data: bytes) -> None:
    """Read a detector of drift by another document."""
    (DRIFT / drifting.DOCUMENT).write_bytes(data)
    drifting.read_detector(DRIFT)


def outliers(data: bytes) -> None:
    """Read a detector of outliers by another document."""
    (OUTLIERS / outlying.FILE).write_bytes(data)
    json.dumps(outlying.read_detector(OUTLIERS).about.method)


TARGETS = {
    "drift": Target(drift, ((DRIFT / drifting.DOCUMENT).read_bytes(),), (InputError,)),
    "outliers": Target(outliers, ((OUTLIERS / outlying.FILE).read_bytes(),), (InputError,)),
}
