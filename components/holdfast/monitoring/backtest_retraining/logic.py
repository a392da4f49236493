"""Try a retraining policy on history, beside always, never and from time to time."""

import math
from dataclasses import dataclass
from pathlib import Path

from holdfast.errors import InputError
from holdfast.monitoring.backtest_retraining.history import History, read_history
from holdfast.monitoring.backtest_retraining.plots import plot
from holdfast.monitoring.backtest_retraining.replay import (
    Replayed,
    by_policy,
    every,
    replay,
)
from holdfast.monitoring.policy import read_policy
from holdfast.report import Figure, Paragraph, Report, Rows
from holdfast.table import Table

SHOWN = 200


@dataclass(frozen=True)
class Costs:
    """What a retraining costs, and what a window with a lost model costs, in any unit."""

    retraining: float = 1.0
    missed: float = 1.0


@dataclass(frozen=True)
class Backtest:
    """What each strategy did on the same history; the policy comes first."""

    history: History
    results: tuple[Replayed, ...]
    costs: Costs
    delay: int

    @property
    def metrics(self) -> dict[str, float]:
        """Numbers of the policy, and the cost of each strategy; no truth, no costs of drops."""
        mine = self.results[0]
        found: dict[str, float] = {
            "windows": len(self.history.windows),
            "retrained": len(mine.retrained),
        }
        if self.history.lost is not None:
            found |= {
                "drops": len(mine.drops),
                "drops_missed": mine.unanswered,
                "windows_missed": len(mine.missed),
                "false_alarms": len(mine.false_alarms),
            }
            if mine.delay is not None:
                found["delay"] = mine.delay
            found |= {f"cost_{r.name}": self._cost(r) for r in self.results}
        return {name: float(value) for name, value in found.items()}

    def write(self, report_path: str | Path, summary_path: str | Path) -> dict[str, float]:
        """Write the page and its Markdown; return the metrics."""
        self.report().write(report_path, summary_path)
        return self.metrics

    def report(self) -> Report:
        """Return the page."""
        known = self.history.lost is not None
        return Report(
            "Back-test of a retraining policy",
            "",
            (
                Paragraph(self._text(known)),
                Rows("Strategies", *(self._known() if known else self._unknown())),
                Figure(
                    "Retrainings (dots) on true drops (bars: orange without a new model)",
                    plot(self.history, self.results, [self._cost(r) for r in self.results]),
                ),
                Rows("Retrainings of the policy", ("after window", "answers"), self._fired()),
            ),
        )

    def _cost(self, result: Replayed) -> float:
        return result.cost(self.costs.retraining, self.costs.missed)

    def _text(self, known: bool) -> str:
        if not known:
            return (
                "Whether the model had truly lost is not known here, so that neither missed drops "
                "nor false alarms can be told: `truth` names the column that says it."
            )
        return (
            f"A retraining costs {self.costs.retraining:g}, a window with a lost model "
            f"{self.costs.missed:g}. A new model is live {self.delay + 1} windows after the one "
            f"that was judged, and ends the drop. How it would have done later is not known: later "
            f"drops are taken as they were."
        )

    def _known(self) -> tuple[tuple[str, ...], tuple[tuple[object, ...], ...]]:
        columns = (
            "strategy", "cost", "retrained", "false alarms", "drops", "drops missed",
            "windows missed", "mean delay (windows)",
        )  # fmt: skip
        rows = [
            (
                r.name, self._cost(r), len(r.retrained), len(r.false_alarms), len(r.drops),
                r.unanswered, len(r.missed), "-" if r.delay is None else r.delay,
            )
            for r in self.results
        ]  # fmt: skip
        return columns, tuple(rows)

    def _unknown(self) -> tuple[tuple[str, ...], tuple[tuple[object, ...], ...]]:
        return ("strategy", "retrained"), tuple((r.name, len(r.retrained)) for r in self.results)

    def _fired(self) -> tuple[tuple[object, ...], ...]:
        mine = self.results[0]
        answers = {at: drop for drop, at in mine.answered.items()}
        starts = [window.start.isoformat(timespec="minutes") for window in self.history.windows]
        known = self.history.lost is not None
        unknown = "no drop: a false alarm" if known else "not known"
        return tuple(
            (starts[at], f"the drop of {starts[answers[at].first]}" if at in answers else unknown)
            for at in mine.retrained[:SHOWN]
        )


def backtest(
    table: Table,
    policy_text: str,
    columns: tuple[str, str],
    costs: Costs,
    periodic: int,
    delay: int,
) -> Backtest:
    """Try a policy; see the component.

    Raises:
        InputError: The policy, the history or a number cannot be used.
    """
    usable = all(math.isfinite(c) and c >= 0 for c in (costs.retraining, costs.missed))
    if not usable or periodic < 1 or delay < 0:
        raise InputError(
            f"Costs must be at least 0, `periodic` at least 1 and `delay` at least 0. Found: "
            f"{costs.retraining:g} and {costs.missed:g}, {periodic}, {delay}. Correct them."
        )
    policy = read_policy(policy_text)
    history = read_history(table, policy, *columns)
    strategies = {
        "policy": by_policy(policy),
        "always": every(1),
        "periodic": every(periodic),
        "never": every(len(history.windows) + 1),
    }
    lost = history.lost or (False,) * len(history.windows)
    results = tuple(
        replay(name, strategy, history.windows, lost, delay)
        for name, strategy in strategies.items()
    )
    return Backtest(history, results, costs, delay)
