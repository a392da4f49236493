"""When to retrain: a policy, as people write it in YAML, and what it says of a row of windows.

    verdicts: {performance: [fail], drift: [fail]}   # what makes a window bad
    bad_if: any              # or all of them
    bad_windows: 3           # retrain when so many ...
    of_last: 5               # ... of so many windows since the last retraining are bad
    cooldown: 7d             # from one retraining to the next, by the windows' time
    monthly_budget: 4        # retrainings in a calendar month (UTC)
    min_rows: 10000      # new rows since the last retraining
    every: 1d                # from window to window: where some are missing, fewer are counted
    stale_after: 3d          # a window that is older than this by now starts nothing

Only verdicts is needed; the others have the defaults 1 of 1, no cooldown, no budget, no minimum.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field, model_validator

from holdfast.documents import Document, read_document
from holdfast.errors import InputError
from holdfast.monitoring.windows import Span
from holdfast.verdict import Decision

# The verdicts that a policy can be about.
ROLES = ("verdict", "data", "drift", "performance", "estimate", "fairness")

Answer = Literal["retrain", "wait"]


class Policy(Document):
    """See the module's text."""

    verdicts: dict[str, list[Decision]] = Field(min_length=1)
    bad_if: Literal["any", "all"] = "any"
    bad_windows: int = Field(1, ge=1, le=1000)
    of_last: int = Field(1, ge=1, le=1000)
    cooldown: Span = timedelta(0)
    monthly_budget: int | None = Field(None, ge=1)
    min_rows: int = Field(0, ge=0)
    every: Span | None = None
    stale_after: Span | None = None

    @model_validator(mode="after")
    def _possible(self) -> "Policy":
        unknown = sorted(set(self.verdicts) - set(ROLES))
        if unknown:
            raise ValueError(f"verdicts must be out of {', '.join(ROLES)}, not {unknown}")
        if not all(self.verdicts.values()):
            raise ValueError("each verdict must have decisions that make a window bad")
        if self.bad_windows > self.of_last:
            raise ValueError("bad_windows must not be more than of_last")
        return self

    def is_bad(self, decisions: Mapping[str, str]) -> bool:
        """Tell whether a window with these decisions by role is bad."""
        found = [decisions[role] in bad for role, bad in self.verdicts.items()]
        return all(found) if self.bad_if == "all" else any(found)


@dataclass(frozen=True)
class Window:
    """A window as a policy sees it; `rows` is None where they are not known."""

    start: datetime
    bad: bool
    rows: int | None = None


@dataclass(frozen=True)
class Hindrance:
    """What keeps a retraining back: bad_windows, cooldown, budget, rows or stale."""

    code: str
    text: str


@dataclass(frozen=True)
class Judgement:
    """What a policy says; without a hindrance it retrains. `bad` of `windows` were counted."""

    hindrances: tuple[Hindrance, ...]
    bad: int
    windows: int

    @property
    def answer(self) -> Answer:
        """Retrain or wait."""
        return "wait" if self.hindrances else "retrain"


def read_policy(text: str) -> Policy:
    """Read a policy.

    Raises:
        InputError: The text is empty or does not keep to the grammar.
    """
    if not text.strip():
        raise InputError(
            "`policy` must be YAML that says which verdicts make a window bad. Found: nothing. "
            "The shortest one is verdicts: {performance: [fail]}"
        )
    return read_document(text, Policy, "policy")


def judge(
    policy: Policy,
    since: Sequence[Window],
    retrained: Sequence[datetime],
    now: datetime | None = None,
) -> Judgement:
    """Say whether to retrain after the newest window.

    Args:
        policy: The policy.
        since: The windows after the last retraining, oldest first; at least one.
        retrained: The starts of the windows after which a model was retrained, in any order.
        now: The time at which a window is stale; None for never.

    Raises:
        InputError: The policy asks for new rows, and those of a window are not known.
    """
    newest = since[-1].start
    counted = [
        window
        for window in since[-policy.of_last :]
        if policy.every is None or window.start > newest - policy.of_last * policy.every
    ]
    bad = sum(window.bad for window in counted)
    found = [
        _too_few(policy, bad, len(counted)),
        _cooling(policy, newest, retrained),
        _spent(policy, newest, retrained),
        _few_rows(policy, since),
        _stale(policy, newest, now),
    ]
    return Judgement(tuple(h for h in found if h is not None), bad, len(counted))


def _too_few(policy: Policy, bad: int, counted: int) -> Hindrance | None:
    if bad >= policy.bad_windows:
        return None
    text = (
        f"{bad} of the last {counted} windows since the last retraining are bad; "
        f"{policy.bad_windows} of {policy.of_last} are needed."
    )
    return Hindrance("bad_windows", text)


def _cooling(policy: Policy, newest: datetime, retrained: Sequence[datetime]) -> Hindrance | None:
    if not retrained or newest >= max(retrained) + policy.cooldown:
        return None
    last = max(retrained)
    text = f"Retrained after {_day(last)}: nothing until {_day(last + policy.cooldown)}."
    return Hindrance("cooldown", text)


def _spent(policy: Policy, newest: datetime, retrained: Sequence[datetime]) -> Hindrance | None:
    if policy.monthly_budget is None:
        return None
    spent = sum((r.year, r.month) == (newest.year, newest.month) for r in retrained)
    if spent < policy.monthly_budget:
        return None
    text = f"{spent} of {policy.monthly_budget} retrainings of {newest:%Y-%m} are spent."
    return Hindrance("budget", text)


def _few_rows(policy: Policy, since: Sequence[Window]) -> Hindrance | None:
    if not policy.min_rows:
        return None
    if any(window.rows is None for window in since):
        unknown = next(_day(window.start) for window in since if window.rows is None)
        raise InputError(
            f"`rows` must be known for each window where the policy has `min_rows`. Found: "
            f"none for {unknown}. Pass `current` or `rows`, or take `min_rows` out."
        )
    rows = sum(window.rows or 0 for window in since)
    if rows >= policy.min_rows:
        return None
    text = f"{rows} new rows since the last retraining; {policy.min_rows} are needed."
    return Hindrance("rows", text)


def _stale(policy: Policy, newest: datetime, now: datetime | None) -> Hindrance | None:
    if policy.stale_after is None or now is None or now - newest <= policy.stale_after:
        return None
    text = f"The newest window began at {_day(newest)}, too long ago to act on."
    return Hindrance("stale", text)


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")
