"""Go one champion back."""

from typing import TYPE_CHECKING

from holdfast.errors import InputError
from holdfast.registry.ledger import Move, carry_out, settled_records
from holdfast.registry.record_page import report
from holdfast.registry.records import Record, check_key, succession, up_to
from holdfast.tracking import (
    check_alias,
    check_name,
    registered_model,
    tracking,
    version_of_alias,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["report", "roll_back"]


def roll_back(
    model_name: str, reason: str, expected_champion: int, alias: str, key: str = ""
) -> Record:
    """Move the champion's alias to the champion before, and record why.

    What was done for a key, or last for a champion that was expected, is not done again: its record
    is returned. Versions that were deleted are passed over.

    Raises:
        GateError: Somebody else moved the alias first.
        InputError: There is no such model, or no champion before this one.
        MachineError: MLflow does not answer.
    """
    check_name("model_name", model_name)
    check_alias("alias", alias)
    if not reason.strip():
        raise InputError("`reason` must say why. Found: nothing. Whoever looks later will ask.")
    check_key(key)
    with tracking() as client:
        registered_model(client, model_name)
        records = settled_records(client, model_name, alias)
        current = version_of_alias(client, model_name, alias)
        done = _done(records, current, expected_champion, key)
        if done:
            return done
        expected = current if expected_champion < 0 else expected_champion
        before = up_to(succession(records), expected)[:-1]
        version = _last_there(client, model_name, before, expected)
        if not version:
            raise InputError(
                f"`model_name` {model_name!r} must have had a champion before this one. Found: "
                f"none before {f'version {expected}' if expected else 'now'} that is still in the "
                f"registry. Promote another version instead."
            )
        move = Move(model_name, alias, "rollback", version, expected, reason, {"key": key})
        return carry_out(client, move, records)


def _done(records: list[Record], current: int, expected: int, key: str) -> Record | None:
    """Return the rollback that an earlier call made."""
    done = [record for record in records if record.state == "done"]
    keyed = [r for r in done if key and r.kind == "rollback" and r.evidence.get("key") == key]
    last = done[-1:]
    if last and (last[0].kind, last[0].previous, last[0].version) == (
        "rollback",
        expected,
        current,
    ):
        keyed += last
    return keyed[-1] if keyed else None


def _last_there(client: "MlflowClient", name: str, line: list[int], current: int) -> int:
    """Return the last version of a succession that was not deleted, nor is champion; 0 for none."""
    found = client.search_model_versions(f"name = '{name}'", max_results=10_000)
    there = {int(version.version) for version in found} - {current}
    return next((version for version in reversed(line) if version in there), 0)
