"""The records of a ledger: read from the registry, and what follows from them.

See `holdfast.registry.ledger` for how they come about.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from holdfast.errors import InputError
from holdfast.reading import read_json

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

ENDING = ".champions"
CHAMPION = "champion"
KEY_LETTERS = 500
Kind = Literal["promotion", "rollback"]


@dataclass(frozen=True)
class Record:
    """One record: `version` took the place of `previous` (0: of none).

    `state` is claimed until the alias has moved, then done; lost for whoever came second, or broke
    off before. `after` is the last record that its writer knew of.
    """

    number: int
    kind: Kind
    version: int
    previous: int
    reason: str
    evidence: dict[str, Any]
    state: str
    time: str
    claim: str
    after: int
    alias: str


def check_key(key: str) -> None:
    """Refuse a key that is too long for what older servers keep of a tag."""
    if len(key) > KEY_LETTERS:
        raise InputError(
            f"`key` must have at most {KEY_LETTERS} letters. Found: {len(key):,}. Pass a shorter "
            f"one, such as the run's id."
        )


def read_ledger(client: "MlflowClient", name: str, alias: str | None = None) -> list[Record]:
    """Return the records of a model, or of one of its aliases, oldest first.

    Raises:
        InputError: Something else is among them.
    """
    found = client.search_model_versions(f"name = '{name}{ENDING}'", max_results=10_000)
    records = sorted((_record(version) for version in found), key=lambda record: record.number)
    return [record for record in records if alias in (None, record.alias)]


def first_claims(records: Iterable[Record]) -> list[Record]:
    """Return the records of an alias that came first, oldest first.

    One whose writer did not know of the last of these came second.
    """
    first: list[Record] = []
    for record in records:
        if not first or first[-1].number <= record.after:
            first.append(record)
    return first


def succession(records: Iterable[Record]) -> list[int]:
    """Return the champions of an alias one after the other, those that were taken back left out.

    The last one is the champion by the records; 0 stands for a time without any. An alias that was
    moved by hand is known from where the next record found it.
    """
    line: list[int] = []
    for record in records:
        if record.state != "done":
            continue
        line = up_to(line, record.previous)
        if record.kind == "rollback":
            line = up_to(line[:-1], record.version)
        elif line[-1] != record.version:
            line.append(record.version)
    return line


def up_to(line: list[int], champion: int) -> list[int]:
    """Return a succession that ends with a champion: cut off after it, or with it at the end."""
    if champion not in line or not champion:
        return [*line, champion]
    return line[: len(line) - line[::-1].index(champion)]


def _record(version: "ModelVersion") -> Record:
    tags, number = version.tags, int(version.version)
    try:
        return Record(
            number=number,
            kind=tags["kind"],
            version=int(tags["version"]),
            previous=int(tags["previous"]),
            reason=tags["reason"],
            evidence=dict(read_json(tags["evidence"])),
            state=tags["state"],
            time=tags["time"],
            # Older records have no claim, no alias, and do not say what was before them.
            claim=tags.get("claim", ""),
            after=int(tags.get("after", number - 1)),
            alias=tags.get("alias", CHAMPION),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"Each version of {version.name!r} must be a record that promote_model or "
            f"roll_back_model wrote. Found: version {number} with a bad or missing tag "
            f"({error}). Delete that version in MLflow."
        ) from error
