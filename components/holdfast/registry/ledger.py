"""Move an alias by compare-and-swap: a ledger of who was champion when, in the registry itself.

The ledger of model NAME is the registered model `NAME.champions`; each of its versions is one
record, which the MLflow UI shows with its tags. MLflow numbers versions one after the other and
gives a number once. That makes a compare-and-swap of what has none: whoever wants to move the alias
reads the last number, appends a record that says it, and has won only if no other that came first
has a number in between. A record is known by its claim, a random name: an answer that is lost on
the way makes the client ask again, and leaves two records of one claim.
"""

import json
import time
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from holdfast.errors import GateError
from holdfast.registry.files import logged_model_of, require_readable
from holdfast.registry.pausing import require_no_pause
from holdfast.registry.record_page import sentence
from holdfast.registry.records import ENDING, Kind, Record, first_claims, read_ledger, succession
from holdfast.tracking import ensure_registered, get_version, version_of_alias

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

# Older servers cut longer tags.
TAG_LETTERS = 4000
# Seconds after which a claim that was not carried out is settled by others, and lost.
PATIENCE = 20


@dataclass(frozen=True)
class Move:
    """An alias that is to go from the `expected` version (0: from none) to another, and why.

    `evidence` is what it rests on, as JSON data of at most TAG_LETTERS letters.
    """

    name: str
    alias: str
    kind: Kind
    version: int
    expected: int
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)


def settled_records(client: "MlflowClient", name: str, alias: str) -> list[Record]:
    """Return the records of an alias once none is being carried out.

    A step that died between claiming and moving is waited for, and then settled by where the alias
    is: nobody else moved it, or there would be a later record that came first.
    """
    records = read_ledger(client, name, alias)
    for _ in range(PATIENCE):
        if not _claimed(records):
            return records
        time.sleep(1)
        records = read_ledger(client, name, alias)
    current, first = version_of_alias(client, name, alias), first_claims(records)
    for record in _claimed(records):
        moved = record in first and record.version == current
        _set_state(client, name, record, "done" if moved else "lost")
    return read_ledger(client, name, alias)


def standing_promotion(records: list[Record], current: int) -> Record | None:
    """Return the promotion that made the version of now champion; None if none did.

    Args:
        records: Those of the alias, settled.
        current: The version that carries it.
    """
    if succession(records)[-1:] != [current]:
        return None
    made = [r for r in records if (r.kind, r.state, r.version) == ("promotion", "done", current)]
    return made[-1] if made else None


def carry_out(client: "MlflowClient", move: Move, records: list[Record]) -> Record:
    """Move the alias, if it still is where it was expected, and return the record of it.

    A process that stands still for longer than PATIENCE right before its last call moves the alias
    all the same: MLflow has no call that would forbid it.

    Args:
        client: MLflow.
        move: Which alias goes where.
        records: Those of the alias, settled: what the move was decided by.

    Raises:
        GateError: Somebody else moved it, or promotions are paused; the message says who, and why.
        InputError: There is no such version, or its files are not all there.
        MachineError: MLflow or the artifact store does not answer.
    """
    target = get_version(client, move.name, move.version)
    require_readable(move.name, move.version)
    if move.kind == "promotion":
        require_no_pause(client, move.name)
    current = version_of_alias(client, move.name, move.alias)
    if current != move.expected:
        done = [r for r in read_ledger(client, move.name, move.alias) if r.state == "done"]
        raise _came_second(move, current, done[-1:])
    after = records[-1].number if records else 0
    claim = _claim(client, move, target, after)
    won = _won(client, move, claim, after)
    client.set_registered_model_alias(move.name, move.alias, str(move.version))
    _require_claimed(client, move, won)
    return _set_state(client, move.name, won, "done")


def _require_claimed(client: "MlflowClient", move: Move, won: Record) -> None:
    """Refuse to record as done what others settled as lost while this process stood still."""
    now = next(r for r in read_ledger(client, move.name, move.alias) if r.number == won.number)
    if now.state == "lost":
        raise GateError(
            f"{move.alias} of {move.name} was moved to version {move.version} too late: this step "
            f"stood still for more than {PATIENCE} s, and another one had settled its claim as "
            f"lost. Look at who is to be champion, and promote that version."
        )


def _won(client: "MlflowClient", move: Move, claim: str, after: int) -> Record:
    """Return the record of a claim if it came first."""
    records = read_ledger(client, move.name, move.alias)
    first = first_claims(records)
    ours = [record for record in records if record.claim == claim]
    # Not one that others took for broken off meanwhile, and settled.
    won = [record for record in ours if record in first and record.state == "claimed"]
    for record in ours:
        if record not in won:
            _set_state(client, move.name, record, "lost")
    if won:
        return won[0]
    others = [record for record in first if record.number > after and record not in ours]
    if ours and not others:
        raise GateError(
            f"{move.alias} of {move.name} is not moved: this step stood still for more than "
            f"{PATIENCE} s, and another one settled its claim as lost. Try again."
        )
    current = version_of_alias(client, move.name, move.alias)
    raise _came_second(move, others[0].version if others else current, others[:1])


def _claim(client: "MlflowClient", move: Move, target: "ModelVersion", after: int) -> str:
    """Append a record, and return the name of its claim."""
    ensure_registered(client, move.name + ENDING)
    tags = {
        "kind": move.kind,
        "alias": move.alias,
        "version": str(move.version),
        "previous": str(move.expected),
        "reason": move.reason[:TAG_LETTERS],
        "evidence": json.dumps(move.evidence, sort_keys=True),
        "state": "claimed",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "claim": uuid.uuid4().hex,
        "after": str(after),
    }
    client.create_model_version(
        move.name + ENDING,
        source=target.source,
        tags=tags,
        # A server takes some sources from those only who name the model or the run they are of.
        model_id=logged_model_of(target),
        run_id=target.run_id,
    )
    return tags["claim"]


def _claimed(records: list[Record]) -> list[Record]:
    return [record for record in records if record.state == "claimed"]


def _set_state(client: "MlflowClient", name: str, record: Record, state: str) -> Record:
    client.set_model_version_tag(name + ENDING, str(record.number), "state", state)
    return replace(record, state=state)


def _came_second(move: Move, current: int, last: list[Record]) -> GateError:
    """Say where the alias is now, and who moved it there, and why."""
    who = "No record says who moved it: by hand in MLflow, or by another program."
    if last and last[0].version == current:
        record = last[0]
        who = (
            f"The {record.kind} of version {record.version} came first ({record.time}): "
            f"{sentence(record.reason)}"
        )
    then = {
        "promotion": "Compare with the new champion, then promote again.",
        "rollback": "Look whether the new champion is to go too, then roll back again.",
    }
    return GateError(
        f"{move.alias} of {move.name} was expected to be version {move.expected or 'none'}, and is "
        f"{current or 'none'}. {who} {then[move.kind]}"
    )
