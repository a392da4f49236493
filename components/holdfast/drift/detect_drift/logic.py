"""Compare a table with the reference that a detector keeps, and decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from holdfast.drift import reading
from holdfast.drift.columns import Judged
from holdfast.drift.detect_drift import page
from holdfast.drift.detect_drift.findings import (
    Finding,
    Level,
    count_reasons,
    level_of,
    moved_reason,
    worst_measure,
)
from holdfast.drift.detect_drift.limits import Limits, read_limits
from holdfast.drift.detect_drift.result import Drift
from holdfast.drift.detect_drift.structure import LEAST_ROWS, compare_structure, row_reasons
from holdfast.drift.detector import Detector, read_detector
from holdfast.drift.effects import effect_of
from holdfast.drift.encoding import encode
from holdfast.drift.multivariate import Together, compare_together
from holdfast.drift.permutation import DRAWS
from holdfast.drift.significance import UNIVARIATE, Tests, compare
from holdfast.errors import InputError
from holdfast.profiles.profile import Profile, read_profile
from holdfast.table import Table
from holdfast.verdict import Decision, Reason, Verdict

__all__ = ["ask", "detect", "read_detector"]


@dataclass(frozen=True)
class Options:
    """How a table is judged.

    sample: Rows that are tested, 0 for all. p_value: 0 for the detector's own. expected_rows: 0
    where nothing is known. drifted_share: of the features, up to which their drift only warns.
    """

    sample: int = 10_000
    p_value: float = 0.0
    limits: Limits = field(default_factory=Limits)
    expected_rows: int = 0
    drifted_share: float = 0.0


def ask(
    sample: int,
    p_value: float,
    limits: Mapping[str, Any],
    expected_rows: int,
    drifted_share: float,
) -> Options:
    """Check what is asked for; see `Options`.

    Raises:
        InputError: A number is out of its range, or a limit is of no measure.
    """
    checks = (
        (
            "sample",
            sample == 0 or sample >= LEAST_ROWS,
            f"0 for all rows, or at least {LEAST_ROWS}",
        ),
        ("p_value", 0 <= p_value <= 0.5, "0 for the detector's own, or up to 0.5"),
        ("expected_rows", expected_rows >= 0, "0 where it is not known, or a number of rows"),
        ("drifted_share", 0 <= drifted_share <= 1, "a share from 0 to 1"),
    )
    given = dict(zip(("sample", "p_value", "expected_rows", "drifted_share"),
                     (sample, p_value, expected_rows, drifted_share), strict=True))  # fmt: skip
    for name, holds, expected in checks:
        if not holds:
            raise InputError(f"`{name}` must be {expected}. Found: {given[name]}. Correct it.")
    return Options(sample, p_value, read_limits(limits), expected_rows, drifted_share)


def profile_of(path: str | Path) -> Profile | None:
    """Return the profile at a path, None for no path."""
    return read_profile(path) if str(path) else None


def detect(
    current: Table, detector: Detector | None, options: Options, profile: Profile | None = None
) -> Drift:
    """Tell whether a table has moved away from the reference of a detector.

    A column has drifted where its test is significant in the whole table, and its effect reaches a
    limit; a large table makes the smallest change significant, a small one makes large effects of
    chance. Counts of missing values, new categories and of values out of range are of all rows.

    Raises:
        InputError: The profile is of another table, or the p-value is too small for the detector's
            correction.
    """
    if detector is None:
        return Drift(_no_baseline(), rows=current.rows)
    alpha = options.p_value or detector.settings.p_value
    _require_possible(alpha, detector)
    known = compare_structure(current, detector)
    reasons = [*known.reasons, *row_reasons(current.rows, options.expected_rows, options.limits)]
    if not current.rows or not known.comparable:
        return Drift(_verdict(reasons), (), current.rows, notes=known.notes, detector=detector)
    names = [column.name for column in known.comparable]
    if profile is not None:
        reading.require_same(profile, current, names, "current")
    seed = detector.settings.seed
    profile, sample = reading.read(current, names, options.sample, seed, profile)
    findings = _effects(known.comparable, profile, detector, options.limits)
    if current.rows < LEAST_ROWS:
        return Drift(
            _verdict(reasons), findings, current.rows, notes=known.notes, detector=detector
        )
    tests, together = _tests(sample, known.comparable, detector, alpha)
    smallest = together.p_value if together else tests.smallest
    alarm = smallest <= alpha
    findings = _decided(findings, tests, alarm, alpha, options.limits)
    reasons += _together(together, alarm, alpha, options.limits, findings)
    reasons += _softened(findings, options.drifted_share)
    return Drift(
        _verdict(reasons), findings, current.rows, sample.num_rows, smallest, alarm, together,
        known.notes, detector,
    )  # fmt: skip


def _require_possible(alpha: float, detector: Detector) -> None:
    least = 1 / (1 + DRAWS) if detector.settings.correction == "permutation" else 0.0
    if alpha < least:
        raise InputError(
            f"`p_value` must be at least {least:g} for a detector with the correction permutation. "
            f"Found: {alpha:g}. Fit the detector with bonferroni or fdr for smaller ones."
        )


def _effects(
    judged: Sequence[Judged], profile: Profile, detector: Detector, limits: Limits
) -> tuple[Finding, ...]:
    findings = []
    for column in judged:
        now, before = profile.columns[column.name], detector.profile.columns[column.name]
        effect = effect_of(column, now, before)
        measure, ratio = worst_measure(effect, column.name, limits)
        findings.append(Finding(column, now, before, effect, measure=measure, ratio=ratio))
    return tuple(findings)


def _tests(
    sample: pa.Table, judged: Sequence[Judged], detector: Detector, alpha: float
) -> tuple[Tests, Together | None]:
    """Return what the columns' tests say and, of a multivariate method, what it says.

    Its columns are tested, too, to tell which of them have moved where the table has.
    """
    settings = detector.settings
    method, correction, together = settings.method, settings.correction, None
    if method not in UNIVARIATE:
        together = compare_together(
            detector.sample, sample, judged, method, settings.components, alpha, settings.seed
        )
        method, correction = "tabular", "bonferroni"
    before, now = encode(detector.sample, sample, judged)
    return compare(before, now, judged, method, correction, settings.seed), together


def _decided(
    findings: Sequence[Finding], tests: Tests, alarm: bool, alpha: float, limits: Limits
) -> tuple[Finding, ...]:
    """Return the findings with what the tests say of each; none is sure without an alarm."""
    decided = []
    for place, finding in enumerate(findings):
        known = _tested(finding, tests, place)
        reasons = (
            *moved_reason(known, alarm and known.adjusted <= alpha, limits),
            *count_reasons(known.judged, known.now, known.before, limits),
        )
        effects = [reason.effect for reason in reasons]
        level: Level = "fail" if "fail" in effects else "warn" if effects else "pass"
        decided.append(replace(known, level=level, reasons=reasons))
    return tuple(decided)


def _tested(finding: Finding, tests: Tests, place: int) -> Finding:
    return replace(
        finding,
        test=tests.names[place],
        statistic=float(tests.statistics[place]),
        p_value=float(tests.p_values[place]),
        adjusted=float(tests.adjusted[place]),
    )


def _together(
    together: Together | None,
    alarm: bool,
    alpha: float,
    limits: Limits,
    findings: Sequence[Finding],
) -> list[Reason]:
    """Return the reason that all columns together give."""
    if together is None or not alarm:
        return []
    level = level_of(together.effect / limits.of("classifier")) if together.effect >= 0 else "fail"
    if level == "pass" or (level == "warn" and any(f.moved for f in findings)):
        return []
    return [
        Reason(
            "table_drift",
            "all columns together",
            f"{together.statistic:.3g}",
            f"p above {alpha:g}",
            f"{together.name} tells the table from its reference: statistic "
            f"{together.statistic:.3g}, p = {together.p_value:.2g}.",
            level,
        )
    ]


def _softened(findings: Sequence[Finding], allowed: float) -> list[Reason]:
    """Return the columns' reasons, worst first; of few enough features they only warn."""
    features = [f for f in findings if f.judged.role == "feature"]
    few = sum(f.moved for f in features) <= allowed * len(features)
    reasons = []
    for found in page.worst_first(findings):
        soft = few and found.judged.role == "feature"
        reasons += [replace(r, effect="warn") if soft else r for r in found.reasons]
    return reasons


def _verdict(reasons: Sequence[Reason]) -> Verdict:
    effects = {reason.effect for reason in reasons}
    decision: Decision = "fail" if "fail" in effects else "warn" if effects else "pass"
    first = [reason for reason in reasons if reason.effect == decision]
    return Verdict(decision, (*first, *(r for r in reasons if r.effect != decision)))


def _no_baseline() -> Verdict:
    reason = Reason(
        "no_baseline", "detector", "none", "a detector",
        "There is no detector to compare with: fit one with fit_drift_detector.", "no_baseline",
    )  # fmt: skip
    return Verdict("no_baseline", (reason,))
