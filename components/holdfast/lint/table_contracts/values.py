"""What is known of values before a run."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")
_SELECTOR = re.compile(r"parseJson\(string_value\)\[[\"']([^\"']+)[\"']\]")
_SHOWN = 80


@dataclass(frozen=True)
class Value:
    """A value, or that it is not known.

    Attributes:
        known: Whether it is.
        value: The value, where it is known.
        default: The parameter of the pipeline on whose default it rests, which a run may replace.
        origin: Of a value that is not known: two of the same origin are the same.
        why: Where it comes from, for people.
    """

    known: bool = False
    value: Any = None
    default: str = ""
    origin: str = ""
    why: str = ""

    def trusted(self, defaults: bool) -> "Value":
        """Return the value, unknown if it rests on a default and these do not count."""
        if defaults or not self.default:
            return self
        return Value(origin=f"parameter {self.default}")

    @property
    def members(self) -> list[Any]:
        """The members of a list, the keys of a mapping, or the value; empty ones left out."""
        value = self.value
        found = list(value) if isinstance(value, list | tuple | Mapping) else [value]
        return [one for one in found if one not in (None, "")]


def short(value: Any) -> str:
    """Return a value as a short text."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def resolve(
    inputs: Mapping[str, Any],
    definitions: Mapping[str, Any],
    outside: Mapping[str, Value],
    task: str,
    scope: str,
) -> dict[str, Value]:
    """Return the parameters of a task by name.

    Args:
        inputs: The task's `inputs.parameters`.
        definitions: The parameters that its component declares.
        outside: The parameters of the DAG that the task is in.
        task: Its name, for people.
        scope: What tells the DAG from others.
    """
    found = {
        name: _passed(entry, outside, scope)
        for name, entry in inputs.items()
        if "runtimeValue" not in entry
    }
    for name, entry in inputs.items():
        if name not in found:
            # A constant may name parameters beside it. Older files write it in another way.
            given = entry["runtimeValue"]
            known = "constant" in given
            found[name] = _filled(given["constant"], found, outside) if known else Value()
    for name, definition in definitions.items():
        if name not in found:
            absent = "defaultValue" not in definition and not definition.get("isOptional")
            found[name] = Value() if absent else Value(True, definition.get("defaultValue"))
    return {
        name: _told(_typed(value, definitions.get(name, {})), name, task)
        for name, value in found.items()
    }


def _passed(entry: Mapping[str, Any], outside: Mapping[str, Value], scope: str) -> Value:
    if "componentInputParameter" in entry:
        value = outside.get(entry["componentInputParameter"], Value())
    else:
        source = entry.get("taskOutputParameter", {})
        task, key = source.get("producerTask", ""), source.get("outputParameterKey", "")
        value = Value(origin=f"{scope}{task}.{key}") if task else Value()
    return _selected(value, entry.get("parameterExpressionSelector", ""))


def item_of(value: Value, item: Any, name: str, task: str) -> Value:
    """Return an item of a list that is looped over."""
    return _told(replace(value, known=True, value=item), name, task)


def _told(value: Value, name: str, task: str) -> Value:
    if not value.known:
        return value
    rests = f", the default of the pipeline's `{value.default}`" if value.default else ""
    return replace(value, why=f"`{name}` of `{task}` is {short(value.value)}{rests}")


def _selected(value: Value, selector: str) -> Value:
    if not selector:
        return value
    found = _SELECTOR.fullmatch(selector)
    if value.known and found and isinstance(value.value, Mapping) and found[1] in value.value:
        return replace(value, value=value.value[found[1]])
    return Value(origin=f"{value.origin} {selector}" if value.origin else "")


def _filled(constant: Any, own: Mapping[str, Value], outside: Mapping[str, Value]) -> Value:
    """Return a constant with the parameters that it names in it."""
    if isinstance(constant, str):
        return _text(constant, own, outside)
    if isinstance(constant, list | tuple):
        parts = [_filled(part, own, outside) for part in constant]
        default = next((part.default for part in parts if part.default), "")
        if not all(part.known for part in parts):
            return Value()
        return Value(True, [part.value for part in parts], default)
    if isinstance(constant, Mapping):
        values = _filled(list(constant.values()), own, outside)
        keys = _filled(list(constant), own, outside)
        if not (values.known and keys.known):
            return Value()
        pairs = dict(zip(map(str, keys.value), values.value, strict=True))
        return Value(True, pairs, values.default or keys.default)
    return Value(True, constant)


def _text(text: str, own: Mapping[str, Value], outside: Mapping[str, Value]) -> Value:
    def named(found: re.Match[str]) -> Value:
        return own.get(found[1], outside.get(found[1], Value()))

    whole = _PLACEHOLDER.fullmatch(text)
    if whole:
        return named(whole)
    parts = [named(found) for found in _PLACEHOLDER.finditer(text)]
    default = next((part.default for part in parts if part.default), "")
    if not all(part.known and isinstance(part.value, str) for part in parts):
        return Value()
    filled = _PLACEHOLDER.sub(lambda found: str(named(found).value), text)
    # What is left stands for something of the run, such as its name.
    return Value() if "{{$" in filled else Value(True, filled, default)


def _typed(value: Value, definition: Mapping[str, Any]) -> Value:
    """Return a list or a mapping that was given as text as what it is."""
    wanted = {"LIST": list, "STRUCT": dict}.get(str(definition.get("parameterType")))
    if not value.known or wanted is None or not isinstance(value.value, str):
        return value
    try:
        read = json.loads(value.value)
    except (ValueError, RecursionError):
        return Value()
    return replace(value, value=read) if isinstance(read, wanted) else Value()
