"""What a check has found: the verdict, its metrics, pages and a table of the columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from holdfast.drift.detect_drift import page
from holdfast.drift.detect_drift.findings import Finding
from holdfast.drift.detector import Detector
from holdfast.drift.multivariate import Together
from holdfast.table import TableWriter
from holdfast.verdict import Verdict


@dataclass(frozen=True)
class Drift:
    """What was found: `alarm` says that the tables differ, `drift` that it matters.

    `findings` are of the columns that could be compared, in the table's order. `sampled` rows of
    `rows` were tested; `smallest` is the p-value of the table, NaN where nothing was tested.
    """

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    rows: int = 0
    sampled: int = 0
    smallest: float = float("nan")
    alarm: bool = False
    together: Together | None = None
    notes: tuple[str, ...] = ()
    detector: Detector | None = None

    @property
    def drift(self) -> bool:
        """Whether something has moved far enough to matter."""
        return self.verdict.decision == "fail"

    @property
    def scores(self) -> dict[str, float]:
        """Return the metrics; those that are not known are left out."""
        moved = [f for f in self.findings if f.moved]
        found = {
            "rows": self.rows,
            "sampled_rows": self.sampled,
            "columns": len(self.findings),
            "drifted_columns": len(moved),
            "drifted_share": len(moved) / max(1, len(self.findings)),
            **{f"drifted_{r}s": _of_role(moved, r) for r in ("feature", "prediction", "target")},
            "largest_effect": max((f.ratio for f in self.findings), default=0.0),
            **{f"largest_{m}": _largest(self.findings, m) for m in ("psi", "wasserstein")},
            "p_value": self.smallest,
            "alarm": float(self.alarm),
            "drift": float(self.drift),
        }
        return {name: float(value) for name, value in found.items() if np.isfinite(value)}

    def write(self, verdict: str, report: str, summary: str) -> dict[str, Any]:
        """Write the verdict and the pages; return the verdict's metadata."""
        self.verdict.write(verdict)
        page.report(self).write(report, summary)
        return {**self.verdict.metadata(), "alarm": self.alarm, "drift": self.drift}

    def write_columns(self, path: str | Path) -> dict[str, Any]:
        """Write a row for each column, as a table; return what it says about itself."""
        rows = page.column_table(self.findings)
        with TableWriter(path, rows.schema) as writer:
            for batch in rows.to_batches():
                writer.write(batch)
        return {"holdfast_contract": "table/1", "rows": rows.num_rows}


def _of_role(findings: Sequence[Finding], role: str) -> int:
    return sum(found.judged.role == role for found in findings)


def _largest(findings: Sequence[Finding], measure: str) -> float:
    values = [getattr(found.effect, measure) for found in findings]
    return max((value for value in values if np.isfinite(value)), default=float("nan"))
