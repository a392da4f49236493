"""Send alerts: decide, note down what is to be sent, send it, note down what arrived.

The note comes first (a transactional outbox): a step that dies in between is taken up by the next.
So a message may arrive twice, with the same key, but none is lost.
"""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.errors import HoldfastError, InputError
from holdfast.monitoring.journal import Journal
from holdfast.monitoring.send_alert.conditions import Facts, plain_text
from holdfast.monitoring.send_alert.delivery import Patience, deliver
from holdfast.monitoring.send_alert.outcome import Decision, Outcome
from holdfast.monitoring.send_alert.page import report
from holdfast.monitoring.send_alert.plan import Plan, plan
from holdfast.monitoring.send_alert.rules import METRICS, VERDICTS, Rules, read_rules
from holdfast.monitoring.send_alert.secrets import Secrets, UndeliveredError
from holdfast.monitoring.send_alert.spool import read_spool
from holdfast.monitoring.send_alert.state import Delivery, State
from holdfast.tracking import check_name, tracking
from holdfast.verdict import read_verdict

ENDING = ".alerts"
# Records of the journal that stay: each holds the whole state.
KEPT = 10
# For how long other windows' steps leave alone what this one is sending.
HELD = timedelta(minutes=15)
LINKS = 10


@dataclass(frozen=True)
class Options:
    """See the component's arguments."""

    on_unsent: str = "fail"
    dry_run: bool = False
    remember: bool = True
    patience: Patience = field(default_factory=Patience)


def gather(
    name: str,
    window: str,
    verdict_paths: Sequence[str],
    metrics: Sequence[Mapping[str, Any]],
    links: Sequence[str],
) -> Facts:
    """Read what the rules are about; empty paths and mappings are of what is not given.

    Raises:
        InputError: A name or a link cannot be used, or a verdict cannot be read.
    """
    check_name("name", name)
    if not re.fullmatch(r"[\x20-\x7e]{0,100}", window):
        raise InputError(
            f"`window` must be up to 100 plain characters. Found: {window[:50]!r}. Pass its start."
        )
    wrong = [link for link in links if not re.fullmatch(r"https?://[^\s<>@\"|]{1,1000}", link)]
    if wrong or len(links) > LINKS:
        raise InputError(
            f"`links` must be up to {LINKS} addresses with http:// or https:// and no password. "
            f"Found: {len(links)}, of which {len(wrong)} are none. Correct them."
        )
    paths = dict(zip(VERDICTS, verdict_paths, strict=True))
    verdicts = {role: read_verdict(path) for role, path in paths.items() if path}
    named = zip(METRICS, metrics, strict=True)
    return Facts(name, window, verdicts, {r: _numbers(m) for r, m in named if m}, tuple(links))


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {
        plain_text(name): float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def send(
    rules_text: str,
    facts: Facts,
    earlier_path: str,
    options: Options,
    secrets: Secrets | None = None,
    now: datetime | None = None,
) -> Outcome:
    """Tell what the rules say is to be told; see the component.

    Raises:
        InputError: The rules, the spool or an option cannot be used.
    """
    if options.on_unsent not in ("fail", "go_on"):
        raise InputError(
            f"`on_unsent` must be fail or go_on. Found: {options.on_unsent!r}. The usual one is "
            f"fail."
        )
    if options.patience.attempts < 1 or not 0 < options.patience.timeout <= 300:
        raise InputError(
            f"`attempts` must be at least 1, and `timeout` in (0, 300] seconds. Found: "
            f"{options.patience.attempts} and {options.patience.timeout:g}. The usual ones are 4 "
            f"and 10."
        )
    rules, earlier = read_rules(rules_text), read_spool(earlier_path)
    now = now or datetime.now(UTC)
    run = _Run(rules, facts, earlier, options, secrets or Secrets(), now)
    return run.dry() if options.dry_run else run.wet()


@dataclass(frozen=True)
class _Run:
    rules: Rules
    facts: Facts
    earlier: tuple[Delivery, ...]
    options: Options
    secrets: Secrets
    now: datetime

    def dry(self) -> Outcome:
        """Decide, and do nothing."""
        state, forgotten = State(), None
        try:
            with self._journal() as journal:
                state = _latest(journal.read())
        except HoldfastError as error:
            forgotten = error
        planned = plan(self.rules, self.facts, state, self.now)
        page = report(self.facts, planned.alerts, planned.deliveries, {}, dry=True)
        return Outcome("dry_run", planned.alerts, (), (), page, "go_on", forgotten)

    def wet(self) -> Outcome:
        """Decide, send, and remember."""
        holder = self.facts.window or uuid.uuid4().hex
        planned, mine, forgotten = self._note_down(holder)
        errors = {}
        for delivery in mine:
            error = self._deliver(delivery)
            if error:
                errors[delivery.id] = error
        sent = tuple(d for d in mine if d.id not in errors)
        failed = tuple(
            d.model_copy(update={"last_error": errors[d.id], "holder": "", "held_until": None})
            for d in mine
            if d.id in errors
        )
        forgotten = forgotten or self._settle({d.id for d in sent}, errors)
        page = report(self.facts, planned.alerts, mine, errors)
        decision = _decision(planned, sent, failed)
        on_unsent = self.options.on_unsent
        return Outcome(decision, planned.alerts, sent, failed, page, on_unsent, forgotten)

    def _note_down(self, holder: str) -> tuple[Plan, tuple[Delivery, ...], HoldfastError | None]:
        """Return the plan, what this step is to send, and why it is not noted down, if so."""

        def decide(values: list[dict[str, Any]]) -> tuple[Any, tuple[Plan, tuple[Delivery, ...]]]:
            state = _latest(values)
            planned = plan(self.rules, self.facts, state, self.now)
            new = (*self.earlier, *planned.deliveries)
            after, mine = planned.state.take(new, holder, self.now, self.now + HELD)
            return None if after == state else _dump(after), (planned, mine)

        try:
            with self._journal() as journal:
                return *journal.change(decide, self._headline), None
        except HoldfastError as error:
            # An alert is worth more than its memory.
            planned, mine = decide([])[1]
            return planned, mine, error if self.options.remember else None

    def _settle(self, done: set[str], errors: dict[str, str]) -> HoldfastError | None:
        oldest = self.now - self.rules.give_up

        def decide(values: list[dict[str, Any]]) -> tuple[Any, None]:
            state = _latest(values)
            after = state.settle(done, errors, oldest)
            return None if after == state else _dump(after), None

        if not (self.options.remember and (done or errors)):
            return None
        try:
            with self._journal() as journal:
                journal.change(decide, self._headline)
        except HoldfastError as error:
            return error
        return None

    def _deliver(self, delivery: Delivery) -> str:
        """Return why a delivery did not arrive, nothing if it did."""
        channel = self.rules.channels.get(delivery.channel)
        if channel is None:
            return "`rules` have no such channel any more"
        if bool(delivery.gauges) != (channel.kind == "pushgateway"):
            return "the channel is of another kind by now"
        try:
            deliver(channel, delivery, self.facts.name, self.secrets, self.options.patience)
        except UndeliveredError as error:
            return str(error)
        return ""

    @property
    def _headline(self) -> str:
        return f"Alerts after window {self.facts.window or '(none)'}"

    @contextmanager
    def _journal(self) -> Any:
        if not self.options.remember:
            raise InputError("Nothing is remembered: `remember` is false.")
        with tracking(may_make=True) as client:
            yield Journal(client, self.facts.name + ENDING, KEPT)


def _latest(values: list[dict[str, Any]]) -> State:
    return State.model_validate_json(json.dumps(values[-1])) if values else State()


def _dump(state: State) -> dict[str, Any]:
    return state.model_dump(mode="json")


def _decision(planned: Plan, sent: Sequence[Delivery], failed: Sequence[Delivery]) -> Decision:
    if failed:
        return "unsent"
    outcomes = {alert.outcome for alert in planned.alerts}
    if any(delivery.message for delivery in sent):
        return "sent"
    return "suppressed" if outcomes & {"suppressed", "told before"} else "quiet"
