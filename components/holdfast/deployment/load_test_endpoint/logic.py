"""Put a bounded load on a served model, and hold its latency and errors against an objective."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.deployment.endpoint import Endpoint, Protocol, protocols
from holdfast.deployment.examples import read_example, read_model, take_rows
from holdfast.deployment.load_test_endpoint import figures, load
from holdfast.deployment.load_test_endpoint.figures import Quantile
from holdfast.deployment.load_test_endpoint.load import Load, Run
from holdfast.errors import InputError
from holdfast.report import Block, Figure, Paragraph, Report, Rows
from holdfast.table import open_table
from holdfast.verdict import Decision, Reason, Verdict

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
# Below this share of the rate that was asked for, the load was another one.
REACHED = 0.95
# A generator that takes a core for itself measures itself; and so does one that was late by a tenth
# of the objective for as much of the time as moves a p95.
BUSY, STALLED, LATE = 0.9, 0.05, 0.1
NO_BOUND = "no bound"
# Milliseconds that any process is late now and then.
ALWAYS_LATE = 5.0


@dataclass(frozen=True)
class Objective:
    """What the endpoint must keep to: milliseconds of the p95, and the share of errors."""

    p95: float = 100.0
    errors: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what is no objective.

        Raises:
            InputError: A number is out of its range.
        """
        if not 0 < self.p95 <= 600_000:
            raise InputError(
                f"`p95_objective_ms` must lie above 0 and be at most 600000. Found: {self.p95}. "
                f"Pass the milliseconds within which 95 % of the requests must be answered."
            )
        if not 0 <= self.errors <= 1:
            raise InputError(
                f"`max_error_share` must lie between 0 and 1. Found: {self.errors}. The usual one "
                f"is 0.01."
            )


@dataclass(frozen=True)
class Settings:
    """What is sent where, how much of it, and what must hold."""

    endpoint: Endpoint
    protocol: Protocol
    bodies: list[str]
    load: Load
    objective: Objective


def ask(
    where: tuple[str, str, str],
    protocol: str,
    model: str,
    table: str,
    amount: tuple[float, float, int, int, int, float],
    objective: tuple[float, float],
) -> Settings:
    """Return settings from plain values: the endpoint's, the load's and the objective's.

    Raises:
        InputError: One of them is out of its range, or there are no rows to send.
    """
    (spoken,) = protocols(protocol, ("v1", "v2"))
    if not model and not table:
        raise InputError(
            "`model` or `table` must be given: the load is made of real rows. Found: neither. Pass "
            "the model that is served, or rows of its table."
        )
    aim = Objective(*objective)
    wanted = Load(*amount, late=max(ALWAYS_LATE, LATE * aim.p95) / 1000)
    described = read_model(model)
    rows = take_rows(open_table(table, "table"), described) if table else read_example(model)
    bodies = load.bodies_of(rows, described, spoken, wanted.rows)
    return Settings(Endpoint(*where), spoken, bodies, wanted, aim)


@dataclass(frozen=True)
class LoadTest:
    """What is known of an endpoint after a load; `scores` are finite numbers by metric."""

    scores: dict[str, float]
    verdict: Verdict
    report: Report

    def write(self, verdict: str | Path, html: str | Path, markdown: str | Path) -> dict[str, Any]:
        """Write verdict and report; return what the verdict's artifact says about itself."""
        self.verdict.write(verdict)
        self.report.write(html, markdown)
        return self.verdict.metadata()


def load_test(settings: Settings) -> LoadTest:
    """Run the load and judge it.

    Raises:
        MachineError: The load generator failed.
    """
    return judge(
        load.run(settings.endpoint, settings.protocol, settings.bodies, settings.load), settings
    )


def judge(run: Run, settings: Settings) -> LoadTest:
    """Judge what came of a load."""
    times = figures.latencies(run.requests)
    found = {n: figures.quantile(times, s) for n, s in QUANTILES.items()} if len(times) else {}
    errors = figures.errors_of(run.requests)
    scores = _scores(run, settings, found, errors)
    if run.probe != figures.OK:
        reasons: tuple[Reason, ...] = (_dead(run.probe),)
    else:
        latency = _latency(run, scores, found, settings.objective)
        fast = any(reason.code == "objective_reached" for reason in latency)
        rate = _rate(run, scores, settings.load, fast)
        reasons = (*_errors(scores, errors, settings.objective), *latency, *rate)
    effects = {reason.effect for reason in reasons}
    decision: Decision = "fail" if "fail" in effects else "warn" if "warn" in effects else "pass"
    page = _report(run, settings, scores, found, errors, decision, reasons)
    return LoadTest(scores, Verdict(decision, reasons), page)


def _scores(
    run: Run, settings: Settings, found: dict[str, Quantile], errors: dict[str, int]
) -> dict[str, float]:
    sent, failed = len(run.requests), sum(errors.values())
    scores: dict[str, float] = {"requests": sent, "errors": failed}
    scores["error_share"] = failed / sent if sent else 1.0
    for name, value in found.items():
        ends = {"_low": value.low, "": value.value, "_high": value.high}
        scores |= {f"{name}{end}_ms": round(ms, 3) for end, ms in ends.items() if math.isfinite(ms)}
    # Requests that were all sent have the asked rate, however the last answer came.
    took = max(settings.load.wanted / settings.load.rate, run.requests[-1].sent if sent else 0.0)
    scores["rate"] = round(sent / took, 3)
    scores["rate_asked"] = settings.load.rate
    waited = sum(r.sent > r.due for r in run.requests)
    scores["sent_late_share"] = waited / sent if sent else 0.0
    scores["generator_cpu"] = round(run.cpu, 3)
    scores["generator_stalled_share"] = round(run.stalled, 3)
    return scores


def _dead(outcome: str) -> Reason:
    code = "endpoint_down" if outcome in ("no_connection", "timeout") else "request_refused"
    text = f"The first request was not answered well ({outcome}), so that no load was put on."
    return Reason(code, "first request", outcome, "200 with a prediction a row", text, "fail")


def _errors(
    scores: dict[str, float], errors: dict[str, int], objective: Objective
) -> tuple[Reason, ...]:
    share = scores["error_share"]
    if share <= objective.errors:
        return ()
    kinds = ", ".join(f"{kind} {count}" for kind, count in list(errors.items())[:5])
    text = f"{100 * share:.3g} % of {scores['requests']:.0f} requests failed: {kinds}."
    expected = f"at most {objective.errors:g}"
    return (Reason("too_many_errors", "requests", f"{share:.6g}", expected, text, "fail"),)


def behind(run: Run) -> bool:
    """Tell whether the generator itself could not keep up."""
    return run.cpu >= BUSY or run.stalled >= STALLED


def _latency(
    run: Run, scores: dict[str, float], found: dict[str, Quantile], objective: Objective
) -> tuple[Reason, ...]:
    """Judge the p95 by its interval, as far as the generator can tell."""
    if "p95" not in found:
        return ()
    p95 = found["p95"]
    high = f"{p95.high:.4g}" if math.isfinite(p95.high) else NO_BOUND
    seen, wanted = f"{p95.value:.4g} ({p95.low:.4g} to {high})", f"at most {objective.p95:g}"
    if p95.high <= objective.p95:
        text = f"The p95 of the latency is {p95.value:.4g} ms, within {objective.p95:g} ms."
        return (Reason("objective_reached", "p95_ms", seen, wanted, text),)
    if p95.low <= objective.p95:
        text = (
            f"The interval of the p95 in ms, {p95.low:.4g} to {high}, holds the objective of "
            f"{objective.p95:g}: {scores['requests']:.0f} requests do not tell."
        )
        return (Reason("objective_undecided", "p95_ms", seen, wanted, text, "warn"),)
    text = f"The p95 of the latency is {p95.value:.4g} ms, beyond {objective.p95:g} ms."
    effect = "warn" if behind(run) else "fail"
    return (Reason("objective_missed", "p95_ms", seen, wanted, text, effect),)


def _rate(run: Run, scores: dict[str, float], wanted: Load, fast: bool) -> tuple[Reason, ...]:
    """Say whose fault it is where the load was another one, or its latencies can't be trusted."""
    reached, short = scores["rate"], scores["rate"] < REACHED * wanted.rate
    seen, expected = f"{reached:.4g}", f"{wanted.rate:g} a second"
    if behind(run) and (short or not fast):
        text = (
            f"The load generator could not keep up: it took {100 * run.cpu:.0f} % of a core and "
            f"was late for {100 * run.stalled:.0f} % of the time. Latencies beyond the objective "
            f"are not held against the endpoint. Lower `rate`, or give the step more CPU."
        )
        return (Reason("generator_behind", "generator", seen, expected, text, "warn"),)
    if short:
        text = (
            f"{reached:.4g} requests a second were sent instead of {wanted.rate:g}: all "
            f"{wanted.users} users were waiting for answers."
        )
        return (Reason("rate_not_reached", "rate", seen, expected, text, "warn"),)
    return ()


def _report(
    run: Run,
    settings: Settings,
    scores: dict[str, float],
    found: dict[str, Quantile],
    errors: dict[str, int],
    decision: str,
    reasons: tuple[Reason, ...],
) -> Report:
    asked = settings.load
    facts = (
        f"{settings.endpoint.base()}, model {settings.endpoint.model_name}, {settings.protocol}; "
        f"{asked.rate:g} requests a second of {asked.rows} row(s) for {asked.seconds:g} s, at most "
        f"{asked.wanted} requests and {asked.users} at once. A latency counts from when the "
        f"request was due, and holds those that were given up after {asked.timeout:g} s; other "
        f"errors have none."
    )
    findings = tuple(
        (r.effect or "none", r.code, r.observed, r.expected, r.message) for r in reasons
    )
    columns = ("effect", "code", "observed", "expected", "finding")
    blocks: list[Block] = [Paragraph(facts), Rows("Findings", columns, findings)]
    if found:
        ends = tuple(
            (n, q.value, q.low, q.high if math.isfinite(q.high) else NO_BOUND)
            for n, q in found.items()
        )
        heads = ("quantile", "ms", "95 % from", "95 % to")
        svg = figures.over_time(run, settings.objective.p95)
        times = figures.latencies(run.requests)
        spread = figures.histogram(times, settings.objective.p95, found["p95"])
        blocks += [
            Rows("Latency", heads, ends),
            Figure("Latency and requests over time", svg),
            Figure("How the latencies are spread", spread),
        ]
    blocks.append(Rows("Errors by kind", ("kind", "requests"), tuple(errors.items())))
    blocks.append(Rows("All numbers", ("metric", "value"), tuple(scores.items())))
    return Report("Load test", decision, tuple(blocks))
