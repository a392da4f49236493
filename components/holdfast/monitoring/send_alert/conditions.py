"""Which rules fire, given verdicts and metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.monitoring.send_alert.rules import Condition, Rule, Template, leaves
from holdfast.verdict import Reason, Verdict

TOLD_REASONS = 3
MESSAGE_LETTERS = 2000


@dataclass(frozen=True)
class Facts:
    """What the rules are about, by role; `name` is what is watched, such as a model."""

    name: str
    window: str
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    links: tuple[str, ...] = ()


def lacking(rule: Rule, facts: Facts) -> list[str]:
    """Return the verdicts and metrics that a rule is about and that are not there."""
    found = []
    for leaf in leaves(rule.when):
        if leaf.verdict and leaf.verdict not in facts.verdicts:
            found.append(f"the verdict {leaf.verdict}")
        if leaf.metric and leaf.metric not in facts.metrics.get(leaf.of, {}):
            found.append(f"{leaf.metric} in {leaf.of}")
    return sorted(set(found))


def holds(condition: Condition, facts: Facts) -> bool | None:
    """Tell whether a condition holds; None if that hangs on what is not there (Kleene's logic)."""
    if condition.verdict:
        verdict = facts.verdicts.get(condition.verdict)
        return None if verdict is None else _verdict_holds(condition, verdict)
    if condition.metric:
        value = facts.metrics.get(condition.of, {}).get(condition.metric)
        return None if value is None else _within(condition, value)
    inner = [holds(c, facts) for c in condition.all or condition.any or condition.none]
    # What decides at once: a false one among all, a true one among any.
    decisive = not condition.all
    unknown = None in inner
    found = decisive if decisive in inner else None if unknown else not decisive
    return not found if condition.none and found is not None else found


def _verdict_holds(condition: Condition, verdict: Verdict) -> bool:
    if condition.decision and verdict.decision not in condition.decision:
        return False
    asked = condition.code or condition.subject
    return not asked or any(_is_meant(condition, reason) for reason in verdict.reasons)


def _is_meant(condition: Condition, reason: Reason) -> bool:
    code = not condition.code or reason.code in condition.code
    return code and (not condition.subject or reason.subject in condition.subject)


def _within(condition: Condition, value: float) -> bool:
    """Tell whether a metric is where the rule is to fire."""
    return (
        (condition.above is None or value > condition.above)
        and (condition.at_least is None or value >= condition.at_least)
        and (condition.below is None or value < condition.below)
        and (condition.at_most is None or value <= condition.at_most)
    )


def findings_of(rule: Rule, facts: Facts) -> list[tuple[str, Reason]]:
    """Return the reasons that made a rule fire, each with the role of its verdict."""
    found: list[tuple[str, Reason]] = []
    for leaf in leaves(rule.when):
        verdict = facts.verdicts.get(leaf.verdict)
        if verdict is not None and _verdict_holds(leaf, verdict):
            found.extend((leaf.verdict, r) for r in verdict.reasons if _is_meant(leaf, r))
    return list(dict.fromkeys(found))


def text_of(rule: Rule, facts: Facts) -> str:
    """Return the message of a rule; what comes from data is plain text in it, whatever it says."""
    words = {
        "name": facts.name,
        "alert": rule.of_alert,
        "rule": rule.name,
        "severity": rule.severity,
        "window": facts.window,
        "reasons": _told([reason for _, reason in findings_of(rule, facts)])
        or _measured(rule, facts),
    }
    for role, verdict in facts.verdicts.items():
        words[f"{role}.decision"] = verdict.decision
        words[f"{role}.reasons"] = _told(list(verdict.reasons))
    for role, metrics in facts.metrics.items():
        words.update({f"{role}.{name}": f"{value:.6g}" for name, value in metrics.items()})
    template = Template(rule.message)
    known = {word: words.get(word, "(not known)") for word in template.get_identifiers()}
    return plain_text(template.substitute(known))[:MESSAGE_LETTERS]


def plain_text(text: str) -> str:
    """Return text without characters that steer a terminal, a mail or the reading direction."""
    return "".join(c if c == "\n" or c.isprintable() else " " if c.isspace() else "" for c in text)


def _told(reasons: list[Reason]) -> str:
    more = len(reasons) - TOLD_REASONS
    told = [reason.message for reason in reasons[:TOLD_REASONS]]
    return " ".join([*told, f"And {more} more."] if more > 0 else told)


def _measured(rule: Rule, facts: Facts) -> str:
    """Return the metrics that a rule is about, for one that fires on no reasons."""
    found = {
        leaf.metric: facts.metrics[leaf.of][leaf.metric]
        for leaf in leaves(rule.when)
        if leaf.metric in facts.metrics.get(leaf.of, {})
    }
    return " ".join(f"{name} is {value:.6g}." for name, value in found.items())
