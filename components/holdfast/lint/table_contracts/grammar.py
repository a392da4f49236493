"""The contracts as they are written; the package's docstring gives the grammar."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator

from holdfast.documents import Document, read_document
from holdfast.errors import InputError
from holdfast.lint.findings import Finding, Path
from holdfast.lint.table_contracts.words import TYPES, type_of

_FORM = re.compile(r"(?:^|(?<=\s))(Gives|Needs):\s*(?=\{)")
_WORD = re.compile(r"\$([A-Za-z_][A-Za-z0-9_-]*)(?:\.(target|task|role|kind))?")


def _known_types(names: Any) -> Any:
    wrong = sorted({kind for _, kind in entries(names) if kind and not type_of(kind)})
    if wrong:
        raise ValueError(f"a type is one of {list(TYPES)}, not {wrong[0]!r}")
    return names


Names = Annotated[
    str | list[str | dict[str, str]] | dict[str, str] | None, AfterValidator(_known_types)
]
Words = str | list[str] | None


class _Facts(Document):
    like: str = ""
    target: str | bool | None = None
    task: Words = None
    role: str | None = None
    kind: str | None = None
    columns: Names = None


class Gives(_Facts):
    """What an output is."""

    keeps: Names = None
    adds: Names = None
    types: str | dict[str, str] | None = None


class Needs(_Facts):
    """What an input must be."""

    without: Names = None


@dataclass(frozen=True)
class Contracts:
    """The contracts of a component by artifact, and what is wrong with those that can't be read."""

    needs: Mapping[str, Needs] = field(default_factory=dict)
    gives: Mapping[str, Gives] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


Kind = TypeVar("Kind", Gives, Needs)


def entries(names: Any) -> list[tuple[str, str]]:
    """Return names with their types, empty where none is given."""
    if names is None:
        return []
    if isinstance(names, str):
        return [(names, "")]
    if isinstance(names, Mapping):
        return list(names.items())
    return [pair for name in names for pair in entries(name)]


def words(value: Any) -> list[str]:
    """Return a word, or a list of them, as a list."""
    return [value] if isinstance(value, str) else list(value or ())


def reference(word: Any) -> tuple[str, str] | None:
    """Return the input that `$NAME` or `$NAME.FACT` stands for, and the fact; None for a text."""
    found = _WORD.fullmatch(word) if isinstance(word, str) else None
    return (found[1], found[2] or "") if found else None


def read_contracts(
    component: Mapping[str, Any],
    described: Mapping[tuple[str, str], str],
    name: str,
    path: Path,
) -> Contracts:
    """Read what a component declares.

    Args:
        component: Its spec.
        described: The descriptions of its artifacts, by `inputDefinitions` or `outputDefinitions`
            and name.
        name: What to call it.
        path: Where it is in the document.
    """
    findings: list[Finding] = []

    def side(definitions: str, kind: type[Kind]) -> dict[str, Kind]:
        found = {}
        for (where, artifact), text in described.items():
            if where != definitions:
                continue
            try:
                contract = _read(text, kind)
                if contract is not None:
                    _require_inputs(contract, component)
                    found[artifact] = contract
            except InputError as error:
                findings.append(
                    Finding(
                        "HF401",
                        "error",
                        f"The contract of `{artifact}` of {name} can't be read: {error}",
                        "Correct it in the description of the artifact; the grammar is in "
                        "holdfast/lint/table_contracts/__init__.py.",
                        (*path, definitions, "artifacts", artifact),
                    )
                )
        return found

    needs, gives = side("inputDefinitions", Needs), side("outputDefinitions", Gives)
    return Contracts(needs, gives, tuple(findings))


def text_and_contract(description: str, kind: type[Kind]) -> tuple[str, Kind | None]:
    """Return a description without its contract, and the contract; None if it can't be read."""
    found = _FORM.search(description)
    if found is None:
        return description, None
    try:
        return description[: found.start()], _read(description, kind)
    except InputError:
        return description, None


def _read(description: str, kind: type[Kind]) -> Kind | None:
    forms = list(_FORM.finditer(description))
    if not forms:
        return None
    wanted = kind.__name__
    text = description[forms[0].end() :].strip().removesuffix(".").rstrip()
    if len(forms) > 1:
        raise InputError("there must be one, at the end. Found: several.")
    if forms[0][1] != wanted:
        side = "an output" if wanted == "Gives" else "an input"
        raise InputError(f"{side} has `{wanted}`. Found: `{forms[0][1]}`.")
    if not text.endswith("}"):
        raise InputError(f"nothing may follow it. Found: {text[-40:]!r}.")
    return read_document(text, kind, wanted)


def _require_inputs(contract: Gives | Needs, component: Mapping[str, Any]) -> None:
    """Refuse a name that is no input."""
    inputs = component.get("inputDefinitions", {})
    artifacts, parameters = inputs.get("artifacts", {}), inputs.get("parameters", {})
    if contract.like and contract.like not in artifacts:
        raise InputError(f"`like` must name an artifact of {sorted(artifacts)}.")
    for word in _all_words(contract):
        if not word.startswith("$"):
            continue
        found = reference(word)
        known = artifacts if found and found[1] else {**artifacts, **parameters}
        if found is None or found[0] not in known:
            raise InputError(f"{word!r} must stand for one of the inputs {sorted(known)}.")


def _all_words(contract: Gives | Needs) -> list[str]:
    said = contract.model_dump()
    columns = [said.get(key) for key in ("columns", "keeps", "adds", "without")]
    plain = [said.get(key) for key in ("target", "role", "kind", "types")]
    return [
        *(name for names in columns for name, _ in entries(names)),
        *words(said["task"]),
        *(word for word in plain if isinstance(word, str)),
    ]
