"""The sizes in UBJSON, in which XGBoost keeps its trees: its own reader believes them.

A count beyond the end makes XGBoost 3.2 read memory that is not its own, and end the process. The
types are those that it writes (https://ubjson.org/type-reference).
"""

MOST_LEVELS = 100
# Bytes of a value by the letter of its type.
_SIZES = {"i": 1, "U": 1, "I": 2, "l": 4, "L": 8, "d": 4, "D": 8, "C": 1, "T": 0, "F": 0, "Z": 0}


def require_whole(data: bytes) -> None:
    """Refuse a document that says it holds more than there is.

    Raises:
        ValueError: It does, or it is no UBJSON of one object.
    """
    end = _value(data, 0, 0)
    if end != len(data):
        raise ValueError(f"trees of {end} bytes in {len(data)}")


def _value(data: bytes, at: int, level: int) -> int:
    """Return where the value that begins at `at` ends."""
    if level > MOST_LEVELS:
        raise ValueError("trees of too many levels")
    kind = _letter(data, at)
    if kind == "{":
        return _object(data, at + 1, level)
    if kind == "[":
        return _array(data, at + 1, level)
    if kind == "S":
        return _text(data, at + 1)
    if kind not in _SIZES:
        raise ValueError(f"trees with a value of the type {kind!r}")
    return _within(data, at + 1 + _SIZES[kind])


def _object(data: bytes, at: int, level: int) -> int:
    while _letter(data, at) != "}":
        at = _value(data, _text(data, at), level + 1)
    return at + 1


def _array(data: bytes, at: int, level: int) -> int:
    if _letter(data, at) == "$":
        kind = _letter(data, at + 1)
        if _letter(data, at + 2) != "#" or not _SIZES.get(kind):
            raise ValueError(f"trees with an array of the type {kind!r}")
        count, at = _count(data, at + 3)
        return _within(data, at + count * _SIZES[kind])
    if _letter(data, at) == "#":
        count, at = _count(data, at + 1)
        for _ in range(count):
            at = _value(data, at, level + 1)
        return at
    while _letter(data, at) != "]":
        at = _value(data, at, level + 1)
    return at + 1


def _text(data: bytes, at: int) -> int:
    length, at = _count(data, at)
    return _within(data, at + length)


def _count(data: bytes, at: int) -> tuple[int, int]:
    if _letter(data, at) != "L":
        raise ValueError("trees with a count that is no 64-bit number")
    end = _within(data, at + 9)
    count = int.from_bytes(data[at + 1 : end], "big", signed=True)
    if count < 0:
        raise ValueError(f"trees with a count of {count}")
    return count, end


def _letter(data: bytes, at: int) -> str:
    _within(data, at + 1)
    return chr(data[at])


def _within(data: bytes, end: int) -> int:
    if end > len(data):
        raise ValueError(f"trees that end at {end} of {len(data)} bytes")
    return end
