"""Which column goes through which steps: what `features` says, and what it leaves to inference."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.model import Kind, kind_of
from holdfast.table import Table
from holdfast.training.fit_transformer.grammar import (
    Categorical,
    Dates,
    Entry,
    Features,
    Flag,
    Numeric,
    Part,
    Words,
)

# A fitted encoder is a dictionary of them: 0.2 ms each to save and load, 20 s in all.
MOST_LEVELS = 100_000
DATE_PARTS: list[Part] = ["year", "month", "day_of_month", "day_of_week", "day_of_year"]
DATE_FLAGS: list[Flag] = ["weekend", "month_end"]


@dataclass(frozen=True)
class Group:
    """Columns that go through the same steps; `inferred` where the YAML does not name them."""

    name: str
    entry: Entry
    inferred: bool = False

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return self.entry.columns

    def without(self, names: set[str]) -> "Group":
        """Return the group without some of its columns."""
        left = [column for column in self.columns if column not in names]
        return replace(self, entry=self.entry.model_copy(update={"columns": left}))


@dataclass(frozen=True)
class Plan:
    """Groups of columns, and why the others are not read."""

    groups: tuple[Group, ...]
    dropped: dict[str, str]
    seed: int


def make_plan(document: Features, train: Table, min_frequency: int) -> Plan:
    """Give each column of a table its steps; only its schema is read.

    Raises:
        InputError: A column is named twice, is not there, is the target or has another type than
            its steps read; or none is left.
    """
    _check_names(document, train)
    named = [_named(name, entry, min_frequency) for name, entry in _entries(document)]
    for group in named:
        _check_types(group, train.schema)
    taken = {column for group in named for column in group.columns}
    dropped = dict.fromkeys(document.drop, "dropped by `features`")
    rest = [name for name in train.features if name not in taken and name not in dropped]
    if document.rest == "drop":
        dropped |= dict.fromkeys(rest, "not named by `features`")
        rest = []
    strange = {name for name in rest if kind_of(train.schema.field(name).type) == "none"}
    for name in sorted(strange, key=rest.index):
        dropped[name] = f"{train.schema.field(name).type} is not read by this transformer"
    known = [name for name in rest if name not in strange]
    groups = (*_inferred(known, train.schema, min_frequency), *named)
    require_columns(groups, train)
    return Plan(groups, dropped, document.seed)


def require_columns(groups: tuple[Group, ...], train: Table) -> None:
    """Refuse a plan that reads nothing."""
    if not groups:
        raise InputError(
            f"`train` must have a column of numbers, booleans, text or dates besides its target "
            f"{train.target!r}, and `features` must leave one. Found: {train.schema.names[:30]}. "
            f"Add a feature at the source, or drop fewer."
        )


def _entries(document: Features) -> Iterator[tuple[str, Entry]]:
    sections: dict[str, list[Entry]] = {
        "numeric": [*document.numeric],
        "categorical": [*document.categorical],
        "datetime": [*document.datetime],
        "text": [*document.text],
    }
    for section, entries in sections.items():
        for number, entry in enumerate(entries, 1):
            yield f"{section}_{number}", entry


def _named(name: str, entry: Entry, min_frequency: int) -> Group:
    if isinstance(entry, Categorical) and entry.min_frequency is None and not entry.order:
        entry = entry.model_copy(update={"min_frequency": min_frequency})
    if isinstance(entry, Dates) and not (entry.parts or entry.cyclic or entry.flags):
        entry = entry.model_copy(update={"parts": [*DATE_PARTS, "hour"], "flags": DATE_FLAGS})
    return Group(name, entry)


def _inferred(names: list[str], schema: pa.Schema, min_frequency: int) -> Iterator[Group]:
    of_kind: dict[Kind, list[str]] = {"numbers": [], "text": [], "dates": []}
    for name in names:
        of_kind[kind_of(schema.field(name).type)].append(name)
    days = [name for name in of_kind["dates"] if pa.types.is_date(schema.field(name).type)]
    times = [name for name in of_kind["dates"] if name not in days]
    hours: list[Part] = [*DATE_PARTS, "hour"]
    inferred = (
        ("numeric", Numeric.model_construct(columns=of_kind["numbers"])),
        (
            "text",
            Categorical.model_construct(
                columns=of_kind["text"], encode="ordinal", min_frequency=min_frequency
            ),
        ),
        ("dates", Dates.model_construct(columns=days, parts=DATE_PARTS, flags=DATE_FLAGS)),
        ("times", Dates.model_construct(columns=times, parts=hours, flags=DATE_FLAGS)),
    )
    for name, entry in inferred:
        if entry.columns:
            yield Group(name, entry, inferred=True)


def _check_names(document: Features, train: Table) -> None:
    names = [*document.drop, *(name for _, entry in _entries(document) for name in entry.columns)]
    lacking = sorted({name for name in names if name not in train.schema.names})
    if lacking:
        raise InputError(
            f"`features` must name columns of `train`. Found: {lacking[:10]}, where `train` has "
            f"{train.schema.names[:30]}. Correct the names."
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(
            f"`features` must name each column once. Found: {twice[:10]} in two places. Join their "
            f"steps in one entry, or copy the column at the source."
        )
    if train.target in names:
        raise InputError(
            f"`features` must not name the target of `train`. Found: {train.target!r}. Take it out."
        )


def _check_types(group: Group, schema: pa.Schema) -> None:
    section = group.name.rpartition("_")[0]
    for name in group.columns:
        kind = schema.field(name).type
        if not _fits(group.entry, kind):
            raise InputError(
                f"`features` names {name!r} under {section}, which reads {_READS[section]}. "
                f"Found: {kind} in `train`. Move it to the section of its type, or change the type "
                f"at the source."
            )


_READS = {
    "numeric": "numbers and booleans",
    "categorical": "text, integers and booleans (with an order: text alone)",
    "datetime": "dates and timestamps",
    "text": "text",
}


def _fits(entry: Entry, kind: pa.DataType) -> bool:
    if isinstance(entry, Categorical) and not entry.order:
        whole = pa.types.is_integer(kind) or pa.types.is_boolean(kind)
        return bool(whole) or kind_of(kind) == "text"
    wanted: dict[type[Entry], Kind] = {
        Numeric: "numbers",
        Categorical: "text",
        Dates: "dates",
        Words: "text",
    }
    return kind_of(kind) == wanted[type(entry)]
