"""Analyse an A/B test or a canary: plan it, look at it as often as wanted, and decide."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.monitoring.analyse_experiment import pages
from holdfast.monitoring.analyse_experiment.arms import Experiment, opened
from holdfast.monitoring.analyse_experiment.compare import (
    Comparison,
    always_valid,
    one_look,
    ratio,
    sample_ratio,
)
from holdfast.monitoring.analyse_experiment.deciding import VERDICTS, Choice, Rail, decide
from holdfast.monitoring.analyse_experiment.estimates import looks_of
from holdfast.monitoring.analyse_experiment.planning import Need, design_of, planned, seen
from holdfast.monitoring.analyse_experiment.request import Metric, Request, ask
from holdfast.monitoring.analyse_experiment.sequential import Design
from holdfast.report import Report
from holdfast.table import Table, open_table
from holdfast.verdict import Reason, Verdict

__all__ = ["Analysis", "analyse", "ask", "plan"]


@dataclass(frozen=True)
class Analysis:
    """What is known of an experiment: the choice, its verdict, finite numbers, and the page."""

    choice: Choice
    verdict: Verdict
    scores: dict[str, float]
    report: Report

    def write(self, verdict: str | Path, html: str | Path, markdown: str | Path) -> dict[str, Any]:
        """Write verdict and report; return what the verdict's artifact says about itself."""
        self.verdict.write(verdict)
        self.report.write(html, markdown)
        return self.verdict.metadata() | {"choice": self.choice}


def analyse(path: str, request: Request) -> Analysis:
    """Analyse the table at a path, or plan where the path is empty.

    Raises:
        InputError: The table does not hold what is asked for.
    """
    return analyse_table(open_table(path, "table"), request) if path else plan(request)


def plan(request: Request) -> Analysis:
    """Return how many units are needed.

    Raises:
        InputError: The baseline does not fit the metric's kind.
    """
    need = planned(request)
    text = (
        f"There are no data yet: {need.control} and {need.treatment} units are needed at one look, "
        f"{need.sequential_control} and {need.sequential_treatment} if it is looked at daily."
    )
    reason = Reason("planned", request.metric.label, "no data", "a table", text, "no_baseline")
    verdict = Verdict("no_baseline", (reason,))
    return Analysis("continue", verdict, _needed(need), pages.planning(request, need))


def analyse_table(table: Table, request: Request) -> Analysis:
    """Look at an experiment.

    Raises:
        InputError: The table does not hold what is asked for.
    """
    with opened(table, request) as experiment:
        main = _compared(experiment, request, request.metric, design_of(request.plan))
        # Each guardrail may give a wrong alarm: they share the alpha.
        alpha = request.plan.alpha / max(1, len(request.guardrails))
        rails = tuple(
            Rail(_compared(experiment, request, m, Design(t, alpha, request.plan.power)), t)
            for m, t in request.guardrails
        )
        counts = experiment.counts
    srm = sample_ratio(counts, request.plan.share)
    choice, reasons = decide(main, rails, counts, request.plan, srm)
    need = seen(request.plan, request.metric, main.last)
    scores: dict[str, float] = {
        "units_control": counts.control, "units_treatment": counts.treatment,
        "srm_p_value": srm, "looks": len(main.looks), "rows_left_out": counts.left_out,
        "units_in_both_arms": counts.in_both,
    }  # fmt: skip
    scores |= _scores(main, "")
    for rail in rails:
        scores |= _scores(rail.compared, rail.compared.metric.label.replace(" ", "_") + "_")
    scores |= _needed(need) if need else {}
    page = pages.analysis(request, choice, reasons, main, rails, counts, srm, need)
    return Analysis(choice, Verdict(VERDICTS[choice], reasons), scores, page)


def _compared(
    experiment: Experiment, request: Request, metric: Metric, design: Design
) -> Comparison:
    column = request.values[metric.column]
    looks = looks_of(experiment, metric, column, request.columns.aggregate)
    return Comparison(metric, looks, design)


def _scores(compared: Comparison, prefix: str) -> dict[str, float]:
    """Return values, difference and ratio with their intervals, where they are finite."""
    last, design = compared.last, compared.design
    if not min(last.control.units, last.treatment.units):
        return {}
    found = {"control": last.control.value, "treatment": last.treatment.value}
    always, fixed = always_valid(last, design), one_look(last, compared.metric, design.alpha)
    times = ratio(last, design.alpha)
    found |= {"difference": always.value}
    found |= {"difference_always_low": always.low, "difference_always_high": always.high}
    found |= {"difference_low": fixed.low, "difference_high": fixed.high}
    if times:
        found |= {"ratio": times.value, "ratio_low": times.low, "ratio_high": times.high}
    return {f"{prefix}{name}": v for name, v in found.items() if math.isfinite(v)}


def _needed(need: Need) -> dict[str, float]:
    return {
        "units_needed_control": need.control,
        "units_needed_treatment": need.treatment,
        "units_needed_sequential_control": need.sequential_control,
        "units_needed_sequential_treatment": need.sequential_treatment,
    }
