"""What users of a compiled file hold on to: its name, its inputs and its outputs."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.diff.changes import Change
from holdfast.diff.table_contracts import compare_contracts

Entry = Mapping[str, Any]

_TYPES = {
    "STRING": "str",
    "NUMBER_INTEGER": "int",
    "NUMBER_DOUBLE": "float",
    "BOOLEAN": "bool",
    "LIST": "list",
    "STRUCT": "dict",
}
# KFP lets any artifact be passed to it.
_ANY = "system.Artifact"
_SHOWN = 60


def compare_interfaces(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the changes of what is outside of a pipeline or a component.

    Args:
        old: The older pipeline spec.
        new: The newer one.
    """
    before, after = (spec.get("pipelineInfo", {}) for spec in (old, new))
    if before.get("name") != after.get("name"):
        text = f"renamed from {before.get('name')!r} to {after.get('name')!r}"
        yield Change("breaking", "name", text)
    if before.get("description") != after.get("description"):
        yield Change("cosmetic", "description", "reworded")
    yield from _compare_inputs(*(_entries(spec, "inputDefinitions") for spec in (old, new)))
    yield from _compare_outputs(*(_entries(spec, "outputDefinitions") for spec in (old, new)))


def _entries(spec: Mapping[str, Any], side: str) -> dict[str, Entry]:
    """Return parameters and artifacts by name; kfp has no name in both."""
    found = spec.get("root", {}).get(side, {})
    return {**found.get("parameters", {}), **found.get("artifacts", {})}


def _compare_inputs(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> Iterator[Change]:
    renamed = _renamed(old, new)
    for name in sorted(old.keys() - new.keys()):
        text = f"renamed to {renamed[name]!r}" if name in renamed else "removed"
        yield Change("breaking", f"input {name}", text)
    for name in sorted(new.keys() - old.keys()):
        entry = new[name]
        if entry.get("isOptional"):
            text = f"new, {_kind(entry)}, optional{_default(entry)}"
            yield Change("compatible", f"input {name}", text)
        else:
            yield Change("breaking", f"input {name}", f"new, {_kind(entry)}, and required")
    for name in sorted(old.keys() & new.keys()):
        yield from _compare_input(f"input {name}", old[name], new[name])


def _compare_input(subject: str, old: Entry, new: Entry) -> Iterator[Change]:
    if _kind(old) != _kind(new):
        wider = _kind(new) == _ANY and "artifactType" in old
        text = f"type changed from {_kind(old)} to {_kind(new)}"
        yield Change("compatible" if wider else "breaking", subject, text)
    elif _schema(old) != _schema(new):
        text = f"artifact schema changed from {_schema(old)} to {_schema(new)}"
        yield Change("breaking", subject, text)
    if old.get("isOptional") and not new.get("isOptional"):
        yield Change("breaking", subject, "was optional and is required now")
    elif new.get("isOptional") and not old.get("isOptional"):
        text = f"was required and is optional now{_default(new)}"
        yield Change("compatible", subject, text)
    elif _value(old) != _value(new):
        text = f"changes behaviour: the default was {_value(old)} and is {_value(new)} now"
        yield Change("compatible", subject, text)
    yield from compare_contracts(subject, old, new, "Needs")


def _compare_outputs(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> Iterator[Change]:
    renamed = _renamed(old, new)
    for name in sorted(old.keys() - new.keys()):
        text = f"renamed to {renamed[name]!r}" if name in renamed else "removed"
        yield Change("breaking", f"output {name}", text)
    for name in sorted(new.keys() - old.keys()):
        yield Change("compatible", f"output {name}", f"new, {_kind(new[name])}")
    for name in sorted(old.keys() & new.keys()):
        before, after, subject = old[name], new[name], f"output {name}"
        if _kind(before) != _kind(after):
            text = f"type changed from {_kind(before)} to {_kind(after)}"
            yield Change("breaking", subject, text)
        elif _schema(before) != _schema(after):
            text = f"artifact schema changed from {_schema(before)} to {_schema(after)}"
            yield Change("breaking", subject, text)
        yield from compare_contracts(subject, before, after, "Gives")


def _renamed(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> dict[str, str]:
    """Return which missing names came back under another: the same in all, and described."""
    found = {}
    for name in old.keys() - new.keys():
        same = [other for other in new.keys() - old.keys() if new[other] == old[name]]
        if len(same) == 1 and old[name].get("description"):
            found[name] = same[0]
    return found


def _kind(entry: Entry) -> str:
    if "artifactType" in entry:
        kind = entry["artifactType"]
        title = str(kind.get("schemaTitle") or kind.get("instanceSchema") or "an artifact")
        return f"list of {title}" if entry.get("isArtifactList") else title
    found = str(entry.get("parameterType", ""))
    return _TYPES.get(found, found)


def _schema(entry: Entry) -> str:
    return str(entry.get("artifactType", {}).get("schemaVersion", ""))


def _default(entry: Entry) -> str:
    return f", {_value(entry)} by default" if "defaultValue" in entry else ""


def _value(entry: Entry) -> str:
    if "defaultValue" not in entry:
        return "none"
    text = json.dumps(_plain(entry["defaultValue"]), sort_keys=True)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _plain(value: Any) -> Any:
    """Return a whole number without a fraction: kfp writes all numbers with one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
