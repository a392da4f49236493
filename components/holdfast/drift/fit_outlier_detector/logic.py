"""Fit an outlier detector on a reference: one pass, in memory that does not grow with the table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.drift.fit_outlier_detector import scoring
from holdfast.drift.fit_outlier_detector.detector import About, OutlierDetector, rank
from holdfast.drift.fit_outlier_detector.encoding import codes_of, encode, finite, kind_of, plain
from holdfast.errors import InputError
from holdfast.profiles.profile import Profile, empty_profile
from holdfast.profiles.sketches import draw
from holdfast.report import Paragraph, Report, Rows
from holdfast.table import Table

CHUNK = 2**20
# Fewer rows are no population.
LEAST_ROWS = 20


@dataclass(frozen=True)
class Request:
    """What is asked for: see the component."""

    method: str = "isolation_forest"
    contamination: float = 0.01
    columns: tuple[str, ...] = ()
    sample_rows: int = 20_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what can't be fitted.

        Raises:
            InputError: A value is out of its range.
        """
        if self.method not in scoring.METHODS:
            raise InputError(
                f"`method` must be one of {list(scoring.METHODS)}. Found: {self.method!r}. The "
                f"usual one is isolation_forest."
            )
        if not 0 < self.contamination <= 0.5:
            raise InputError(
                f"`contamination` must be above 0 and at most 0.5. Found: {self.contamination}. "
                f"The usual one is 0.01."
            )
        if self.sample_rows < LEAST_ROWS:
            raise InputError(
                f"`sample_rows` must be at least {LEAST_ROWS}. Found: {self.sample_rows}. The "
                f"usual number is 20000."
            )
        if not 0 <= self.seed < 2**32:
            raise InputError(
                f"`seed` must be from 0 to 4294967295. Found: {self.seed}. Use any such number."
            )


@dataclass(frozen=True)
class _Parts:
    """The reference in parts: rows to judge by, rows to learn from, and what columns hold.

    `profile` is that of all rows but the judged ones, the learned ones among them; `infinite` names
    the columns in which it met a number without end.
    """

    judged: pa.RecordBatch
    learned: pa.RecordBatch
    profile: Profile
    infinite: tuple[str, ...]


def fit(reference: Table, request: Request) -> OutlierDetector:
    """Fit a detector.

    Raises:
        InputError: The reference is too short, can't be read, or has no column that varies.
    """
    reference.require_trainable("reference")
    schema = _schema(reference, request.columns)
    judged = min(request.sample_rows, reference.rows) // 2
    _require_rows(reference.rows, judged, request)
    parts = _read(reference, schema, judged, request)
    codes = codes_of(parts.profile, parts.infinite)
    if not sum(code.width for code in codes):
        raise InputError(
            f"`reference` must have a column that varies. Found: {schema.names[:20]}, none of "
            f"which does. Pass more rows, or other columns."
        )
    rows = encode(parts.learned, codes, request.contamination).values
    scorer = scoring.fit(request.method, rows, request.seed)
    about = About(
        request.method, request.contamination, request.seed, 0.0, len(rows), judged,
        tuple(reference.schema.names), reference.target, reference.sha256,
    )  # fmt: skip
    unjudged = OutlierDetector(about, codes, scorer, np.empty(0))
    scores = np.sort(unjudged.score(unjudged.encode(parts.judged)))
    threshold = float(scores[rank(judged, request.contamination) - 1])
    return OutlierDetector(replace(about, threshold=threshold), codes, scorer, scores)


def report(detector: OutlierDetector) -> Report:
    """Return what was fitted, for people."""
    about = detector.about
    left_out = [name for name in about.known if name not in detector.columns]
    text = (
        f"{about.method} on {about.learned:,} rows of the reference. A row is an outlier above the "
        f"score {about.threshold:.6g}, which {100 * about.contamination:g} % of {about.judged:,} "
        f"other rows of the reference exceed."
    )
    rows = tuple(
        (code.name, code.kind, 100 * code.missing / code.rows, len(code.values) or "")
        for code in detector.codes
    )
    names = ("column", "read as", "missing %", "categories seen twice or more")
    unread = (
        f"Not read (the target, times, columns not asked for): {', '.join(left_out) or 'none'}."
    )
    blocks = (Paragraph(text), Rows("Columns", names, rows), Paragraph(unread))
    return Report("Outlier detector", "", blocks)


def _schema(reference: Table, columns: Sequence[str]) -> pa.Schema:
    """Return the columns to read, as they are profiled."""
    lacking = [name for name in columns if name not in reference.schema.names]
    if lacking:
        raise InputError(
            f"`columns` must be columns of `reference`. Found: {lacking[:20]}, which it lacks; it "
            f"has {reference.schema.names[:20]}. Check the names."
        )
    types = {"number": pa.float64(), "text": pa.large_string()}
    kinds = {
        name: kind_of(reference.schema.field(name), "reference")
        for name in dict.fromkeys(columns or reference.features)
    }
    return pa.schema([(name, types[kind]) for name, kind in kinds.items() if kind])


def _require_rows(rows: int, judged: int, request: Request) -> None:
    needed = math.ceil((1 - request.contamination) / request.contamination - 1e-9)
    if judged >= max(needed, LEAST_ROWS // 2):
        return
    needed = max(2 * needed, LEAST_ROWS)
    name, found = ("reference", rows) if rows < needed else ("sample_rows", request.sample_rows)
    raise InputError(
        f"`{name}` must be at least {needed} rows to tell what is rarer than `contamination` "
        f"{request.contamination:g}. Found: {found}. Pass more, or a larger `contamination`."
    )


def _read(reference: Table, schema: pa.Schema, judged: int, request: Request) -> _Parts:
    """Read the reference once."""
    learned = min(request.sample_rows - judged, reference.rows - judged)
    limits = _limits(reference.rows, request.seed, (judged, judged + learned))
    profile = empty_profile(schema, request.seed)
    kept: tuple[list[pa.RecordBatch], ...] = ([], [])
    infinite: set[str] = set()
    first = 0
    for batch in reference.batches(schema.names):
        rows = _plain(batch, schema)
        priorities = draw(first, batch.num_rows, request.seed).priorities
        first += batch.num_rows
        to_judge = priorities <= limits[0]
        to_learn = ~to_judge & (priorities <= limits[1])
        for part, chosen in zip(kept, (to_judge, to_learn), strict=True):
            part.append(rows.filter(pa.array(chosen)))
        others = rows.filter(pa.array(~to_judge))
        infinite.update(name for name in schema.names if _endless(others[name]))
        bounded = [finite(c) if c.type == pa.float64() else c for c in others.columns]
        profile.update(pa.RecordBatch.from_arrays(bounded, schema=schema), profile.rows)
    for column in profile.columns.values():
        column.settle()
    judged_rows, learned_rows = (_one(part, schema) for part in kept)
    return _Parts(judged_rows, learned_rows, profile, tuple(sorted(infinite)))


def _limits(rows: int, seed: int, counts: Sequence[int]) -> list[np.uint64]:
    """Return the priorities of the rows that come at such places in their random order."""
    kept = np.empty(0, np.uint64)
    for first in range(0, rows, CHUNK):
        more = draw(first, min(CHUNK, rows - first), seed).priorities
        kept = np.sort(np.concatenate((kept, more)))[: max(counts)]
    return [kept[count - 1] for count in counts]


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        plain(column, "number" if field.type == pa.float64() else "text")
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _endless(column: pa.Array) -> bool:
    return column.type == pa.float64() and bool(pc.any(pc.is_inf(column)).as_py())


def _one(parts: Sequence[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    return pa.Table.from_batches(parts, schema).combine_chunks().to_batches()[0]
