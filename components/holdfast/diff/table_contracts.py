"""Changes of table contracts: an input may not need more, an output may not give less."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from holdfast.diff.changes import Change, joined
from holdfast.lint.table_contracts.grammar import (
    Gives,
    Needs,
    entries,
    text_and_contract,
    words,
)

Side = Literal["Needs", "Gives"]
_COLUMNS = ("columns", "without", "adds", "keeps")


def compare_contracts(
    subject: str, old: Mapping[str, Any], new: Mapping[str, Any], side: Side
) -> Iterator[Change]:
    """Yield the changes of what is said of an input or an output, in words and by contract."""
    before, had = _read(old, side)
    after, has = _read(new, side)
    first, second = _demands(had), _demands(has)
    reworded = first == second and old.get("description", "") != new.get("description", "")
    if before.split() != after.split() or reworded:
        yield Change("cosmetic", subject, "described in other words")
    if had is None and has is not None:
        # What always held is written down.
        yield Change(
            "compatible", subject, f"a table contract is declared: {joined(sorted(second))}"
        )
        return
    more, less = sorted(second - first), sorted(first - second)
    verb = "needs" if side == "Needs" else "gives"
    if more:
        level: Literal["breaking", "compatible"] = "breaking" if verb == "needs" else "compatible"
        yield Change(level, subject, f"the table contract {verb} {joined(more)} now")
    if less:
        level = "compatible" if verb == "needs" else "breaking"
        yield Change(level, subject, f"the table contract no longer {verb} {joined(less)}")


def _read(entry: Mapping[str, Any], side: Side) -> tuple[str, Gives | Needs | None]:
    text = str(entry.get("description", ""))
    return text_and_contract(text, Needs) if side == "Needs" else text_and_contract(text, Gives)


def _demands(contract: Gives | Needs | None) -> set[str]:
    """Return what a contract says, each part by itself."""
    if contract is None:
        return set()
    said = contract.model_dump(exclude_none=True, exclude_defaults=True)
    found = set()
    for key, value in said.items():
        if key in _COLUMNS:
            typed = [f"{name}: {kind}" if kind else name for name, kind in entries(value)]
            found |= {f"{key} {name}" for name in typed}
        elif key == "task":
            found |= {f"{key} {word}" for word in words(value)}
        else:
            found.add(f"{key} {str(value).lower() if isinstance(value, bool) else value}")
    return found
