"""What is remembered of alerts from one window to the next, and what is still to be delivered."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from holdfast.documents import Document
from holdfast.monitoring.send_alert.rules import Severity

# Ids of deliveries that are kept, so that an old spool does not send them again.
REMEMBERED = 300


class Standing(Document):
    """How an alert stands: since when it fires, and when it was last told at which severity."""

    firing: bool
    severity: Severity
    since: AwareDatetime
    told: AwareDatetime
    window: str
    suppressed: int = 0


class Finding(Document):
    """A reason of a verdict, as short as a message needs it."""

    verdict: str
    code: str
    subject: str
    observed: str
    expected: str
    message: str


class Message(Document):
    """An alert as it is told, the same for all channels; `key` is the same for the same news."""

    key: str
    name: str
    alert: str
    rule: str
    severity: Severity
    status: Literal["firing", "resolved"]
    window: str
    since: AwareDatetime
    at: AwareDatetime
    text: str
    suppressed: int = 0
    findings: tuple[Finding, ...] = Field(default=(), strict=False)
    links: tuple[str, ...] = Field(default=(), strict=False)

    @property
    def title(self) -> str:
        """One line that says it all."""
        status = "RESOLVED" if self.status == "resolved" else self.severity.upper()
        window = f" ({self.window})" if self.window else ""
        return f"[{status}] {self.name}: {self.alert}{window}"


class Delivery(Document):
    """One message, or the gauges of one window, on its way to one channel."""

    id: str
    channel: str
    message: Message | None = None
    gauges: str = ""
    # Which window's step is about it, and until when others leave it alone.
    holder: str = ""
    held_until: AwareDatetime | None = None
    last_error: str = ""

    @property
    def title(self) -> str:
        """What it is, in one line."""
        return self.message.title if self.message else "gauges"


class State(Document):
    """Everything that is remembered.

    `pending` is what has not been delivered yet, `window` the newest one whose gauges were pushed.
    """

    window: str = ""
    alerts: dict[str, Standing] = Field(default_factory=dict)
    pending: tuple[Delivery, ...] = Field(default=(), strict=False)
    delivered: tuple[str, ...] = Field(default=(), strict=False)

    def take(
        self, new: tuple[Delivery, ...], holder: str, now: datetime, until: datetime
    ) -> tuple["State", tuple[Delivery, ...]]:
        """Return the state in which `holder` is about all that nobody else is, and that.

        A delivery that was pending or delivered before is not taken in a second time; of gauges
        only the newest count.
        """
        known = {*self.delivered, *(d.id for d in self.pending)}
        fresh = [d for d in new if d.id not in known]
        newer = {d.channel for d in fresh if d.gauges}
        waiting = [d for d in self.pending if not (d.gauges and d.channel in newer)]
        held = {"holder": holder, "held_until": until}
        pending = tuple(
            d.model_copy(update=held) if d.held_until is None or _free(d, holder, now) else d
            for d in (*waiting, *fresh)
        )
        mine = tuple(d for d in pending if d.holder == holder)
        return self.model_copy(update={"pending": pending}), mine

    def settle(self, done: set[str], failed: dict[str, str], oldest: datetime) -> "State":
        """Return the state after deliveries: `failed` gives the error by id.

        What failed and is older than `oldest` is not kept.
        """
        pending = tuple(
            d.model_copy(update={"held_until": None, "last_error": failed[d.id]})
            if d.id in failed
            else d
            for d in self.pending
            if d.id not in done and not (d.id in failed and d.message and d.message.at < oldest)
        )
        delivered = (*(i for i in self.delivered if i not in done), *sorted(done))[-REMEMBERED:]
        return self.model_copy(update={"pending": pending, "delivered": delivered})


def _free(delivery: Delivery, holder: str, now: datetime) -> bool:
    return delivery.holder == holder or (delivery.held_until or now) <= now
