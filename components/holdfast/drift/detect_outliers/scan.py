"""Score a table in batches, and set the outliers aside: memory does not grow with the table."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from holdfast.drift.fit_outlier_detector.detector import OutlierDetector
from holdfast.errors import InputError
from holdfast.table import Table, TableWriter

if TYPE_CHECKING:
    import numpy.typing as npt

ROW, SCORE = "outlier_row", "outlier_score"
BINS = 40
# Beside what a batch holds, its numbers are held a few times over.
BATCH_ROWS = 65_536


@dataclass
class Scan:
    """What was found: counts of rows, outliers, scores by bin and surprises by column.

    `worst` holds the outliers with the highest scores, the highest first.
    """

    edges: "npt.NDArray[np.float64]"
    shown: int
    schema: pa.Schema
    rows: int = 0
    outliers: int = 0
    highest: float = 0.0
    counts: "npt.NDArray[np.int64]" = field(default_factory=lambda: np.zeros(BINS, np.int64))
    surprises: dict[str, int] = field(default_factory=dict)
    worst: pa.Table | None = None

    def update(self, detector: OutlierDetector, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Take in a batch, and return its outliers."""
        rows = detector.encode(batch)
        scores = detector.score(rows)
        flagged = scores > detector.about.threshold
        places = np.flatnonzero(flagged)
        found = [*batch.filter(pa.array(flagged)).columns, self.rows + places, scores[places]]
        outliers = pa.RecordBatch.from_arrays([pa.array(c) for c in found], schema=self.schema)
        self.highest = max(self.highest if self.rows else -np.inf, float(scores.max()))
        self.counts += histogram(scores, self.edges)
        for name, number in zip(detector.columns, rows.surprises.sum(axis=0).tolist(), strict=True):
            self.surprises[name] = self.surprises.get(name, 0) + number
        self.rows += batch.num_rows
        self.outliers += len(places)
        self._keep(outliers)
        return outliers

    def _keep(self, outliers: pa.RecordBatch) -> None:
        both = pa.Table.from_batches([outliers], self.schema)
        if self.worst is not None:
            both = pa.concat_tables([self.worst, both])
        order = np.lexsort((both[ROW].to_numpy(), -both[SCORE].to_numpy()))[: self.shown]
        self.worst = both.take(pa.array(order)).combine_chunks()


def scan(current: Table, detector: OutlierDetector, path: str | Path, shown: int) -> Scan:
    """Score a table's rows, and write the outliers with their row number and score to `path`."""
    schema = with_scores(current.schema)
    found = Scan(score_bins(detector), shown, schema)
    rows = pa.schema(list(schema)[:-2])
    with _writer(current, schema, path) as writer:
        for batch in _small(current):
            outliers = found.update(detector, batch.cast(rows))
            if outliers.num_rows:
                writer.write(outliers)
    return found


def write_none(current: Table, path: str | Path) -> None:
    """Write a table without rows where nothing could be scored."""
    with _writer(current, with_scores(current.schema), path):
        pass


def with_scores(schema: pa.Schema) -> pa.Schema:
    """Return the columns of the outliers' table.

    Raises:
        InputError: A column has the name of one that is added.
    """
    taken = [name for name in (ROW, SCORE) if name in schema.names]
    if taken:
        raise InputError(
            f"`current` must have no column of the names {[ROW, SCORE]}, which are added to the "
            f"outliers. Found: {taken}. Rename it."
        )
    # Arrow cannot choose among views of strings; another writer's metadata is not true of these.
    kept = [
        pa.field(f.name, pa.large_string() if pa.types.is_string_view(f.type) else f.type)
        for f in schema
    ]
    return pa.schema([*kept, (ROW, pa.int64()), (SCORE, pa.float64())])


def score_bins(detector: OutlierDetector) -> "npt.NDArray[np.float64]":
    """Return edges of bins of scores, the last of which has no end.

    They reach half as far beyond the threshold as it lies from the lowest score of the reference.
    """
    low, threshold = float(detector.scores[0]), detector.about.threshold
    high = threshold + max((threshold - low) / 2, 1e-9)
    return np.linspace(low, high, BINS)


def histogram(
    scores: "npt.NDArray[np.float64]", edges: "npt.NDArray[np.float64]"
) -> "npt.NDArray[np.int64]":
    """Count scores by bin; lower ones than any edge are in the first."""
    places = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, BINS - 1)
    return np.bincount(places, minlength=BINS)


def _small(current: Table) -> Iterator[pa.RecordBatch]:
    for batch in current.batches():
        for first in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(first, BATCH_ROWS)


def _writer(current: Table, schema: pa.Schema, path: str | Path) -> TableWriter:
    return TableWriter(path, schema, current.target, current.task, current.role, current.holdout)
