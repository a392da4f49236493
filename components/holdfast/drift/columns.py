"""Which columns of a table are judged, as what, and why the others are not."""

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from holdfast.errors import InputError
from holdfast.performance import columns as predictions
from holdfast.profiles.columns import NumberColumn, TextColumn

Role = Literal["feature", "prediction", "target"]
Kind = Literal["number", "category"]
# What batch_predict writes beside its answers: they say where these come from.
BOOKKEEPING = (
    predictions.MODEL_NAME,
    predictions.MODEL_VERSION,
    predictions.DATA_SHA256,
    predictions.PREDICTED_AT,
)
NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
TEXT = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_boolean,
    pa.types.is_null,
)
TIMES = (pa.types.is_date, pa.types.is_timestamp, pa.types.is_time, pa.types.is_duration)


@dataclass(frozen=True)
class Judged:
    """A column that is judged; a category may be text, booleans, or numbers that stand for one."""

    name: str
    role: Role
    kind: Kind
    type: str


@dataclass(frozen=True)
class Selection:
    """Which columns are wanted; no `columns` for all of them."""

    columns: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()


def choose(
    schema: pa.Schema, target: str, selection: Selection, name: str
) -> tuple[tuple[Judged, ...], dict[str, str]]:
    """Return the columns to be judged in the table's order, and why others are left out.

    Args:
        schema: Of the table; one of predictions says which columns are answers.
        target: The target column, empty where the table does not say.
        selection: What the user wants.
        name: The input's name, for error messages.

    Raises:
        InputError: A named column is not there or can't be judged, or none is left.
    """
    _require_present(schema, selection, name)
    answers, said = _answers(schema, name)
    left_out: dict[str, str] = {}
    judged = []
    for column in schema:
        reason = _reason(column, selection, bool(answers))
        if reason:
            left_out[column.name] = reason
            continue
        is_target = column.name in (target, said)
        role: Role = "target" if is_target else "feature"
        role = "prediction" if column.name in answers else role
        judged.append(Judged(column.name, role, _kind(column, selection), str(_plain(column.type))))
    unfit = [column for column in selection.columns if column in left_out]
    if unfit or not judged:
        why = (
            f"{unfit[0]!r}: {left_out[unfit[0]]}"
            if unfit
            else f"{dict(list(left_out.items())[:5])}"
        )
        raise InputError(
            f"`{name}` must have columns of numbers, booleans or text to be judged. Found: {why}. "
            f"Name other columns in `columns`, or ignore fewer."
        )
    return tuple(judged), left_out


def settled(judged: Judged, column: NumberColumn | TextColumn) -> Judged:
    """Return the column as what its values make it: one single number is a category.

    There is no distance in units of a deviation of 0, and every other value is a new one.
    """
    if judged.kind == "number" and isinstance(column, NumberColumn) and column.distinct <= 1:
        return Judged(judged.name, judged.role, "category", judged.type)
    return judged


def family(kind: str) -> str:
    """Return what a type of Arrow's is of: widths of numbers and codings of text do not matter.

    Whole numbers are read as fractions where one is missing, so that both are numbers.
    """
    if kind == "bool":
        return "booleans"
    if kind in ("string", "large_string", "string_view", "null"):
        return "text"
    numeric = kind.startswith(("int", "uint", "float", "double", "halffloat", "decimal"))
    return "numbers" if numeric else kind


def plain_type(column: pa.Field) -> str:
    """Return the name of a column's type; that of its values where they are coded."""
    return str(_plain(column.type))


def _answers(schema: pa.Schema, name: str) -> tuple[set[str], str]:
    """Return the answers' columns and the target's name; nothing where it is no such table."""
    if b"holdfast.predictions" not in (schema.metadata or {}):
        return set(), ""
    said = predictions.columns_of(schema, name)
    return {predictions.PREDICTION, *said.probabilities}, said.target


def _require_present(schema: pa.Schema, selection: Selection, name: str) -> None:
    for parameter, wanted in (
        ("columns", selection.columns),
        ("categorical", selection.categorical),
    ):
        lacking = [column for column in wanted if column not in schema.names]
        if lacking:
            raise InputError(
                f"`{parameter}` must name columns of `{name}`. Found: {lacking[:10]}, but it has "
                f"{schema.names[:20]}. Correct the names."
            )
    require_once(schema, name)


def require_once(schema: pa.Schema, name: str) -> None:
    """Refuse a table that has a column twice.

    Raises:
        InputError: It has.
    """
    doubled = [column for column, times in Counter(schema.names).items() if times > 1]
    if doubled:
        raise InputError(
            f"`{name}` must have each column once. Found: {doubled[:10]} more than once. Rename "
            f"them."
        )


def _reason(column: pa.Field, selection: Selection, of_predictions: bool) -> str:
    """Say why a column is not judged; nothing where it is."""
    if column.name in selection.ignored:
        return "it is ignored"
    if selection.columns and column.name not in selection.columns:
        return "it is not among the columns"
    if of_predictions and column.name in BOOKKEEPING:
        return "it says where the predictions come from"
    kind = _plain(column.type)
    if any(check(kind) for check in TIMES):
        return "time goes on by nature"
    if not any(check(kind) for check in (*NUMBERS, *TEXT)):
        return f"its type is {kind}"
    return ""


def _kind(column: pa.Field, selection: Selection) -> Kind:
    number = any(check(_plain(column.type)) for check in NUMBERS)
    return "number" if number and column.name not in selection.categorical else "category"


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
