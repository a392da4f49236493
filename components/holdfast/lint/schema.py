"""A document against KFP's messages: each mistake with its place, and without the value.

`json_format.ParseDict` says whether a document is valid, but stops at the first mistake, names it
by words, and quotes the value, which may be a secret.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

from holdfast.lint.findings import Path

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor


def without(document: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """Return a copy of a document without what is at the paths."""
    copy = deepcopy(dict(document))
    for path in paths:
        place: Any = copy
        for key in path[:-1]:
            place = place[key]
        place.pop(path[-1], None)
    return copy


class Mistake(NamedTuple):
    """A place that is not as the message has it; `expected` is empty for an unknown field."""

    path: Path
    expected: str


# By protobuf's numbers of the types: int32, int64, double, bool, string.
SCALARS = {
    1: "a whole number of 32 bits",
    2: "a whole number of 64 bits",
    5: "a number",
    6: "a number",
    7: "true or false",
    9: "text, in quotes if it looks like something else",
}
DURATION = re.compile(r"-?\d+(\.\d+)?s")


def mistakes(value: object, message: "Descriptor", path: Path = ()) -> Iterator[Mistake]:
    """Yield what is wrong in a value that should be a message in protobuf's JSON form."""
    known = {
        "google.protobuf.Struct": _struct,
        "google.protobuf.Value": _value,
        "google.protobuf.Duration": _duration,
    }
    if message.full_name in known:
        yield from known[message.full_name](value, path)
    elif not isinstance(value, Mapping):
        yield Mistake(path, "a mapping")
    else:
        yield from _fields(value, message, path)


def _fields(value: Mapping[Any, Any], message: "Descriptor", path: Path) -> Iterator[Mistake]:
    fields = {field.name: field for field in message.fields}
    fields |= {field.json_name: field for field in message.fields}
    choices: dict[str, str] = {}
    for key, below in value.items():
        place = (*path, str(key))
        if not isinstance(key, str):
            yield Mistake(place, "a key that is text, in quotes")
        elif key not in fields:
            yield Mistake(place, "")
        elif below is not None:
            yield from _field(below, fields[key], place)
            choice = fields[key].containing_oneof
            if choice and choices.setdefault(choice.name, key) != key:
                yield Mistake(place, f"absent where there is `{choices[choice.name]}`")


def _field(value: object, field: "FieldDescriptor", path: Path) -> Iterator[Mistake]:
    if field.message_type and field.message_type.GetOptions().map_entry:
        if not isinstance(value, Mapping):
            yield Mistake(path, "a mapping")
            return
        of = field.message_type.fields_by_name["value"]
        for key, below in value.items():
            if not isinstance(key, str):
                yield Mistake((*path, str(key)), "a name that is text, in quotes")
            yield from _one(below, of, (*path, str(key)))
    elif field.is_repeated:
        if not isinstance(value, list):
            yield Mistake(path, "a list")
            return
        for index, below in enumerate(value):
            yield from _one(below, field, (*path, index))
    else:
        yield from _one(value, field, path)


def _one(value: object, field: "FieldDescriptor", path: Path) -> Iterator[Mistake]:
    if field.message_type:
        yield from mistakes(value, field.message_type, path)
    elif field.enum_type:
        choices = field.enum_type.values
        known = {name for choice in choices for name in (choice.name, choice.number)}
        if not isinstance(value, str | int) or value not in known:
            yield Mistake(path, f"one of {', '.join(choice.name for choice in choices)}")
    elif not _is_scalar(value, field):
        yield Mistake(path, SCALARS.get(field.cpp_type, "a number"))


def _is_scalar(value: object, field: "FieldDescriptor") -> bool:
    if field.cpp_type == field.CPPTYPE_STRING:
        return isinstance(value, str)
    if field.cpp_type == field.CPPTYPE_BOOL:
        return isinstance(value, bool)
    if field.cpp_type in (field.CPPTYPE_INT32, field.CPPTYPE_INT64):
        return _is_whole(value, 32 if field.cpp_type == field.CPPTYPE_INT32 else 64)
    return _is_number(value)


def _is_number(value: object) -> bool:
    try:
        return (
            not isinstance(value, bool)
            and isinstance(value, int | float | str)
            and (math.isfinite(float(value)))
        )
    except (ValueError, OverflowError):
        return False


def _is_whole(value: object, bits: int) -> bool:
    if not _is_number(value) or not isinstance(value, int | float | str):
        return False
    number = float(value)
    return number == int(number) and abs(number) < 2.0 ** (bits - 1)


def _struct(value: object, path: Path) -> Iterator[Mistake]:
    if isinstance(value, Mapping):
        yield from _value(value, path)
    else:
        yield Mistake(path, "a mapping")


def _value(value: object, path: Path) -> Iterator[Mistake]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            if not isinstance(key, str):
                yield Mistake((*path, str(key)), "a key that is text, in quotes")
            yield from _value(below, (*path, str(key)))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _value(below, (*path, index))
    elif not (value is None or isinstance(value, str | bool) or _is_number(value)):
        yield Mistake(path, "what JSON can hold: text in quotes for a date, no infinity")


def _duration(value: object, path: Path) -> Iterator[Mistake]:
    if not (isinstance(value, str) and DURATION.fullmatch(value)):
        yield Mistake(path, "a duration in seconds, such as 30s")
