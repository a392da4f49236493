"""What inputs ask of things that are not known before a run: no two may be at odds."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from holdfast.lint.findings import Finding, Path

PREDICTIONS, ROWS = "predictions", "rows to learn from"
# Every table of predictions has it.
PREDICTION = "prediction"


@dataclass(frozen=True)
class Place:
    """Where an input is: its task, its name, its path, and whether the task runs in every run."""

    task: str
    name: str
    path: Path
    certain: bool = True


@dataclass(frozen=True)
class Demand:
    """What one input asks of something that is not known before a run."""

    value: str
    place: Place
    why: str
    default: str = ""


@dataclass
class Board:
    """Demands on what is not known, by what it is: no two may be at odds."""

    demands: dict[tuple[str, str], list[Demand]] = field(default_factory=dict)

    def post(self, fact: str, origin: str, demand: Demand) -> None:
        """Remember a demand of a task that every run has; branches may exclude one another."""
        if origin and demand.place.certain:
            self.demands.setdefault((fact, origin), []).append(demand)

    def findings(self) -> Iterator[Finding]:
        """Yield the demands that are at odds with an earlier one."""
        for (fact, origin), demands in self.demands.items():
            first = demands[0]
            others = [demand for demand in demands if demand.value != first.value]
            if fact == "present":
                for absent in self.demands.get(("absent", origin), []):
                    both = [demand for demand in demands if demand.value == absent.value]
                    yield from (_both(absent, demand) for demand in both)
            elif fact != "absent" and others:
                yield _at_odds(fact, first, others[0])


def finding(rule: str, message: str, remedy: str, path: Path, default: str = "") -> Finding:
    """Return an error; a warning where it rests on the default of a parameter of the pipeline."""
    if not default:
        return Finding(rule, "error", message, remedy, path)
    remedy += f" A run that gives `{default}` another value may fit: make it a required parameter."
    return Finding(rule, "warning", message, remedy, path)


def _at_odds(fact: str, first: Demand, second: Demand) -> Finding:
    default = first.default or second.default
    if fact == "kind":
        rows, scored = (first, second) if first.value == ROWS else (second, first)
        message = (
            f"`{scored.place.task}` needs predictions as `{scored.place.name}`, but gets rows of "
            f"the table that `{rows.place.task}` learns from, and no step between makes "
            f"predictions of them."
        )
        remedy = "Score the rows first: batch_predict(inputs=..., model=...)."
        return Finding("HF408", "warning", message, remedy, scored.place.path)
    message = (
        f"`{second.place.task}` needs the {fact} {second.value} in `{second.place.name}` "
        f"({second.why}), and `{first.place.task}` the {fact} {first.value} of the same "
        f"({first.why}). Both can't be."
    )
    rule = "HF404" if fact == "task" else "HF403"
    return finding(rule, message, f"Ask for one {fact}.", second.place.path, default)


def _both(absent: Demand, present: Demand) -> Finding:
    return finding(
        "HF409",
        f"`{absent.place.task}` takes no table with the column {absent.value!r} as "
        f"`{absent.place.name}`, and `{present.place.task}` reads it of the same table.",
        "Pass them different tables.",
        absent.place.path,
        absent.default or present.default,
    )
