"""What each kind of channel is sent over HTTP."""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from holdfast.monitoring.send_alert.rules import Alertmanager, Pushgateway, Slack, Webhook
from holdfast.monitoring.send_alert.secrets import Secrets
from holdfast.monitoring.send_alert.state import Delivery, Message

# Slack refuses longer blocks.
HEADER_LETTERS, SECTION_LETTERS = 150, 3000
HttpChannel = Slack | Webhook | Alertmanager | Pushgateway


@dataclass(frozen=True)
class Request:
    """One HTTP request; its address and headers may hold secrets, and are shown nowhere."""

    method: str
    url: str = field(repr=False)
    body: bytes
    headers: dict[str, str] = field(repr=False)


def request_for(
    channel: HttpChannel, delivery: Delivery, name: str, secrets: Secrets, now: datetime
) -> Request:
    """Return the request that delivers a message or gauges; `name` is what is watched.

    Raises:
        UndeliveredError: A variable that the channel names is not set.
    """
    url = secrets.address(channel.url_env)
    token = "" if channel.kind == "slack" else secrets.read(channel.token_env)
    headers = {"Content-Type": "application/json", "Idempotency-Key": delivery.id}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if channel.kind == "pushgateway" or delivery.message is None:
        headers["Content-Type"] = "text/plain; version=0.0.4"
        job = channel.job if channel.kind == "pushgateway" else "holdfast"
        # Base64 as Pushgateway has it: names may hold slashes.
        grouped = base64.urlsafe_b64encode(name.encode()).decode()
        place = f"{url.rstrip('/')}/metrics/job/{quote(job)}/name@base64/{grouped}"
        return Request("PUT", place, delivery.gauges.encode(), headers)
    message = delivery.message
    if channel.kind == "slack":
        return Request("POST", url, _json(slack(message)), headers)
    if channel.kind == "alertmanager":
        place = f"{url.rstrip('/')}/api/v2/alerts"
        return Request("POST", place, _json([alertmanager(channel, message, now)]), headers)
    return Request("POST", url, _json(message.model_dump(mode="json")), headers)


def slack(message: Message) -> dict[str, object]:
    """Return a message for Slack: plain text throughout, so that data can't ping or link."""
    blocks: list[dict[str, object]] = [
        {"type": "header", "text": _plain(message.title[:HEADER_LETTERS])},
        {"type": "section", "text": _plain(message.text[:SECTION_LETTERS] or "-")},
    ]
    if said := _more(message):
        blocks.append({"type": "context", "elements": [_plain(said[:SECTION_LETTERS])]})
    if message.links:
        links = " ".join(f"<{_escaped(link).replace('|', '%7C')}>" for link in message.links)
        context = {"type": "mrkdwn", "text": links[:SECTION_LETTERS]}
        blocks.append({"type": "context", "elements": [context]})
    return {"text": _escaped(message.title), "blocks": blocks}


def alertmanager(channel: Alertmanager, message: Message, now: datetime) -> dict[str, object]:
    """Return an alert of Alertmanager's API v2.

    Its labels are what makes it the same alert, so they hold neither severity nor window: a
    resolved alert must carry the labels that it fired with.
    """
    ends = message.at if message.status == "resolved" else now + channel.lasts
    return {
        "labels": {**channel.labels, "alertname": message.alert, "name": message.name},
        "annotations": {
            "severity": message.severity,
            "window": message.window,
            "summary": message.title,
            "description": message.text,
        },
        "startsAt": message.since.isoformat(),
        "endsAt": ends.isoformat(),
        **({"generatorURL": message.links[0]} if message.links else {}),
    }


def text_of(message: Message) -> str:
    """Return a message as plain text, for a mail."""
    lines = [message.title, "", message.text, ""]
    lines += [
        f"- {f.verdict}: [{f.subject}] {f.message} Observed: {f.observed}. Expected: {f.expected}."
        for f in message.findings
    ]
    return "\n".join([*lines, _more(message), *message.links, ""])


def _more(message: Message) -> str:
    since = message.since.isoformat(timespec="seconds")
    quietly = f" Not told again for {message.suppressed} windows." if message.suppressed else ""
    return f"Since {since}.{quietly}"


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str) -> str:
    """Escape as Slack asks for: https://docs.slack.dev/messaging/formatting-message-text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
