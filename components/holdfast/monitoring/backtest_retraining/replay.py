"""Replay a history of windows: what a strategy would have done, and what that would have cost.

A drop is a run of windows in a row in which the model had truly lost. A retraining answers the drop
it falls into: from the next window (and `delay` more) the new model is live, the rest of the drop
does not happen, and the verdicts of those windows count as good. What history can't tell is how the
new model would have done afterwards: later drops are taken as they were.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from holdfast.monitoring.policy import Policy, Window, judge

# From the windows since the last retraining and the times of all to whether to retrain now.
Strategy = Callable[[Sequence[Window], Sequence[datetime]], bool]


@dataclass(frozen=True)
class Drop:
    """Windows `first` to `last` by their place in the history, both included."""

    first: int
    last: int


@dataclass(frozen=True)
class Replayed:
    """What a strategy did; all are places in the history.

    Attributes:
        retrained: After which windows it retrained.
        false_alarms: Those of them with no drop to answer.
        missed: The windows of drops without a new model.
        answered: The drops that a retraining fell into, by the window that it came after.
        drops: All drops.
    """

    name: str
    retrained: tuple[int, ...]
    false_alarms: tuple[int, ...]
    missed: tuple[int, ...]
    answered: dict[Drop, int]
    drops: tuple[Drop, ...]

    @property
    def unanswered(self) -> int:
        """How many drops were missed altogether."""
        return len(self.drops) - len(self.answered)

    @property
    def delay(self) -> float | None:
        """Windows from a drop's first to its retraining, on average; None if none was answered."""
        delays = [at - drop.first for drop, at in self.answered.items()]
        return sum(delays) / len(delays) if delays else None

    def cost(self, per_retraining: float, per_missed: float) -> float:
        """Return what it cost."""
        return len(self.retrained) * per_retraining + len(self.missed) * per_missed


def drops_of(lost: Sequence[bool]) -> tuple[Drop, ...]:
    """Return the drops of a history of windows with a lost model."""
    found: list[Drop] = []
    for place, bad in enumerate(lost):
        if bad and found and found[-1].last == place - 1:
            found[-1] = Drop(found[-1].first, place)
        elif bad:
            found.append(Drop(place, place))
    return tuple(found)


def replay(
    name: str, strategy: Strategy, windows: Sequence[Window], lost: Sequence[bool], delay: int = 0
) -> Replayed:
    """Replay a history.

    Args:
        name: What the strategy is called.
        strategy: Whether to retrain, from what it would have seen.
        windows: The windows, oldest first.
        lost: Whether the model had truly lost, of each window.
        delay: How many windows go by before a new model is live.
    """
    drops = drops_of(lost)
    drop_at = {place: drop for drop in drops for place in range(drop.first, drop.last + 1)}
    answered: dict[Drop, int] = {}
    retrained, false_alarms, missed = [], [], []
    times: list[datetime] = []
    since: list[Window] = []
    for place, window in enumerate(windows):
        drop = drop_at.get(place)
        live = drop in answered and place > answered[drop] + delay if drop else False
        since.append(Window(window.start, window.bad and not live, window.rows))
        if drop and not live:
            missed.append(place)
        if not strategy(since, times):
            continue
        retrained.append(place)
        if drop and drop not in answered:
            answered[drop] = place
        else:
            false_alarms.append(place)
        times.append(window.start)
        since = []
    return Replayed(name, tuple(retrained), tuple(false_alarms), tuple(missed), answered, drops)


def by_policy(policy: Policy) -> Strategy:
    """Retrain when a policy says so; nothing is stale in a replay."""

    def strategy(since: Sequence[Window], retrained: Sequence[datetime]) -> bool:
        return judge(policy, since, retrained).answer == "retrain"

    return strategy


def every(windows: int) -> Strategy:
    """Retrain each time after so many windows."""

    def strategy(since: Sequence[Window], _retrained: Sequence[datetime]) -> bool:
        return len(since) >= windows

    return strategy
