"""Who was champion when, and why: a ledger in the registry itself.

The ledger of model NAME is the registered model `NAME.champions`; each of its versions is one
record, which the MLflow UI shows with its tags. MLflow numbers versions one after the other and
gives a number once. That makes a compare-and-swap of what has none: whoever wants to move the alias
reads the last number, appends a record, and has won only if the record got the next number. A
record is known by its claim, a random name: an answer that is lost on the way makes the client ask
again, and leaves two records of one claim.
"""

import json
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from holdfast.errors import GateError, InputError
from holdfast.reading import read_json
from holdfast.registry.files import require_readable
from holdfast.registry.pausing import require_no_pause
from holdfast.tracking import (
    ensure_registered,
    get_version,
    logged_model_id,
    version_of_alias,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

ENDING = ".champions"
Kind = Literal["promotion", "rollback"]
# MLflow cuts longer tags.
TAG_LETTERS = 4000
# Seconds in which a claim is carried out, or never.
PATIENCE = 20


@dataclass(frozen=True)
class Record:
    """One line of the ledger: `version` took the place of `previous` (0: of none).

    `state` is done, or lost for whoever came second; claimed for one that broke off in between.
    """

    number: int
    kind: Kind
    version: int
    previous: int
    reason: str
    evidence: dict[str, Any]
    state: str
    time: str
    claim: str = ""


def read_ledger(client: "MlflowClient", name: str) -> list[Record]:
    """Return the records of a model, oldest first."""
    found = client.search_model_versions(f"name = '{name}{ENDING}'", max_results=10_000)
    return sorted((_record(version) for version in found), key=lambda record: record.number)


def champions(records: list[Record]) -> list[Record]:
    """Return the promotions that stand, the current champion's last: a rollback takes one off."""
    stack: list[Record] = []
    for record in records:
        if record.state == "done" and record.kind == "promotion":
            stack.append(record)
        elif record.state == "done" and stack:
            stack.pop()
    return stack


def standing(client: "MlflowClient", name: str, alias: str, version: int) -> Record | None:
    """Return the promotion that made a version the champion of now; None if there is none."""
    if version_of_alias(client, name, alias) != version:
        return None
    last = champions(_settled(client, name, alias))[-1:]
    return last[0] if last and last[0].version == version else None


def move(
    client: "MlflowClient",
    name: str,
    alias: str,
    kind: Kind,
    version: int,
    expected: int,
    reason: str,
    evidence: dict[str, Any],
) -> Record:
    """Move the alias to a version, if it still is where it was expected.

    Args:
        client: MLflow.
        name: The model's name in the registry.
        alias: The alias to move.
        kind: promotion or rollback.
        version: Where it goes.
        expected: The version that carries it now; 0 for none.
        reason: Why, for people.
        evidence: What it rests on, as JSON data.

    Raises:
        GateError: Somebody else moved it, or promotions are paused; the message says who, and why.
        InputError: There is no such version, or its files can't be read.
    """
    target = get_version(client, name, version)
    require_readable(client, name, version)
    if kind == "promotion":
        require_no_pause(client, name)
    records = _settled(client, name, alias)
    last = records[-1].number if records else 0
    current = version_of_alias(client, name, alias)
    if current != expected:
        raise _told(name, alias, expected, current, records)
    ensure_registered(client, name + ENDING)
    tags = {
        "kind": kind,
        "version": str(version),
        "previous": str(expected),
        "reason": reason[:TAG_LETTERS],
        "evidence": _evidence_tag(evidence),
        "state": "claimed",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "claim": uuid.uuid4().hex,
    }
    client.create_model_version(
        name + ENDING,
        source=target.source,
        tags=tags,
        # A server takes the source of a logged model from those only who name the model.
        model_id=logged_model_id(target),
    )
    new = [record for record in read_ledger(client, name) if record.number > last]
    ours = [record for record in new if record.claim == tags["claim"]]
    # Of an earlier try of this very claim, the first record counts.
    won = new[0].claim == tags["claim"]
    for record in ours[1:] if won else ours:
        client.set_model_version_tag(name + ENDING, str(record.number), "state", "lost")
    if not won:
        now = version_of_alias(client, name, alias)
        raise _told(name, alias, expected, now, [r for r in new if r not in ours])
    client.set_registered_model_alias(name, alias, str(version))
    client.set_model_version_tag(name + ENDING, str(ours[0].number), "state", "done")
    return _record(client.get_model_version(name + ENDING, str(ours[0].number)))


def _settled(client: "MlflowClient", name: str, alias: str) -> list[Record]:
    """Return the ledger once its last record is no longer being carried out.

    A step that died between claiming and moving is waited for, and then settled by where the alias
    is: nobody else moved it, or there would be a later record.
    """
    for _ in range(PATIENCE):
        records = read_ledger(client, name)
        if not records or records[-1].state != "claimed":
            return records
        time.sleep(1)
    last = records[-1]
    state = "done" if version_of_alias(client, name, alias) == last.version else "lost"
    client.set_model_version_tag(name + ENDING, str(last.number), "state", state)
    return read_ledger(client, name)


def _told(name: str, alias: str, expected: int, current: int, records: list[Record]) -> GateError:
    winners = [record for record in records if record.state in ("done", "claimed")]
    who = ""
    if winners:
        last = winners[-1]
        who = f" The {last.kind} of version {last.version} came first ({last.time}): {last.reason}"
    return GateError(
        f"{alias} of {name} was expected to be version {expected or 'none'}, and is "
        f"{current or 'none'}.{who} Compare with the new champion, then promote again."
    )


def _evidence_tag(evidence: dict[str, Any]) -> str:
    text = json.dumps(evidence, sort_keys=True)
    if len(text) > TAG_LETTERS:
        raise InputError(
            f"`evidence` must fit in a tag of {TAG_LETTERS} letters. Found: {len(text)}. Pass a "
            f"verdict with fewer reasons."
        )
    return text


def _record(version: Any) -> Record:
    tags = version.tags
    return Record(
        number=int(version.version),
        kind=tags["kind"],
        version=int(tags["version"]),
        previous=int(tags["previous"]),
        reason=tags["reason"],
        evidence=read_json(tags["evidence"]),
        state=tags["state"],
        time=tags["time"],
        # Records of before the claims have none.
        claim=tags.get("claim", ""),
    )
