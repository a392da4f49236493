"""The page of a check: what moved, worst first, and the columns as a table for programs."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from holdfast.drift.detect_drift.findings import Finding
from holdfast.drift.effects import MEASURES, share_missing
from holdfast.profiles.columns import NumberColumn
from holdfast.report import Block, Figure, Paragraph, Report, Rows

if TYPE_CHECKING:
    from holdfast.drift.detect_drift.result import Drift

# Each takes 15 to 25 kB, and a tenth of a second.
MOST_FIGURES = 12
SHOWN = ("psi", "jensen_shannon", "wasserstein", "total_variation")
NUMBERS = (
    "statistic", "p_value", "adjusted_p_value", *MEASURES, "effect_by_limit", "missing_share",
    "missing_share_reference", "mean", "mean_reference",
)  # fmt: skip
SCHEMA = pa.schema(
    [
        *(
            (name, pa.string())
            for name in ("column", "role", "kind", "decision", "test", "measure")
        ),
        *((name, pa.float64()) for name in NUMBERS),
    ]
)


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings: those that failed, those that warn, the rest; by effect."""
    order = {"fail": 0, "warn": 1, "pass": 2}
    return sorted(findings, key=lambda f: (order[f.level], -f.ratio, f.judged.name))


def column_table(findings: Sequence[Finding]) -> pa.Table:
    """Return a row for each column, worst first; what is not known is null."""
    rows = [_row(found) for found in worst_first(findings)]
    return pa.Table.from_pylist(rows, SCHEMA)


def report(drift: "Drift") -> Report:
    """Return the page."""
    blocks: list[Block] = [Paragraph(_headline(drift)), *(Paragraph(note) for note in drift.notes)]
    if drift.detector is not None:
        blocks.insert(1, Paragraph(_facts(drift)))
    reasons = tuple((r.effect, r.code, r.subject, r.message) for r in drift.verdict.reasons)
    blocks.append(Rows("Findings", ("effect", "code", "subject", "finding"), reasons))
    ordered = worst_first(drift.findings)
    blocks += _figures([found for found in ordered if found.level != "pass"])
    if ordered:
        blocks.append(_table(ordered))
    return Report("Drift", drift.verdict.decision, tuple(blocks))


def _headline(drift: "Drift") -> str:
    moved = [found for found in drift.findings if found.moved]
    if drift.verdict.decision == "no_baseline" or not drift.findings:
        return drift.verdict.reasons[0].message
    told = f"{len(moved)} of {len(drift.findings)} columns have drifted"
    if moved:
        roles = [r for r in ("feature", "prediction", "target") if _counts(moved, r)]
        told += f" ({', '.join(f'{r}s: {_counts(moved, r)}' for r in roles)})"
    if drift.alarm and drift.verdict.decision == "pass":
        told += ". The table differs from its reference, too little to matter"
    return told + "."


def _facts(drift: "Drift") -> str:
    detector = drift.detector
    if detector is None:
        return ""
    settings = detector.settings
    p_value = "not tested" if math.isnan(drift.smallest) else f"p = {drift.smallest:.2g}"
    return (
        f"{drift.rows:,} rows against a reference of {detector.rows:,}. Tests: {settings.method}, "
        f"{drift.sampled:,} against {detector.sample.num_rows:,} rows drawn with seed "
        f"{settings.seed}, correction {settings.correction}; the whole table: {p_value}. Effect "
        f"sizes are of all rows. A column has drifted where both its test and its effect say so."
    )


def _table(ordered: Sequence[Finding]) -> Rows:
    short = ("PSI", "Jensen-Shannon", "Wasserstein", "variation")
    columns = ("column", "role", "decision", "p of all", *short, "missing", "missing before")
    rows = tuple(
        (
            found.judged.name, found.judged.role, found.level, _shown(found.adjusted),
            *(_shown(getattr(found.effect, m)) for m in SHOWN),
            share_missing(found.now), share_missing(found.before),
        )
        for found in ordered
    )  # fmt: skip
    return Rows("Columns", columns, rows)


def _figures(moved: Sequence[Finding]) -> list[Block]:
    if not moved:
        return []
    # matplotlib takes half a second: only where there is something to see.
    from holdfast.drift.detect_drift import plots

    shown = [found for found in moved if found.now.present and found.before.present]
    drawn: list[Block] = [
        Figure(f"{found.judged.name}: {found.measure} {_effect(found)}", plots.draw(found))
        for found in shown[:MOST_FIGURES]
    ]
    if len(shown) > MOST_FIGURES:
        more = len(shown) - MOST_FIGURES
        drawn.append(Paragraph(f"{more} more columns are in the table below, without a picture."))
    return drawn


def _row(found: Finding) -> dict[str, object]:
    number = found.judged.kind == "number"
    values = {
        "statistic": found.statistic,
        "p_value": found.p_value,
        "adjusted_p_value": found.adjusted,
        **{measure: getattr(found.effect, measure) for measure in MEASURES},
        "effect_by_limit": found.ratio,
        "missing_share": share_missing(found.now),
        "missing_share_reference": share_missing(found.before),
        "mean": _mean(found.now) if number else math.nan,
        "mean_reference": _mean(found.before) if number else math.nan,
    }
    known = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return {
        "column": found.judged.name, "role": found.judged.role, "kind": found.judged.kind,
        "decision": found.level, "test": found.test, "measure": found.measure, **known,
    }  # fmt: skip


def _mean(column: object) -> float:
    known = isinstance(column, NumberColumn) and column.present
    return column.mean if isinstance(column, NumberColumn) and known else math.nan


def _shown(value: float) -> float | str:
    return "" if math.isnan(value) else round(value, 4)


def _effect(found: Finding) -> str:
    value = getattr(found.effect, found.measure, math.nan)
    return "" if math.isnan(value) else f"{value:.3g}"


def _counts(findings: Sequence[Finding], role: str) -> int:
    return sum(found.judged.role == role for found in findings)
