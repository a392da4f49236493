"""Which columns make a row unusual: those whose values are the rarest in the reference.

The share of the reference's rows that is at least as extreme, column by column (as in ECOD, Li et
al. 2022), whatever the detector. A value is described by its rank, and never shown.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from holdfast.drift.fit_outlier_detector.encoding import (
    GRID,
    Code,
    category_places,
    category_shares,
    plain,
)


@dataclass(frozen=True)
class Finding:
    """How unusual one value is: the share of the reference's rows, and words for it."""

    column: str
    share: float
    text: str


def findings(rows: pa.Table, codes: tuple[Code, ...], most: int) -> list[list[Finding]]:
    """Return for each row its most unusual columns, the rarest first."""
    (batch,) = rows.combine_chunks().to_batches() or [None]
    if batch is None:
        return []
    by_column = []
    for code in codes:
        column = batch.column(batch.schema.get_field_index(code.name))
        by_column.append(_numbers(column, code) if code.kind == "number" else _texts(column, code))
    return [
        sorted(row, key=lambda finding: finding.share)[:most]
        for row in zip(*by_column, strict=True)
    ]


def _numbers(column: pa.Array, code: Code) -> list[Finding]:
    values = plain(column, "number").to_numpy(zero_copy_only=False)
    return [_number(float(value), code) for value in values]


def _number(value: float, code: Code) -> Finding:
    if not np.isfinite(value):
        share = code.missing / code.rows
        word = "infinite" if np.isinf(value) else "missing"
        return Finding(code.name, share, f"{word}, as in {_percent(share)} of the reference")
    if not code.grid:
        return Finding(code.name, 0.0, "not missing, as it is in all of the reference")
    if value < code.grid[0] or value > code.grid[-1]:
        side = "below" if value < code.grid[0] else "above"
        return Finding(code.name, 0.0, f"{side} all of the reference")
    if code.constant:
        return Finding(code.name, 1.0, "as in all of the reference")
    above = 1 - GRID[max(0, np.searchsorted(code.grid, value, side="left") - 1)]
    below = GRID[min(np.searchsorted(code.grid, value, side="right"), len(GRID) - 1)]
    side = "highest" if above < below else "lowest"
    share = float(min(above, below))
    return Finding(code.name, min(1.0, 2 * share), f"among the {side} {_percent(share)}")


def _texts(column: pa.Array, code: Code) -> list[Finding]:
    shares = category_shares(code)
    listed = len(code.values)
    return [
        Finding(code.name, float(shares[place]), _category(place, listed, float(shares[place])))
        for place in category_places(column, code).tolist()
    ]


def _category(place: int, listed: int, share: float) -> str:
    if place == listed:
        return "a category seen at most once in the reference"
    word = "missing" if place > listed else "a category"
    return f"{word}, as in {_percent(share)} of the reference"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
