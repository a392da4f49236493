"""What a request may hold: each column by name and kind, read into the table that a model reads.

Messages name columns, types and row numbers, never a value: they are logged.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from holdfast.model import Kind

# The types of the Open Inference protocol that a column may come as.
DATATYPES: Mapping[Kind, tuple[str, ...]] = {
    "numbers": (
        *("FP64", "FP32", "INT64", "INT32", "INT16", "INT8"),
        *("UINT64", "UINT32", "UINT16", "UINT8", "BOOL"),
    ),
    "text": ("BYTES",),
    "dates": ("BYTES",),
}
EXPECTED: Mapping[Kind, str] = {
    "numbers": "a finite number or a boolean",
    "text": "text",
    "dates": "a date or time as ISO 8601 text",
}
_JSON_TYPES = {dict: "object", list: "array", str: "text", bool: "boolean", type(None): "null"}
# How many names a message holds.
SHOWN = 5


class RequestError(Exception):
    """A request that is refused: `status` is HTTP's, `kind` a stable word for programs."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


def refuse(message: str, kind: str = "does_not_fit") -> RequestError:
    """Return the refusal of JSON that does not fit the signature."""
    return RequestError(422, kind, message)


@dataclass(frozen=True)
class Column:
    """A feature; `nullable` says whether the model answers rows in which it is missing."""

    name: str
    kind: Kind
    nullable: bool = True

    def array(self, values: Sequence[Any]) -> pa.Array:
        """Return the values of JSON as Arrow.

        Raises:
            RequestError: A value is not of the column's kind.
        """
        read, kind = _READERS[self.kind]
        row = 0
        try:
            found = []
            for row, value in enumerate(values):
                if value is None:
                    self._require_nullable(row)
                found.append(None if value is None else read(value))
        except (ValueError, TypeError, OverflowError):
            raise refuse(
                f"{self.name!r} must be {EXPECTED[self.kind]} in every row. Found: "
                f"{_told(values[row], self.kind)} in row {row}.",
                "wrong_type",
            ) from None
        return pa.array(found, kind)

    def _require_nullable(self, row: int) -> None:
        if not self.nullable:
            raise refuse(
                f"{self.name!r} must have a value in every row: this model does not answer "
                f"without it. Found: null in row {row}.",
                "missing_value",
            )


@dataclass(frozen=True)
class Signature:
    """The columns that a model reads, in its order, and how many rows a request may hold."""

    columns: tuple[Column, ...]
    max_rows: int

    @property
    def names(self) -> list[str]:
        """The names in order."""
        return [column.name for column in self.columns]

    def table(self, values: Mapping[str, Sequence[Any]]) -> pa.Table:
        """Return the values of each column as the table that a model reads.

        Raises:
            RequestError: A value is not of its column's kind.
        """
        return pa.table({column.name: column.array(values[column.name]) for column in self.columns})

    def check_rows(self, count: int) -> None:
        """Refuse a request without rows, or with too many.

        Raises:
            RequestError: With status 422 or 413.
        """
        if not count:
            raise refuse("A request must hold a row at least. Found: none.", "no_rows")
        if count > self.max_rows:
            raise RequestError(
                413,
                "too_many_rows",
                f"A request may hold {self.max_rows} rows. Found: {count}. Send them in parts.",
            )

    def check_names(self, found: Sequence[str], where: str) -> None:
        """Refuse names that are not those of the features, each once.

        Raises:
            RequestError: Features are missing, unknown or named twice.
        """
        known, given = set(self.names), set(found)
        lacking = [name for name in self.names if name not in given]
        unknown = [name for name in found if name not in known]
        if lacking or unknown:
            raise refuse(
                f"{where} must name the features of the model. Missing: {lacking[:SHOWN]}"
                f"{_more(lacking)}. Unknown: {len(unknown)}. The address /v2/models/NAME lists "
                f"them.",
                "wrong_features",
            )
        if len(found) > len(given):
            raise refuse(f"{where} must name each feature once.", "wrong_features")


def json_type(value: object) -> str:
    """Return what JSON calls the type of a value."""
    return _JSON_TYPES.get(type(value), "number")


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or not math.isfinite(number := float(value)):
        raise ValueError
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _date(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    # As feature_frame has it: in UTC, without the zone.
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


_READERS: Mapping[Kind, tuple[Callable[[Any], Any], pa.DataType]] = {
    "numbers": (_number, pa.float64()),
    "text": (_text, pa.string()),
    "dates": (_date, pa.timestamp("us")),
}


def _told(value: object, kind: Kind) -> str:
    found = json_type(value)
    if found == "number":
        return "a number" if kind != "numbers" else "a number that is not finite"
    return "other text" if found == "text" and kind == "dates" else found


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
