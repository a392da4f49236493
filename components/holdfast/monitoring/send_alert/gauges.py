"""Decisions, metrics and alerts of a window as gauges, in the text format of Prometheus."""

from collections.abc import Mapping
from typing import get_args

from holdfast.monitoring.send_alert.conditions import Facts
from holdfast.monitoring.send_alert.rules import SEVERITIES
from holdfast.monitoring.send_alert.state import Standing
from holdfast.monitoring.windows import start_of
from holdfast.verdict import Decision

HELP = {
    "holdfast_metric": "A metric of the window.",
    "holdfast_verdict": "1 for the decision of a verdict, 0 for the others.",
    "holdfast_alert": "1 for the severity at which an alert fires, 0 for the others.",
    "holdfast_window_start_seconds": "Start of the window, seconds since 1970.",
}


def exposition(facts: Facts, alerts: Mapping[str, Standing]) -> str:
    """Return the gauges of a window.

    Format: https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.
    """
    lines: dict[str, list[str]] = {name: [] for name in HELP}
    for role, metrics in sorted(facts.metrics.items()):
        for name, value in sorted(metrics.items()):
            _add(lines, "holdfast_metric", value, of=role, metric=name)
    for role, verdict in sorted(facts.verdicts.items()):
        for decision in get_args(Decision):
            is_it = float(decision == verdict.decision)
            _add(lines, "holdfast_verdict", is_it, verdict=role, decision=decision)
    for name, standing in sorted(alerts.items()):
        for severity in SEVERITIES:
            is_it = float(standing.firing and severity == standing.severity)
            _add(lines, "holdfast_alert", is_it, alert=name, severity=severity)
    start = start_of(facts.window)
    if start is not None:
        _add(lines, "holdfast_window_start_seconds", start.timestamp())
    told = [
        f"# HELP {name} {text}\n# TYPE {name} gauge\n" + "\n".join(lines[name])
        for name, text in HELP.items()
        if lines[name]
    ]
    return "\n".join([*told, ""])


def _add(lines: dict[str, list[str]], gauge: str, value: float, **labels: str) -> None:
    inner = ",".join(f'{label}="{_quoted(text)}"' for label, text in labels.items())
    lines[gauge].append(f"{gauge}{{{inner}}} {value!r}" if inner else f"{gauge} {value!r}")


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
