"""Parameters of a run, checked against what the pipeline's version says it takes."""

from collections.abc import Mapping
from typing import Any

from holdfast.errors import InputError

# KFP's types, and how a value of each is written.
WORDS = {
    "STRING": "a text",
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": "a list",
    "STRUCT": "a mapping",
}


def checked(spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as the pipeline takes them.

    Args:
        spec: The pipeline's IR, alone or beside its platform's.
        given: Values by name. KFP passes whole numbers on as floats: 5.0 is a whole number here.

    Raises:
        InputError: One is unknown, missing or of another type.
    """
    pipeline = spec.get("pipeline_spec", spec)
    inputs = pipeline.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    unknown = sorted(set(given) - set(inputs))
    if unknown:
        raise InputError(
            f"`parameters` must be out of those of the pipeline. Expected: {_signature(inputs)}. "
            f"Found: {unknown[:10]}, which it does not have. Correct the names, or the version."
        )
    missing = sorted(name for name in inputs if name not in given and not _optional(inputs[name]))
    if missing:
        raise InputError(
            f"`parameters` must hold all that the pipeline has no default for. Expected: "
            f"{_signature(inputs)}. Found: no {missing}. Add them."
        )
    values = {name: whole(value) for name, value in given.items()}
    for name, value in values.items():
        kind = inputs[name].get("parameterType", "")
        if not _fits(kind, value):
            raise InputError(
                f"`parameters` must be of the pipeline's types: {name} is {WORDS.get(kind, kind)}. "
                f"Found: {str(value)[:50]!r} of type {type(value).__name__}. Pass it as "
                f"{WORDS.get(kind, kind)}."
            )
    return values


def whole(value: Any) -> Any:
    """Return a value in which a whole float is an int, as JSON knows no difference."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [whole(inner) for inner in value]
    return value


def _optional(definition: Mapping[str, Any]) -> bool:
    return "defaultValue" in definition or bool(definition.get("isOptional"))


def _fits(kind: str, value: Any) -> bool:
    kinds: dict[str, tuple[type, ...]] = {
        "STRING": (str,),
        "NUMBER_INTEGER": (int,),
        "NUMBER_DOUBLE": (int, float),
        "BOOLEAN": (bool,),
        "LIST": (list,),
        "STRUCT": (dict,),
    }
    if isinstance(value, bool) and kind != "BOOLEAN":
        return False
    return isinstance(value, kinds.get(kind, ()))


def _signature(inputs: Mapping[str, Any]) -> str:
    """Return the names with their types; those that must be given come first."""
    ordered = sorted(inputs, key=lambda name: (_optional(inputs[name]), name))
    shown = [f"{n}: {WORDS.get(inputs[n].get('parameterType', ''), '?')}" for n in ordered[:30]]
    return ", ".join(shown) or "none"
