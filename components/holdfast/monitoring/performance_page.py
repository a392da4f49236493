"""Blocks of the pages of monitor_performance and estimate_performance."""

from collections.abc import Sequence

from holdfast.monitoring import performance_plots as plots
from holdfast.monitoring.baseline import PerformanceBaseline
from holdfast.monitoring.drops import Rule
from holdfast.monitoring.outcome import Window
from holdfast.performance.bootstrap import Interval
from holdfast.performance.metrics import LOWER_IS_BETTER
from holdfast.report import Block, Figure, Rows
from holdfast.verdict import Reason

# More points than these can't be told apart; the table of the windows has them all.
MAX_DRAWN = 200
MAX_LISTED = 200


def finding_rows(reasons: Sequence[Reason]) -> Rows:
    """Return what was found, what decides first."""
    order = {"fail": 0, "no_baseline": 1, "warn": 2, "": 3}
    rows = sorted(reasons, key=lambda reason: order.get(reason.effect, 3))
    shown = tuple((r.effect or "note", r.code, r.subject, r.message) for r in rows)
    return Rows("Findings", ("effect", "code", "subject", "finding"), shown)


def metric_rows(
    found: dict[str, Interval],
    reference: dict[str, Interval],
    heading: str,
    confidence_level: float,
) -> Rows:
    """Return metrics beside the reference's."""
    share = f"{100 * confidence_level:g} %"
    rows = []
    for name, value in found.items():
        known = reference.get(name)
        others = (known.value, known.low, known.high) if known else ("", "", "")
        rows.append((name, value.value, value.low, value.high, *others))
    columns = ("metric", "now", f"{share} from", f"{share} to", "reference", "from", "to")
    return Rows(heading, columns, tuple(rows))


def window_blocks(
    windows: Sequence[Window], rule: Rule, baseline: PerformanceBaseline | None, what: str
) -> list[Block]:
    """Return the picture and the table of the windows; of a single one, now beside then."""
    metric = rule.metric
    known = baseline.metrics.get(metric) if baseline else None
    held = [w for w in windows if metric in w.found]
    if not held:
        return []
    if len(windows) == 1 and held[0].end is None:
        labels = (["reference"] if known else []) + ["now"]
        values = ([known] if known else []) + [held[0].found[metric]]
        return [Figure(f"{what} {metric}", plots.beside(labels, values, metric))]
    shown = held[-MAX_DRAWN:]
    picture = plots.over_time(
        [w.start for w in shown],
        [w.found[metric] for w in shown],
        [w.decision for w in shown],
        known,
        limit_of(known, rule) if known else None,
        metric,
    )
    return [Figure(f"{what} {metric} by window", picture), _table(windows, metric)]


def limit_of(reference: Interval, rule: Rule) -> float:
    """Return the value of a metric at which the tolerance ends."""
    sign = 1 if rule.metric in LOWER_IS_BETTER else -1
    return reference.value + sign * rule.tolerance * abs(reference.value)


def _table(windows: Sequence[Window], metric: str) -> Rows:
    estimated = windows[0].labelled is None
    rows = []
    for window in windows[-MAX_LISTED:]:
        found = window.found.get(metric)
        ends = (found.value, found.low, found.high) if found else ("", "", "")
        how = ("yes" if window.trusted else "no") if estimated else window.labelled
        rows.append((window.name, window.rows, how, *ends, window.decision))
    column = "trusted" if estimated else "labelled"
    columns = ("window", "rows", column, metric, "from", "to", "decision")
    return Rows("Windows", columns, tuple(rows))
