"""Conditions of tasks, as far as they are known before a run.

kfp writes comparisons of parameters with constants, joined by && and ||, in Google's Common
Expression Language.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from holdfast.lint.table_contracts.values import Value

_PARAMETER = re.compile(r"inputs\.parameter_values\['([^']+)'\]")
_OPERATORS = {"&&": " and ", "||": " or ", "!": " not "}
# A text comes first: what is in it is no operator.
_OPERATOR = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|&&|\|\||!(?!=)")
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
}
_CONVERSIONS: dict[str, Callable[[Any], Any]] = {"int": int, "double": float, "string": str}
_MOST_LETTERS = 10_000


class _UnknownError(Exception):
    """A part of the condition is known at run time only, or is not of the plain kind."""


def holds(condition: str, parameters: Mapping[str, Value]) -> bool | None:
    """Tell whether a condition holds; None where only the run can tell."""
    if not condition:
        return True
    used = list(dict.fromkeys(_PARAMETER.findall(condition)))
    text = _PARAMETER.sub(lambda found: f"__{used.index(found[1])}", condition)
    text = _OPERATOR.sub(lambda found: _OPERATORS.get(found[0], found[0]), text).strip()
    if len(text) > _MOST_LETTERS:
        return None
    try:
        tree = ast.parse(text, mode="eval").body
        found = _evaluate(tree, [parameters.get(name, Value()) for name in used])
    except (
        _UnknownError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError,
        RecursionError, MemoryError,
    ):  # fmt: skip
        return None
    return bool(found)


def _evaluate(node: ast.expr, values: list[Value]) -> Any:
    match node:
        case ast.Constant() | ast.Name():
            return _single(node, values)
        case ast.Call(func=ast.Name(id=name), args=[one]) if name in _CONVERSIONS:
            return _CONVERSIONS[name](_evaluate(one, values))
        case ast.UnaryOp(op=op, operand=one) if type(op) in _SIGNS:
            return _SIGNS[type(op)](_evaluate(one, values))
        case ast.BoolOp(op=op, values=parts):
            return _joined(isinstance(op, ast.Or), parts, values)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return _COMPARISONS[type(op)](_evaluate(left, values), _evaluate(right, values))
    raise _UnknownError


def _single(node: ast.Constant | ast.Name, values: list[Value]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if node.id in ("true", "false"):
        return node.id == "true"
    value = values[int(node.id[2:])] if node.id.startswith("__") else Value()
    if not value.known:
        raise _UnknownError
    return value.value


def _joined(decides: bool, parts: list[ast.expr], values: list[Value]) -> bool:
    """Return what && or || of the parts is: one part may decide though another is not known."""
    unknown = False
    for part in parts:
        try:
            if bool(_evaluate(part, values)) is decides:
                return decides
        except _UnknownError:
            unknown = True
    if unknown:
        raise _UnknownError
    return not decides
