"""What an experiment is asked, checked before any data is read."""

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from holdfast.documents import Document, read_document
from holdfast.errors import InputError

Better = Literal["higher", "lower"]
KINDS = re.compile(r"proportion|mean|p[1-9][0-9]?")
AGGREGATES = {"mean": "avg", "sum": "sum", "max": "max"}


class Guardrail(Document):
    """A metric that must not get worse by more than its tolerance, in the metric's unit."""

    metric: str
    tolerance: float = Field(gt=0)
    kind: str = "mean"
    better: Better = "lower"


class Guardrails(Document):
    """The YAML of the input `guardrails`."""

    guardrails: tuple[Guardrail, ...] = Field(default=(), strict=False)


@dataclass(frozen=True)
class Metric:
    """A column and how its arms are compared: kind is proportion, mean or pNN, a percentile.

    `sign` is 1 where higher is better, and -1 where lower is.
    """

    column: str
    kind: str
    sign: int

    @property
    def share(self) -> float:
        """Return the share of a percentile; 0 for the other kinds."""
        return int(self.kind[1:]) / 100 if re.fullmatch(r"p\d+", self.kind) else 0.0

    @property
    def label(self) -> str:
        """Return what pages and metrics call it."""
        return self.column if self.kind in ("proportion", "mean") else f"{self.column} {self.kind}"


def make_metric(column: str, kind: str, better: str, name: str = "kind") -> Metric:
    """Return a metric.

    Raises:
        InputError: Its kind or direction is not one.
    """
    if not KINDS.fullmatch(kind):
        raise InputError(
            f"`{name}` must be proportion, mean or a percentile p1 to p99. Found: {kind!r}. Use "
            f"p95 for a latency."
        )
    if better not in ("higher", "lower"):
        raise InputError(
            f"`better` must be higher or lower. Found: {better!r}. Lower is better for errors and "
            f"latencies."
        )
    return Metric(column, kind, 1 if better == "higher" else -1)


@dataclass(frozen=True)
class Columns:
    """Where arms, units and times stand; unit and time are empty where there are none."""

    arm: str = ""
    control: str = ""
    unit: str = ""
    time: str = ""
    aggregate: str = "mean"


@dataclass(frozen=True)
class Plan:
    """What the experiment is planned to find, and what ends it.

    `effect` is the improvement to find, `min_effect` the one beyond which the treatment is
    shipped; `share` is the treatment's share of the units, `max_units` are those of both arms,
    0 for any number.
    """

    effect: float
    min_effect: float = 0.0
    share: float = 0.5
    alpha: float = 0.05
    power: float = 0.8
    srm_alpha: float = 0.001
    max_units: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no plan.

        Raises:
            InputError: A number is out of its range.
        """
        for name, value in (
            ("treatment_share", self.share), ("alpha", self.alpha), ("power", self.power),
            ("srm_alpha", self.srm_alpha),
        ):  # fmt: skip
            if not 0 < value < 1:
                raise InputError(
                    f"`{name}` must lie between 0 and 1. Found: {value}. See its text."
                )
        if not 0 <= self.min_effect < self.effect < float("inf"):
            raise InputError(
                f"`effect` must be above `min_effect`, and that 0 or more: they are "
                f"improvements, in the metric's unit. Found: {self.effect} and "
                f"{self.min_effect}. Pass the smallest improvement that must be found."
            )
        if self.alpha >= self.power or self.max_units < 0:
            raise InputError(
                f"`power` must be above `alpha`, and `max_units` 0 or more. Found: "
                f"{self.power}, {self.alpha} and {self.max_units}. The usual power is 0.8."
            )


@dataclass(frozen=True)
class Request:
    """All that is asked: the metric that decides, the guardrails, and the plan."""

    metric: Metric
    guardrails: tuple[tuple[Metric, float], ...]
    columns: Columns
    plan: Plan
    baseline: float = 0.0

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Return the metric that decides and those of the guardrails."""
        return (self.metric, *(rail for rail, _ in self.guardrails))

    @property
    def values(self) -> dict[str, str]:
        """Return what the database calls each metric's column."""
        columns = dict.fromkeys(metric.column for metric in self.metrics)
        return {column: f"v{place}" for place, column in enumerate(columns)}


def ask(
    metric: tuple[str, str, str],
    columns: tuple[str, str, str, str, str],
    plan: tuple[float, float, float, float, float, float, int],
    guardrails: str = "",
    baseline: float = 0.0,
) -> Request:
    """Return a request from plain values.

    Raises:
        InputError: One of them is out of its range.
    """
    found = read_document(guardrails, Guardrails, "guardrails").guardrails
    rails = tuple(
        (make_metric(g.metric, g.kind, g.better, "guardrails"), g.tolerance) for g in found
    )
    main = make_metric(*metric)
    labels = [main.label, *(rail.label for rail, _ in rails)]
    if len(set(labels)) < len(labels):
        raise InputError(
            f"`guardrails` must name each metric once, and not `metric` again. Found: {labels}. "
            f"Leave out what is twice."
        )
    if columns[4] not in AGGREGATES:
        raise InputError(
            f"`aggregate` must be one of {list(AGGREGATES)}. Found: {columns[4]!r}. max tells of a "
            f"proportion whether it happened at all."
        )
    return Request(main, rails, Columns(*columns), Plan(*plan), baseline)
