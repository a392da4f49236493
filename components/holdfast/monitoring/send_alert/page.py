"""The page about alerts: what became of each, and what arrived where."""

from collections.abc import Mapping, Sequence

from holdfast.monitoring.send_alert.conditions import Facts
from holdfast.monitoring.send_alert.plan import Alert
from holdfast.monitoring.send_alert.state import Delivery
from holdfast.report import Paragraph, Report, Rows


def report(
    facts: Facts,
    alerts: Sequence[Alert],
    deliveries: Sequence[Delivery],
    errors: Mapping[str, str],
    dry: bool = False,
) -> Report:
    """Return the page; `errors` gives by id why a delivery did not arrive."""
    told = [
        (a.name, a.outcome, a.rule, a.severity, a.suppressed, ", ".join(a.lacks)) for a in alerts
    ]
    arrived = "would be sent" if dry else "arrived"
    sent = [
        (d.channel, d.title, errors.get(d.id, arrived), d.message.text if d.message else "")
        for d in deliveries
    ]
    verdicts = [(role, verdict.decision) for role, verdict in facts.verdicts.items()]
    start = f"Window {facts.window or '(none)'} of {facts.name}."
    note = " Nothing was sent: this was a dry run." if dry else ""
    return Report(
        title=f"Alerts of {facts.name}",
        decision="",
        blocks=(
            Paragraph(start + note),
            Rows(
                "Alerts",
                ("alert", "outcome", "rule", "severity", "suppressed windows", "lacks"),
                tuple(told),
            ),
            Rows("Deliveries", ("channel", "message", "outcome", "text"), tuple(sent)),
            Rows("Verdicts", ("verdict", "decision"), tuple(verdicts)),
        ),
    )
