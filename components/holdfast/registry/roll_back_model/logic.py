"""Go one champion back."""

from holdfast.errors import InputError
from holdfast.registry.ledger import Record, champions, move, read_ledger
from holdfast.registry.record_page import report
from holdfast.tracking import check_alias, check_name, tracking, version_of_alias

__all__ = ["report", "roll_back"]


def roll_back(
    model_name: str, reason: str, expected_champion: int, alias: str, key: str = ""
) -> Record:
    """Move the champion's alias to the champion before, and record why.

    What was done for a key is not done for it again: its record is returned.

    Raises:
        GateError: Somebody else moved the alias first.
        InputError: There is no champion before this one, or MLflow does not answer.
    """
    check_name("model_name", model_name)
    check_alias("alias", alias)
    if not reason.strip():
        raise InputError("`reason` must say why. Found: nothing. Whoever looks later will ask.")
    with tracking() as client:
        records = read_ledger(client, model_name)
        done = [r for r in records if (r.kind, r.state, _key(r)) == ("rollback", "done", key)]
        if key and done:
            return done[-1]
        standing = champions(records)
        before = standing[-1].previous if standing else 0
        if not before:
            raise InputError(
                f"`model_name` {model_name!r} must have had a champion before this one. Found: "
                f"{len(standing)} promotions that stand. Promote another version instead."
            )
        current = version_of_alias(client, model_name, alias)
        expected = current if expected_champion < 0 else expected_champion
        return move(client, model_name, alias, "rollback", before, expected, reason, {"key": key})


def _key(record: Record) -> str:
    return str(record.evidence.get("key", ""))
