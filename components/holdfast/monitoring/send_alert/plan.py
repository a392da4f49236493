"""What is to be told now, given what was told before: deduplication, cooldown, escalation."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from holdfast.monitoring.send_alert.conditions import Facts, findings_of, holds, lacking, text_of
from holdfast.monitoring.send_alert.gauges import exposition
from holdfast.monitoring.send_alert.rules import SEVERITIES, Rule, Rules
from holdfast.monitoring.send_alert.state import Delivery, Finding, Message, Standing, State
from holdfast.monitoring.windows import start_of
from holdfast.verdict import Reason

SHOWN_FINDINGS = 5
LETTERS = 300

Outcome = Literal["told", "suppressed", "told before", "resolved", "quiet", "not judged"]


@dataclass(frozen=True)
class Alert:
    """What becomes of one alert: the rule that speaks for it, and what it could not be told from.

    `suppressed` counts the windows that it was not told for since it was told last.
    """

    name: str
    outcome: Outcome
    rule: str = ""
    severity: str = ""
    suppressed: int = 0
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The state to go on with, what becomes of each alert, and what is to be delivered."""

    state: State
    alerts: tuple[Alert, ...]
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True)
class _Decided:
    alert: Alert
    standing: Standing | None
    message: Message | None = None
    channels: tuple[str, ...] = ()


def plan(rules: Rules, facts: Facts, state: State, now: datetime) -> Plan:
    """Decide about each alert. Nothing but the arguments counts, so it can be done again."""
    groups: dict[str, list[Rule]] = {}
    for rule in rules.rules:
        groups.setdefault(rule.of_alert, []).append(rule)
    decided = [
        _decide(rules, group, facts, state.alerts.get(name), now) for name, group in groups.items()
    ]
    standings = {d.alert.name: d.standing for d in decided if d.standing is not None}
    deliveries = [
        Delivery(id=_digest(channel, d.message.key), channel=channel, message=d.message)
        for d in decided
        if d.message is not None
        for channel in dict.fromkeys(d.channels)
    ]
    # Gauges of an older window would take the place of newer ones.
    if not _older(facts.window, state.window):
        body = exposition(facts, standings)
        deliveries += [
            Delivery(id=_digest(channel, body, now.isoformat()), channel=channel, gauges=body)
            for channel in rules.gauges
        ]
    window = _later(facts.window, state.window) if rules.gauges else state.window
    after = state.model_copy(update={"alerts": standings, "window": window})
    return Plan(after, tuple(d.alert for d in decided), tuple(deliveries))


def _decide(
    rules: Rules, group: list[Rule], facts: Facts, before: Standing | None, now: datetime
) -> _Decided:
    answers = {rule.name: holds(rule.when, facts) for rule in group}
    unknown = [rule for rule in group if answers[rule.name] is None]
    wrong = [rule for rule in unknown if rule.missing == "error"]
    lacks = tuple(dict.fromkeys(what for rule in wrong for what in lacking(rule, facts)))
    firing = [rule for rule in group if answers[rule.name]]
    if not firing:
        # What could not be judged is not resolved either.
        decided = _not_firing(group, facts, None if unknown else before, now)
        outcome: Outcome = "not judged" if wrong else decided.alert.outcome
        alert = replace(decided.alert, outcome=outcome, lacks=lacks)
        return replace(decided, alert=alert, standing=before if unknown else decided.standing)
    rule = max(firing, key=lambda rule: SEVERITIES.index(rule.severity))
    outcome, standing = _standing(rule, rules, facts.window, before, now)
    quietly = before.suppressed if before and before.firing else 0
    if outcome != "told":
        count = standing.suppressed
        alert = Alert(rule.of_alert, outcome, rule.name, rule.severity, count, lacks)
        return _Decided(alert, standing)
    text = text_of(rule, facts)
    message = _message(rule, facts, standing.since, now, text, quietly, "firing")
    alert = Alert(rule.of_alert, "told", rule.name, rule.severity, quietly, lacks)
    return _Decided(alert, standing, message, rule.channels)


def _standing(
    rule: Rule, rules: Rules, window: str, before: Standing | None, now: datetime
) -> tuple[Outcome, Standing]:
    """Return whether an alert that fires is told, and how it stands then."""
    new = Standing(firing=True, severity=rule.severity, since=now, told=now, window=window)
    if before is None or not before.firing:
        return "told", new
    again = new.model_copy(update={"since": before.since, "window": _later(window, before.window)})
    if SEVERITIES.index(rule.severity) > SEVERITIES.index(before.severity):
        return "told", again
    if window and window == before.window:
        return "told before", before
    if now - before.told < rules.cooldown_of(rule):
        update = {"suppressed": before.suppressed + 1, "window": again.window}
        return "suppressed", before.model_copy(update=update)
    return "told", again


def _not_firing(
    group: list[Rule], facts: Facts, before: Standing | None, now: datetime
) -> _Decided:
    name = group[0].of_alert
    if before is None or not before.firing or _older(facts.window, before.window):
        return _Decided(Alert(name, "quiet"), before)
    over = before.model_copy(
        update={"firing": False, "told": now, "window": facts.window, "suppressed": 0}
    )
    # Whoever was told that it fires is told that it is over.
    rule = next((r for r in group if r.severity == before.severity), group[0])
    if not rule.resolved:
        return _Decided(Alert(name, "quiet"), over)
    text = f"{name} is over: none of its rules fires any more."
    quietly = before.suppressed
    message = _message(rule, facts, before.since, now, text, quietly, "resolved")
    alert = Alert(name, "resolved", rule.name, rule.severity, quietly)
    return _Decided(alert, over, message, rule.channels)


def _older(window: str, than: str) -> bool:
    one, other = start_of(window), start_of(than)
    return one is not None and other is not None and one < other


def _later(window: str, before: str) -> str:
    return before if _older(window, before) else window


def _message(
    rule: Rule,
    facts: Facts,
    since: datetime,
    now: datetime,
    text: str,
    suppressed: int,
    status: Literal["firing", "resolved"],
) -> Message:
    key = _digest(facts.name, rule.of_alert, status, rule.severity, since.isoformat(), facts.window)
    findings = [_finding(*pair) for pair in findings_of(rule, facts)[:SHOWN_FINDINGS]]
    return Message(
        key=key, name=facts.name, alert=rule.of_alert, rule=rule.name, severity=rule.severity,
        status=status, window=facts.window, since=since, at=now, text=text,
        suppressed=suppressed, findings=tuple(findings), links=facts.links,
    )  # fmt: skip


def _finding(role: str, reason: Reason) -> Finding:
    named = ("code", "subject", "observed", "expected", "message")
    return Finding(verdict=role, **{name: getattr(reason, name)[:LETTERS] for name in named})


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
