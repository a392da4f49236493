"""What is known of a table or a model before a run."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from holdfast.lint.table_contracts.grammar import Gives, entries, reference, words
from holdfast.lint.table_contracts.values import Value, short
from holdfast.lint.table_contracts.words import task_of, type_of


@dataclass(frozen=True)
class Columns:
    """The columns of a table.

    Attributes:
        most: Names and patterns outside of which there is no column; None where that is not known.
        least: Names that are there.
        types: Types of columns, where they are known.
        default: The parameter of the pipeline on whose default this rests.
        origin: Of columns that are not known: two of the same origin are the same.
        why: Where it comes from.
    """

    most: tuple[str, ...] | None = None
    least: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    default: str = ""
    origin: str = ""
    why: str = ""

    def trusted(self, defaults: bool) -> "Columns":
        """Return the columns, unknown if they rest on a default and these do not count."""
        if defaults or not self.default:
            return self
        return Columns(origin=self.origin)

    def may_hold(self, name: str) -> bool:
        """Tell whether there may be a column of this name, or ones of these joined by commas."""
        if self.most is None or matches(name, self.most):
            return True
        parts = [part.strip() for part in name.split(",")]
        return len(parts) > 1 and all(matches(part, self.most) for part in parts)


_UNKNOWN = Value()
_UNKNOWN_COLUMNS = Columns()


@dataclass(frozen=True)
class Facts:
    """What a table or a model is; `maker` is the task that made it, for people."""

    maker: str
    target: Value = _UNKNOWN
    task: Value = _UNKNOWN
    role: Value = _UNKNOWN
    kind: Value = _UNKNOWN
    columns: Columns = _UNKNOWN_COLUMNS


@dataclass(frozen=True)
class Inputs:
    """What a task is given: its name, its parameters and its artifacts."""

    task: str
    parameters: Mapping[str, Value]
    artifacts: Mapping[str, Facts]

    def value(self, word: Any, fact: str) -> Value:
        """Return what a word of a contract stands for, as this fact."""
        named = reference(word)
        if named is None:
            return Value(True, word, why=f"`{self.task}` says so in its contract")
        name, other = named
        if name in self.parameters:
            return self.parameters[name]
        artifact = self.artifacts.get(name)
        found = getattr(artifact, other or fact, None) if artifact else None
        return found if isinstance(found, Value) else Value()

    def names(self, names: Any) -> list[tuple[Value, str]]:
        """Return what the names of a contract stand for, and the types given beside them."""
        return [(self.value(name, ""), type_of(kind)) for name, kind in entries(names)]


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Tell whether a name is one of these, where a * stands for any letters."""
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL)
        for pattern in patterns
    )


def unknown(origin: str, maker: str) -> Facts:
    """Return an artifact of which nothing is known, but that it is itself."""
    target, task, role, kind = (
        Value(origin=f"{origin}:{fact}") for fact in ("target", "task", "role", "kind")
    )
    return Facts(maker, target, task, role, kind, Columns(origin=origin))


def given(contract: Gives | None, inputs: Inputs, origin: str) -> Facts:
    """Return what an output is, by its contract."""
    base = unknown(origin, inputs.task)
    if contract is None:
        return base
    if contract.like:
        base = inputs.artifacts.get(contract.like, base)
    changes: dict[str, Any] = {}
    if contract.target is not None:
        changes["target"] = _target(inputs.value(contract.target, "target"), origin)
    if contract.task is not None:
        changes["task"] = _task([inputs.value(w, "task") for w in words(contract.task)], origin)
    for fact in ("role", "kind"):
        word = getattr(contract, fact)
        if word is not None:
            changes[fact] = inputs.value(word, fact)
    facts = replace(base, **changes)
    own = contract.columns is not None or contract.keeps is not None or contract.adds is not None
    maker = inputs.task if own or changes or not contract.like else base.maker
    columns = _columns(contract, facts, inputs, origin)
    return replace(facts, maker=maker, columns=columns)


def merged(several: list[Facts], origin: str) -> Facts:
    """Return what is the same of artifacts of which one will be there, or that go on together."""
    first, *others = several
    if all(other == first for other in others):
        return first
    result = unknown(origin, first.maker)
    same: dict[str, Any] = {
        fact: getattr(first, fact)
        for fact in ("target", "task", "role", "kind")
        if all(_alike(getattr(first, fact), getattr(other, fact)) for other in others)
    }
    return replace(result, **same)


def _alike(first: Value, second: Value) -> bool:
    if first.known != second.known or first.default != second.default:
        return False
    return first.value == second.value if first.known else first.origin == second.origin != ""


def _target(value: Value, origin: str) -> Value:
    if value.known and value.value in ("", None):
        return replace(value, value=False)
    if value.known and (value.value is False or isinstance(value.value, str)):
        return value
    return Value(origin=value.origin or f"{origin}:target")


def _task(values: list[Value], origin: str) -> Value:
    """Return the task that the first of the values tells."""
    for value in values:
        told = [task_of(member) for member in value.members if task_of(member)]
        if value.known and told:
            return replace(value, value=told[0])
    origins = [value.origin for value in values if value.origin]
    return Value(origin=origins[0] if origins else f"{origin}:task")


def _columns(contract: Gives, facts: Facts, inputs: Inputs, origin: str) -> Columns:
    columns = facts.columns
    if contract.columns is not None:
        columns = _stated(inputs.names(contract.columns), origin)
    if contract.keeps is not None:
        columns = _kept(columns, inputs.names(contract.keeps), facts.target, origin)
    if contract.adds is not None:
        columns = _added(columns, inputs.names(contract.adds), origin)
    if contract.types is not None:
        columns = _typed(columns, contract.types, inputs)
    return columns


def _stated(names: list[tuple[Value, str]], origin: str) -> Columns:
    found = _listed(names)
    known = all(value.known for value, _ in names) and bool(found)
    plain = [value for value, _ in names if value.known]
    types = {name: kind for name, kind in found if kind}
    return Columns(
        tuple(name for name, _ in found) if known else None,
        tuple(name for name, _ in found if "*" not in name),
        types,
        _default(plain),
        origin,
        next((value.why for value in plain if value.members), ""),
    )


def _kept(columns: Columns, names: list[tuple[Value, str]], target: Value, origin: str) -> Columns:
    """Return the columns that go along; an empty list is of all."""
    found = [name for name, _ in _listed(names)]
    if not all(value.known for value, _ in names):
        return replace(columns, least=(), origin=origin)
    if not found:
        return columns
    kept = [*found, target.value] if isinstance(target.value, str) else found
    why = next((value.why for value, _ in names if value.members), "")
    default = columns.default or target.default or _default([value for value, _ in names])
    # Without knowing the target, one more column may be there.
    most = tuple(kept) if target.known else None
    return Columns(most, tuple(found), columns.types, default, origin, why)


def _added(columns: Columns, names: list[tuple[Value, str]], origin: str) -> Columns:
    found = [name for name, _ in _listed(names)]
    known = columns.most is not None and all(value.known for value, _ in names)
    return replace(
        columns,
        most=(*(columns.most or ()), *found) if known else None,
        least=(*columns.least, *(name for name in found if "*" not in name)),
        default=columns.default or _default([value for value, _ in names]),
        origin=origin,
    )


def _typed(columns: Columns, types: Any, inputs: Inputs) -> Columns:
    value = inputs.value(types, "") if isinstance(types, str) else Value(True, types)
    if not value.known or not isinstance(value.value, Mapping):
        return columns
    told = {str(name): type_of(kind) for name, kind in value.value.items() if type_of(kind)}
    if not told:
        return columns
    return replace(
        columns, types={**columns.types, **told}, default=columns.default or value.default
    )


def _listed(names: list[tuple[Value, str]]) -> list[tuple[str, str]]:
    return [
        (member, kind)
        for value, kind in names
        if value.known
        for member in value.members
        if isinstance(member, str)
    ]


def _default(values: Iterable[Value]) -> str:
    return next((value.default for value in values if value.default and value.members), "")


def told(value: Value) -> str:
    """Return a fact and where it comes from, in words."""
    text = "none" if value.value is False else short(value.value)
    return f"{text} ({value.why})" if value.why else text
