"""Metrics out of an artifact's metadata, with the ends of their intervals."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ENDS = (("_low", "_high"), (".low", ".high"))
# assess_fairness gives the interval of the groups that are large enough.
JUDGED = ".judged"


@dataclass(frozen=True)
class Measure:
    """A metric; the ends of its interval are not numbers where there is none."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def has_interval(self) -> bool:
        """Whether both ends are known."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def interval(self) -> str:
        """The interval in words."""
        return f"{self.low:.6g} to {self.high:.6g}" if self.has_interval else ""


def measures(metadata: Mapping[str, Any]) -> tuple[Measure, ...]:
    """Return the finite numbers of an artifact's metadata by name, ends with their metric.

    KFP hands metadata on in any order.
    """
    numbers = {str(name): float(value) for name, value in metadata.items() if _is_number(value)}
    ends: dict[str, tuple[float, float]] = {}
    used: set[str] = set()
    for name in numbers:
        for low, high in ENDS:
            if name + low in numbers and name + high in numbers:
                owner = name + JUDGED if name + JUDGED in numbers else name
                ends[owner] = (numbers[name + low], numbers[name + high])
                used.update((name + low, name + high))
    return tuple(
        Measure(name, value, *ends.get(name, ()))
        for name, value in sorted(numbers.items())
        if name not in used
    )


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)
