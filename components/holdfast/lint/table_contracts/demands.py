"""What inputs must be, held against what they are."""

from collections.abc import Iterator
from typing import Any

from holdfast.lint.findings import Finding
from holdfast.lint.table_contracts.board import (
    PREDICTION,
    PREDICTIONS,
    ROWS,
    Board,
    Demand,
    Place,
    finding,
)
from holdfast.lint.table_contracts.facts import Columns, Facts, Inputs, matches, told
from holdfast.lint.table_contracts.grammar import Needs, entries, words
from holdfast.lint.table_contracts.values import Value, short
from holdfast.lint.table_contracts.words import fits, task_of

_SHOWN = 12


def look(needs: Needs, facts: Facts, inputs: Inputs, place: Place, board: Board) -> list[Finding]:
    """Return what can't fit of an input."""
    found = [
        *_target(needs, facts, inputs, place, board),
        *_task(needs, facts, inputs, place, board),
        *_like(needs, facts, inputs, place, board),
        *_word("role", "HF407", needs.role, facts, inputs, place),
        *_word("kind", "HF408", needs.kind, facts, inputs, place),
        *_columns(needs, facts.columns, facts.maker, inputs, place, board),
        *_without(needs, facts.columns, facts.maker, inputs, place, board),
    ]
    if needs.kind == PREDICTIONS and not facts.kind.known:
        board.post("kind", facts.kind.origin, Demand(PREDICTIONS, place, "predictions"))
    return found


def _target(
    needs: Needs, facts: Facts, inputs: Inputs, place: Place, board: Board
) -> Iterator[Finding]:
    if needs.target is None or needs.target is False:
        return
    if not facts.kind.known:
        board.post("kind", facts.kind.origin, Demand(ROWS, place, "rows to learn from"))
    if facts.target.known and facts.target.value is False:
        yield finding(
            "HF402",
            f"`{place.task}` needs a table with a target as `{place.name}`. That of "
            f"`{facts.maker}` has {told(facts.target)}.",
            "Name the column to be predicted where the table is made, as "
            "ingest_table(uri=..., target=COLUMN).",
            place.path,
            facts.target.default,
        )
        return
    if needs.target is not True:
        wanted = inputs.value(needs.target, "target")
        if wanted.known and isinstance(wanted.value, str) and wanted.value:
            yield from _same("target", "HF403", wanted, facts, place, board)


def _task(
    needs: Needs, facts: Facts, inputs: Inputs, place: Place, board: Board
) -> Iterator[Finding]:
    for word in words(needs.task):
        value = inputs.value(word, "task")
        told_by = [task_of(member) for member in value.members if task_of(member)]
        if value.known and told_by:
            wanted = Value(True, told_by[0], value.default, "", value.why)
            yield from _same("task", "HF404", wanted, facts, place, board)


def _like(
    needs: Needs, facts: Facts, inputs: Inputs, place: Place, board: Board
) -> Iterator[Finding]:
    other = inputs.artifacts.get(needs.like)
    if other is None:
        return
    for fact, rule in (("target", "HF403"), ("task", "HF404")):
        wanted: Value = getattr(other, fact)
        has: Value = getattr(facts, fact)
        if wanted.known and wanted.value:
            why = f"as `{needs.like}` has it: {wanted.why}"
            wanted = Value(True, wanted.value, wanted.default, "", why)
            yield from _same(fact, rule, wanted, facts, place, board)
        elif has.known and has.value:
            why = f"as `{place.name}` has it: {has.why}"
            demand = Demand(str(has.value), place, why, has.default)
            board.post(fact, wanted.origin, demand)


def _same(
    fact: str, rule: str, wanted: Value, facts: Facts, place: Place, board: Board
) -> Iterator[Finding]:
    """Yield a finding where a fact is known and another; remember the demand where it is not."""
    found: Value = getattr(facts, fact)
    if not found.known:
        demand = Demand(str(wanted.value), place, wanted.why, wanted.default)
        board.post(fact, found.origin, demand)
    elif found.value and found.value != wanted.value:
        yield finding(
            rule,
            f"`{place.task}` needs the {fact} {wanted.value} in `{place.name}` ({wanted.why}). "
            f"That of `{facts.maker}` has {told(found)}.",
            f"Make both with the same {fact}.",
            place.path,
            wanted.default or found.default,
        )


def _word(
    fact: str, rule: str, word: str | None, facts: Facts, inputs: Inputs, place: Place
) -> Iterator[Finding]:
    found: Value = getattr(facts, fact)
    if word is None or not found.known or not found.value:
        return
    refused = word.startswith("not ")
    wanted = inputs.value(word.removeprefix("not ").strip(), fact)
    if not wanted.known or not wanted.value or (found.value == wanted.value) is not refused:
        return
    asked = {
        "role": f"takes no {wanted.value}" if refused else f"needs the share {wanted.value}",
        "kind": f"{'takes no' if refused else 'needs'} rows of the kind {wanted.value}",
    }
    remedies = {
        "role": "Pass another share of the split; a locked holdout is for the last judgement.",
        "kind": "Pass the output of a step that makes such rows; batch_predict makes predictions.",
    }
    yield finding(
        rule,
        f"`{place.task}` {asked[fact]} as `{place.name}`. That of `{facts.maker}` is "
        f"{told(found)}.",
        remedies[fact],
        place.path,
        wanted.default or found.default,
    )


def _columns(
    needs: Needs, columns: Columns, maker: str, inputs: Inputs, place: Place, board: Board
) -> Iterator[Finding]:
    wanted = list(_named(needs.columns, inputs))
    if needs.kind == PREDICTIONS:
        wanted.append((PREDICTION, "", Value(why="of any table of predictions")))
    for name, kind, value in wanted:
        default = columns.default or value.default
        has = columns.types.get(name, "")
        if not columns.may_hold(name):
            known = list(columns.most or ())
            shown = short(known[:_SHOWN]) + (" and more" if len(known) > _SHOWN else "")
            yield finding(
                "HF405",
                f"`{place.task}` reads the column {name!r} of `{place.name}` ({value.why}). That "
                f"of `{maker}` has {shown}" + (f" ({columns.why})." if columns.why else "."),
                "Keep the column where the table is made, or name another.",
                place.path,
                default,
            )
        elif not fits(has, kind):
            yield finding(
                "HF406",
                f"`{place.task}` needs a {kind} as the column {name!r} of `{place.name}` "
                f"({value.why}). That of `{maker}` is a {has}.",
                "Give the column another type where the table is made, or name another.",
                place.path,
                default,
            )
        elif columns.most is None and name not in columns.least and "," not in name:
            demand = Demand(name, place, value.why, value.default)
            board.post("present", columns.origin, demand)


def _without(
    needs: Needs, columns: Columns, maker: str, inputs: Inputs, place: Place, board: Board
) -> Iterator[Finding]:
    for name, _, value in _named(needs.without, inputs):
        if matches(name, columns.least):
            yield finding(
                "HF409",
                f"`{place.task}` takes no table with the column {name!r} as `{place.name}`. That "
                f"of `{maker}` has it.",
                "Leave the column out, or rename it.",
                place.path,
                columns.default or value.default,
            )
        else:
            board.post("absent", columns.origin, Demand(name, place, value.why, value.default))


def _named(names: Any, inputs: Inputs) -> Iterator[tuple[str, str, Value]]:
    """Yield the columns that are meant, their types, and where each comes from."""
    written = [name for name, _ in entries(names)]
    for word, (value, kind) in zip(written, inputs.names(names), strict=True):
        if word.endswith(".target") and not isinstance(value.value, str):
            continue
        for member in value.members if value.known else ():
            if isinstance(member, str):
                yield member, kind, value
