"""JSON and YAML that others wrote: read within bounds, and all that is wrong is a ValueError."""

import json
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

# What people and programs write has about 10.
MOST_LEVELS = 100
# What aliases stand for counts as often as they are used.
MOST_LETTERS = 32 * 2**20
# A float ends at 309; what is longer can hardly be shown or compared.
MOST_DIGITS = 400
# What Python, numpy and skops raise where a file is not as it was written: a length or a type that
# lies, a member that is missing, cut off, encrypted or larger than the memory.
UNREADABLE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError,
    EOFError, MemoryError, ImportError, struct.error, zlib.error, zipfile.BadZipFile,
)  # fmt: skip
_LONG_NUMBER = re.compile(rf"[-+0-9a-fA-FxX_:.]{{{MOST_DIGITS},}}")


def read_json(text: str | bytes) -> Any:
    """Return what JSON says.

    Raises:
        ValueError: It is no JSON, has too many levels, or holds a number of too many digits or
            half a character.
    """
    try:
        document = json.loads(text, parse_int=_whole)
        if "\\u" in text if isinstance(text, str) else b"\\u" in text:
            # Half of a surrogate pair can't be written again.
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("too many levels") from None
    return document


def read_yaml(text: str) -> Any:
    """Return what one document of plain YAML says, None for an empty text.

    MLflow's files may hold aliases; what they stand for is bounded.

    Raises:
        ValueError: It is no YAML, has too many levels or letters, or holds a tag such as !!int.
    """
    import yaml

    try:
        _require_bounded(yaml.parse(text, yaml.CSafeLoader))
        return yaml.load(text, yaml.CSafeLoader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def read_yaml_file(path: str | Path) -> dict[Any, Any]:
    """Return the mapping that a YAML file holds.

    Raises:
        ValueError: It holds something else.
        OSError: It can't be read.
    """
    document = read_yaml(Path(path).read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise ValueError(f"{Path(path).name} holds no mapping")
    return document


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _require_bounded(events: Any) -> None:
    """Count levels and letters; what is behind an alias counts each time."""
    import yaml

    sizes: dict[str, int] = {}
    # The anchor and the letters of each collection that is open; the first is the stream.
    opened: list[tuple[str | None, int]] = [(None, 0)]
    for event in events:
        anchor, size = getattr(event, "anchor", None), 0
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append((anchor, 1))
            anchor = None
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = opened.pop()
        elif isinstance(event, yaml.AliasEvent):
            # One that is open still would hold itself.
            size = sizes.get(str(anchor), MOST_LETTERS + 1)
            anchor = None
        elif isinstance(event, yaml.ScalarEvent):
            size = 1 + len(event.value)
        _require_plain(event)
        sizes |= {anchor: size} if anchor else {}
        opened[-1] = opened[-1][0], opened[-1][1] + size
        if len(opened) > MOST_LEVELS or opened[-1][1] > MOST_LETTERS:
            raise ValueError(f"more than {MOST_LEVELS} levels or {MOST_LETTERS:,} letters")


def _require_plain(event: Any) -> None:
    if getattr(event, "tag", None):
        # PyYAML's constructors fail at what a tag promises in ways of their own.
        raise ValueError(f"the tag {event.tag[:100]}")
    value = getattr(event, "value", "")
    if value and event.implicit[0] and _LONG_NUMBER.fullmatch(value):
        raise ValueError(f"a number of {len(value):,} digits")
