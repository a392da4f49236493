"""What all property tests share: how many examples there are, and tables of any legal content.

The same examples each time; HOLDFAST_EXAMPLES=1000 asks for more, and for other ones.
"""

import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

WANTED = int(os.environ.get("HOLDFAST_EXAMPLES", "0"))
settings.register_profile(
    "holdfast",
    derandomize=not WANTED,
    deadline=None,
    max_examples=WANTED or 25,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("holdfast")

# Arrow's text is UTF-8, which has no halves of surrogate pairs.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = TEXT.filter(bool)
WHOLE = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(width=64)
MODEST = st.floats(-1e6, 1e6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXT
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@contextmanager
def folder() -> Iterator[Path]:
    """Yield an empty folder: a fixture's would be the same for all examples."""
    with tempfile.TemporaryDirectory(prefix="holdfast-") as path:
        yield Path(path)


@st.composite
def columns(draw: Any, rows: int | None = None, most: int = 40) -> dict[str, Any]:
    """Draw the columns of a table: numbers, booleans, text and times, with missing values."""
    import pyarrow as pa

    count = draw(st.integers(0, most)) if rows is None else rows
    kinds = [
        (pa.int64(), WHOLE), (pa.float64(), FLOATS), (pa.bool_(), st.booleans()),
        (pa.string(), TEXT), (pa.date32(), st.dates()),
        (pa.timestamp("us"), st.datetimes()),
    ]  # fmt: skip
    found = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=5, unique=True)):
        kind, values = draw(st.sampled_from(kinds))
        drawn = draw(st.lists(st.none() | values, min_size=count, max_size=count))
        found[name] = pa.array(drawn, kind)
    return found


def same(left: Any, right: Any) -> bool:
    """Tell whether two values are the same, of which NaN is one."""
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right
