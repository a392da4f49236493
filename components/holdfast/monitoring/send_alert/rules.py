"""The rules of alerts, as people write them in YAML.

Addresses and passwords are no part of it: a channel names the environment variables that hold them.

    cooldown: 24h            # s, m, h, d or w; a rule can have its own
    channels:                # addresses come from the environment, of a Secret
      team: {kind: slack, url_env: SLACK_WEBHOOK_URL}
      pager: {kind: alertmanager, url_env: ALERTMANAGER_URL, lasts: 2d}
      hook: {kind: webhook, url_env: HOOK_URL, token_env: HOOK_TOKEN}
      mail: {kind: email, server_env: SMTP_SERVER, user_env: SMTP_USER,
             password_env: SMTP_PASSWORD, sender: a@b.org, to: [c@d.org]}
      gauges: {kind: pushgateway, url_env: PUSHGATEWAY_URL}   # gets every window
    rules:
      - name: performance_lost
        alert: performance   # rules of one alert: the worst that fires speaks
        severity: critical   # info, warning or critical
        when:                # or all: [...], any: [...], none: [...]
          verdict: performance
          decision: [fail]   # and, if wanted, code: [...], subject: [...] of a reason
        message: "$name lost performance in $window: ${performance.reasons}"
        channels: [team, pager]
      - name: drift_grows
        severity: warning
        when: {metric: share, of: drift_metrics, above: 0.3}
        message: "A share of ${drift_metrics.share} of the columns moved."
        channels: [team]
        missing: quiet       # else a verdict or metric that is not there fails the step

A message has the words name, alert, rule, severity, window and reasons (of what fired), and
ROLE.decision, ROLE.reasons and metrics.NAME or drift_metrics.NAME. What comes from data is plain
text in it. A rule that hangs on a verdict or metric that is not given fails the step, after all
others were told, or keeps quiet.
"""

import re
import string
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from holdfast.documents import Document, read_document
from holdfast.errors import InputError
from holdfast.monitoring.windows import Span
from holdfast.verdict import Decision

# The inputs of send_alert, by role.
VERDICTS = ("verdict", "data", "drift", "performance", "estimate", "fairness")
METRICS = ("metrics", "drift_metrics")

Severity = Literal["info", "warning", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,99}$")]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Recipient = Annotated[str, Field(pattern=r"^[^\s@<>,;]+@[^\s@<>,;]+$")]
WORDS = ("name", "alert", "rule", "severity", "window", "reasons")


class Template(string.Template):
    """Text with $WORD or ${ROLE.WORD}; it looks nothing up but the words that it is given."""

    idpattern = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_@%-]+)*"


class Condition(Document):
    """One of: a verdict's decision or reasons, a metric's bounds, or other conditions joined."""

    verdict: str = ""
    decision: tuple[Decision, ...] = Field((), strict=False)
    code: tuple[str, ...] = Field((), strict=False)
    subject: tuple[str, ...] = Field((), strict=False)
    metric: str = ""
    of: str = "metrics"
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    all: tuple["Condition", ...] = Field((), strict=False)
    any: tuple["Condition", ...] = Field((), strict=False)
    none: tuple["Condition", ...] = Field((), strict=False)

    @model_validator(mode="after")
    def _one_kind(self) -> "Condition":
        kinds = [k for k in ("verdict", "metric", "all", "any", "none") if getattr(self, k)]
        if len(kinds) != 1:
            raise ValueError("must hold one of verdict, metric, all, any and none")
        bounds = [b for b in ("above", "at_least", "below", "at_most") if self._given(b)]
        asked = [a for a in ("decision", "code", "subject") if getattr(self, a)]
        if bool(bounds) != (kinds == ["metric"]):
            raise ValueError("a metric, and nothing else, has above, at_least, below or at_most")
        if bool(asked) != (kinds == ["verdict"]):
            raise ValueError("a verdict, and nothing else, has decision, code or subject")
        if self.verdict not in ("", *VERDICTS):
            raise ValueError(f"verdict must be out of {', '.join(VERDICTS)}")
        if self.of not in METRICS:
            raise ValueError(f"of must be out of {', '.join(METRICS)}")
        return self

    def _given(self, bound: str) -> bool:
        return getattr(self, bound) is not None


class Rule(Document):
    """When to tell whom what. Rules of one `alert` are one alert, told at the worst severity."""

    name: Name
    alert: Name | Literal[""] = ""
    severity: Severity
    when: Condition
    channels: tuple[str, ...] = Field(strict=False, min_length=1)
    message: str = "$reasons"
    cooldown: Span | None = None
    resolved: bool = True
    missing: Literal["error", "quiet"] = "error"

    @field_validator("message")
    @classmethod
    def _known_words(cls, message: str) -> str:
        if not Template(message).is_valid():
            raise ValueError("a dollar sign must begin a word, or be written twice")
        unknown = [word for word in Template(message).get_identifiers() if not _is_word(word)]
        if unknown:
            raise ValueError(f"the message has unknown words: {', '.join(unknown)}")
        return message

    @property
    def of_alert(self) -> str:
        """The alert that it is a rule of; its own name if it says nothing."""
        return self.alert or self.name


class Slack(Document):
    """An incoming webhook of Slack."""

    kind: Literal["slack"]
    url_env: Variable


class Webhook(Document):
    """Any receiver of JSON by POST."""

    kind: Literal["webhook"]
    url_env: Variable
    token_env: Variable = ""


class Alertmanager(Document):
    """Prometheus Alertmanager; an alert that is not sent again ends after `lasts`."""

    kind: Literal["alertmanager"]
    url_env: Variable
    token_env: Variable = ""
    lasts: Span = timedelta(days=2)
    labels: dict[Variable, str] = Field(default_factory=dict)


class Email(Document):
    """A mail server at HOST:PORT."""

    kind: Literal["email"]
    server_env: Variable
    user_env: Variable = ""
    password_env: Variable = ""
    sender: Recipient
    to: tuple[Recipient, ...] = Field(strict=False, min_length=1)
    tls: Literal["starttls", "implicit", "none"] = "starttls"

    @model_validator(mode="after")
    def _no_open_password(self) -> "Email":
        if bool(self.user_env) != bool(self.password_env):
            raise ValueError("user_env and password_env belong together")
        if self.tls == "none" and self.password_env:
            raise ValueError("a password is sent over TLS only: tls must be starttls or implicit")
        return self


class Pushgateway(Document):
    """A Prometheus Pushgateway; it gets all decisions, metrics and alerts of each window."""

    kind: Literal["pushgateway"]
    url_env: Variable
    token_env: Variable = ""
    job: Name = "holdfast"


Channel = Annotated[
    Slack | Webhook | Alertmanager | Email | Pushgateway, Field(discriminator="kind")
]


class Rules(Document):
    """All rules and channels; `cooldown` is for rules that have none of their own.

    What could not be delivered is tried again by later steps until it is older than `give_up`.
    """

    channels: dict[Name, Channel] = Field(min_length=1)
    rules: tuple[Rule, ...] = Field((), strict=False)
    cooldown: Span = timedelta(hours=24)
    give_up: Span = timedelta(days=7)

    @model_validator(mode="after")
    def _names(self) -> "Rules":
        names = [rule.name for rule in self.rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"rules of the same name: {', '.join(twice)}")
        known = {n for n, channel in self.channels.items() if channel.kind != "pushgateway"}
        unknown = sorted({name for rule in self.rules for name in rule.channels} - known)
        if unknown:
            raise ValueError(f"rules name channels that are not there: {', '.join(unknown)}")
        if not self.rules and not self.gauges:
            raise ValueError("there must be a rule, or a channel of the kind pushgateway")
        return self

    @property
    def gauges(self) -> list[str]:
        """The names of the channels that get gauges in place of messages."""
        return [name for name, channel in self.channels.items() if channel.kind == "pushgateway"]

    def cooldown_of(self, rule: Rule) -> timedelta:
        """Return for how long an alert of this rule is not told again."""
        return self.cooldown if rule.cooldown is None else rule.cooldown


def read_rules(text: str) -> Rules:
    """Read the rules.

    Raises:
        InputError: The text is empty or does not keep to the grammar, or holds an address.
    """
    if not text.strip():
        raise InputError(
            "`rules` must be YAML with channels and rules. Found: nothing. The README of "
            "send_alert has an example."
        )
    # A webhook's address is its password, and this text is kept in KFP's database.
    if re.search(r"hooks\.slack\.com|://[^/\s]*:[^/\s]*@", text):
        raise InputError(
            "`rules` must hold no addresses of webhooks and no passwords. Found: one. Put it into "
            "an environment variable from a Secret, and name the variable as `url_env`."
        )
    return read_document(text, Rules, "rules")


def _is_word(word: str) -> bool:
    role, _, of = word.partition(".")
    if not of:
        return word in WORDS
    return role in METRICS or (role in VERDICTS and of in ("decision", "reasons"))


def leaves(condition: Condition) -> Iterator[Condition]:
    """Yield the conditions on one verdict or metric each."""
    for inner in (*condition.all, *condition.any, *condition.none):
        yield from leaves(inner)
    if condition.verdict or condition.metric:
        yield condition
