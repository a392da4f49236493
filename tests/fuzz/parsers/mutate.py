"""Change a document, not its bytes: what is still JSON or YAML reaches what is behind."""

import json
import random
from typing import Any

HOSTILE = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**64), 10**30, 10**400, 0.5, -0.0, 1e308,
    float("nan"), float("inf"), "", " ", "x", "x" * 500, "../../etc/passwd", "/etc/passwd", "..",
    "a/b", "\0", "\ud800", "\N{RIGHT-TO-LEFT OVERRIDE}", "<script>", "2026-13-45", "9999-12-31",
    "0001-01-01", "1e400", "[", "$x", "%s", "{0.__class__}", [], [[]], {}, {"": None}, [None],
    {"__class__": "x"}, [0] * 50,
)  # fmt: skip


def mutated(data: bytes, most: int, seed: int) -> bytes | None:
    """Return a document with one to three of its values changed; None for what is no document."""
    # YAML alone is written as JSON, which is YAML.
    document = _read(data)
    if not isinstance(document, dict | list):
        return None
    chance = random.Random(seed)
    holder = [document]
    for _ in range(chance.randint(1, 3)):
        _change(holder, chance)
    try:
        found = json.dumps(holder[0], ensure_ascii=chance.random() < 0.5, default=str)
        written = found.encode("utf-8", "surrogatepass")
    except (ValueError, TypeError, RecursionError):
        return None
    return written if len(written) <= most else None


def _read(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        pass
    try:
        import yaml

        return yaml.safe_load(data)
    except Exception:  # noqa: BLE001  # bytes are mutated instead
        return None


def _change(holder: Any, chance: random.Random) -> None:
    """Walk to some value, and put another one in its place, twice, or nowhere."""
    place: Any = holder
    key: Any = 0
    while isinstance(place[key], dict | list) and place[key] and chance.random() < 0.85:
        place = place[key]
        key = (
            chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
        )
    what = chance.random()
    if what < 0.15 and len(place) > 1:
        del place[key]
    elif what < 0.3:
        other = chance.choice(HOSTILE)
        if isinstance(place, dict):
            place[str(other) if chance.random() < 0.5 else f"{key}x"] = place[key]
        elif place is not holder:
            place.append(place[key])
    else:
        place[key] = chance.choice(HOSTILE)
