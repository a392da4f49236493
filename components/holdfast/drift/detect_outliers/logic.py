"""Flag the rows that are unlike a reference, and tell whether they are more than expected."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.drift.detect_outliers import page
from holdfast.drift.detect_outliers.expected import Expected, expected_count
from holdfast.drift.detect_outliers.scan import Scan, scan, write_none
from holdfast.drift.fit_outlier_detector.detector import OutlierDetector, read_detector
from holdfast.drift.fit_outlier_detector.encoding import require_columns
from holdfast.errors import InputError
from holdfast.optional import is_there
from holdfast.report import Report
from holdfast.table import Table, open_table
from holdfast.verdict import Decision, Reason, Verdict

SHOWN = 20
NAMED = 20


@dataclass(frozen=True)
class Request:
    """The limits: shares as multiples of the detector's contamination, and a chance."""

    warn_ratio: float = 1.5
    fail_ratio: float = 3.0
    p_value: float = 0.01

    def __post_init__(self) -> None:
        """Refuse limits that can't be.

        Raises:
            InputError: A value is out of its range.
        """
        if not 1 <= self.warn_ratio <= self.fail_ratio:
            raise InputError(
                f"`warn_ratio` must be at least 1 and at most `fail_ratio`. Found: "
                f"{self.warn_ratio:g} and {self.fail_ratio:g}. The usual ones are 1.5 and 3."
            )
        if not 0 < self.p_value < 0.5:
            raise InputError(
                f"`p_value` must be above 0 and below 0.5. Found: {self.p_value:g}. The usual one "
                f"is 0.01."
            )


@dataclass(frozen=True)
class Outliers:
    """What was found; the outliers themselves lie at `path`."""

    path: Path
    verdict: Verdict
    report: Report
    scores: dict[str, float]

    def write(
        self, verdict_path: str | Path, html_path: str | Path, markdown_path: str | Path
    ) -> dict[str, Any]:
        """Write verdict and report, and return what the verdict says about itself."""
        self.verdict.write(verdict_path)
        self.report.write(html_path, markdown_path)
        return self.verdict.metadata()

    def metadata(self) -> dict[str, Any]:
        """Return what the table of outliers says about itself."""
        return open_table(self.path, "outliers").metadata()


def open_detector(path: str) -> OutlierDetector | None:
    """Return the detector of an artifact; None for no path, or where nothing lies there.

    Raises:
        InputError: There is something else.
    """
    return read_detector(Path(path)) if is_there(path) else None


def detect(
    current: Table, detector: OutlierDetector | None, path: str | Path, request: Request
) -> Outliers:
    """Score rows, write the outliers to `path`, and judge their number.

    Raises:
        InputError: The table lacks columns of the detector, or has them in another kind.
    """
    if detector is None:
        write_none(current, path)
        verdict = Verdict("no_baseline", (_no_detector(current.rows),))
        return Outliers(Path(path), verdict, page.without(verdict), {"rows": current.rows})
    require_columns(current.schema, detector.codes, "current")
    found = scan(current, detector, path, SHOWN)
    about = detector.about
    expected = expected_count(found.rows, detector.beyond, about.judged, request.p_value)
    reasons = [_judged(found, expected, detector, request), *_others(current, detector)]
    verdict = Verdict(_worst(reasons), tuple(reasons))
    report = page.report(verdict, found, expected, detector, request.p_value)
    return Outliers(Path(path), verdict, report, _scores(found, expected, detector))


def _judged(found: Scan, expected: Expected, detector: OutlierDetector, request: Request) -> Reason:
    """Judge the share: it must be more than chance allows, and more than the limits."""
    if not found.rows:
        return Reason(
            "no_rows", "current", "0 rows", "at least one",
            "The table holds no rows: nothing could be scored.", "fail",
        )  # fmt: skip
    contamination = detector.about.contamination
    share = found.outliers / found.rows
    effect = ""
    if found.outliers > expected.high:
        ratio = share / contamination
        limits = (("fail", request.fail_ratio), ("warn", request.warn_ratio))
        effect = next((name for name, limit in limits if ratio > limit), "")
    by_chance = expected.high / found.rows
    return Reason(
        code="many_outliers" if effect else "as_expected",
        subject="current",
        observed=f"{found.outliers} of {found.rows} rows",
        expected=f"{100 * contamination:g} %, up to {100 * by_chance:.3g} % by chance",
        message=f"{100 * share:.3g} % of the rows are outliers ({found.outliers:,} of "
        f"{found.rows:,}). Of rows like the reference {100 * contamination:g} % are, and by chance "
        f"up to {100 * by_chance:.3g} %; {_limit(effect, request, contamination)}.",
        effect=effect,
        share=share,
    )


def _limit(effect: str, request: Request, contamination: float) -> str:
    ratio = request.fail_ratio if effect == "fail" else request.warn_ratio
    limit = f"{100 * ratio * contamination:.3g} %"
    return f"above the limit of {limit}" if effect else f"a warning needs more than {limit}, too"


def _others(current: Table, detector: OutlierDetector) -> list[Reason]:
    """Return a warning about columns that the reference had not."""
    new = [name for name in current.schema.names if name not in detector.about.known]
    if not new:
        return []
    return [
        Reason(
            "new_columns", ", ".join(new[:NAMED]), f"{len(new)} new columns",
            "the columns of the reference",
            f"Columns that the reference had not are not looked at: {', '.join(new[:NAMED])}. Fit "
            f"the detector again if they are meant to be there.", "warn",
        )
    ]  # fmt: skip


def _no_detector(rows: int) -> Reason:
    return Reason(
        "no_detector", "detector", "none", "an outlier detector",
        f"There is no detector yet: none of {rows:,} rows was scored. Fit one on a reference with "
        f"fit_outlier_detector.", "no_baseline",
    )  # fmt: skip


def _worst(reasons: Sequence[Reason]) -> Decision:
    effects = {reason.effect for reason in reasons}
    return "fail" if "fail" in effects else "warn" if "warn" in effects else "pass"


def _scores(found: Scan, expected: Expected, detector: OutlierDetector) -> dict[str, float]:
    rows = max(1, found.rows)
    scores = {
        "rows": found.rows,
        "outliers": found.outliers,
        "outlier_share": found.outliers / rows,
        "expected_share": expected.mean / rows,
        "highest_expected_share": expected.high / rows,
        "threshold": detector.about.threshold,
        "highest_score": found.highest,
        "surprises": sum(found.surprises.values()),
    }
    return {name: value for name, value in scores.items() if math.isfinite(value)}
