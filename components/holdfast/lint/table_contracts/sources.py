"""Descriptions of artifacts in the source that a component carries.

A pipeline that was made of components loaded from YAML has no descriptions: kfp leaves them out.
The source of a component in Python, with its docstring, is in the executor's command all the same.
"""

import ast
from collections.abc import Mapping
from typing import Any

MOST_LETTERS = 200_000
SIDES = ("inputDefinitions", "outputDefinitions")


def descriptions(
    component: Mapping[str, Any], executor: Mapping[str, Any]
) -> dict[tuple[str, str], str]:
    """Return the descriptions of a component's artifacts by side and name."""
    found = {
        (side, name): str(entry.get("description", ""))
        for side in SIDES
        for name, entry in component.get(side, {}).get("artifacts", {}).items()
    }
    if found and not any(found.values()):
        docstring = _docstring(executor.get("container", {}))
        for (side, name), text in _described(docstring).items():
            if (side, name) in found:
                found[side, name] = text
    return found


def _docstring(container: Mapping[str, Any]) -> str:
    """Return the docstring of the function that a container runs; empty if there is none."""
    words = [str(word) for word in container.get("args", [])]
    if "--function_to_execute" not in words[:-1]:
        return ""
    name = words[words.index("--function_to_execute") + 1]
    for source in map(str, container.get("command", [])):
        if f"def {name}(" not in source or len(source) > MOST_LETTERS:
            continue
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return ast.get_docstring(node) or ""
    return ""


def _described(docstring: str) -> dict[tuple[str, str], str]:
    # What kfp itself reads docstrings with, and in the same way: outputs as if they were arguments.
    import docstring_parser

    texts = {"inputDefinitions": docstring, "outputDefinitions": ""}
    if "Returns:\n" in docstring:
        texts["outputDefinitions"] = docstring.replace("Returns:", "Args:")
    found = {}
    for side, text in texts.items():
        try:
            parsed = docstring_parser.parse(text)
        except docstring_parser.ParseError:
            continue
        for param in parsed.params:
            found[side, param.arg_name] = param.description or ""
    return found
