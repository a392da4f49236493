"""roll_back_model on a real MLflow store."""

import pytest

from holdfast.errors import GateError, InputError
from holdfast.registry.promote_model.logic import Promotion, promote
from holdfast.registry.records import Record, succession
from holdfast.registry.roll_back_model.logic import roll_back
from holdfast.verdict import Verdict

GOOD = Verdict("pass")


def champion(client):
    return client.get_model_version_by_alias("churn", "champion").version


def promote_all(*versions):
    for version in versions:
        promote(Promotion("churn", version=version), GOOD)


def test_a_rollback_goes_one_champion_back_each_time(versions):
    promote_all(1, 2, 3)
    assert roll_back("churn", "Complaints.", -1, "champion").version == 2
    assert champion(versions) == 2
    assert roll_back("churn", "More of them.", -1, "champion").version == 1
    assert champion(versions) == 1
    with pytest.raises(InputError, match="must have had a champion before this one"):
        roll_back("churn", "Still.", -1, "champion")


def test_a_promotion_after_a_rollback_is_rolled_back_to_what_was_before_it(versions):
    promote_all(1, 2)
    roll_back("churn", "Complaints.", -1, "champion")
    promote(Promotion("churn", version=3), GOOD)
    assert roll_back("churn", "Again.", -1, "champion").version == 1


def test_a_champion_that_was_set_by_hand_can_be_gone_back_to(versions):
    versions.set_registered_model_alias("churn", "champion", "1")
    promote(Promotion("churn", version=2), GOOD)
    assert roll_back("churn", "Complaints.", -1, "champion").version == 1


def test_what_was_rolled_back_for_a_window_is_not_rolled_back_for_it_again(versions):
    promote_all(1, 2, 3)
    first = roll_back("churn", "Complaints.", -1, "champion", "2026-11-20")
    assert roll_back("churn", "Complaints.", -1, "champion", "2026-11-20") == first
    assert champion(versions) == 2
    assert roll_back("churn", "More of them.", -1, "champion", "2026-11-21").version == 1


def test_a_rollback_needs_a_reason(versions):
    with pytest.raises(InputError, match="`reason` must say why"):
        roll_back("churn", " ", -1, "champion")


# What people do in MLflow's UI meanwhile.


def test_a_champion_that_was_set_by_hand_goes_back_to_the_last_one_of_the_ledger(versions):
    promote_all(1, 2)
    versions.set_registered_model_alias("churn", "champion", "3")
    record = roll_back("churn", "Complaints.", -1, "champion")
    assert (record.version, record.previous, champion(versions)) == (2, 3, 2)
    assert roll_back("churn", "Complaints.", -1, "champion").version == 1


def test_a_champion_that_was_gone_back_to_by_hand_does_not_go_forward(versions):
    promote_all(1, 2)
    versions.set_registered_model_alias("churn", "champion", "1")
    with pytest.raises(InputError, match="none before version 1"):
        roll_back("churn", "Complaints.", -1, "champion")
    assert champion(versions) == 1


def test_a_version_that_was_deleted_is_passed_over(versions):
    promote_all(1, 2, 3)
    versions.delete_model_version("churn", "2")
    assert roll_back("churn", "Complaints.", -1, "champion").version == 1
    assert champion(versions) == 1


def test_a_champion_that_was_deleted_is_gone_back_from(versions):
    promote_all(1, 2)
    versions.delete_model_version("churn", "2")
    record = roll_back("churn", "Complaints.", -1, "champion")
    assert (record.version, record.previous) == (1, 0)


def test_each_alias_has_champions_of_its_own(versions):
    promote_all(1, 2)
    promote(Promotion("churn", version=3, alias="canary"), GOOD)
    assert roll_back("churn", "Complaints.", -1, "champion").version == 1
    with pytest.raises(InputError, match="none before version 3"):
        roll_back("churn", "Complaints.", -1, "canary")


@pytest.mark.parametrize(("expected", "key"), [(-1, "run-1"), (3, "")])
def test_a_rollback_that_broke_off_after_the_alias_moved_is_not_done_twice(
    expected, key, versions, monkeypatch
):
    promote_all(1, 2, 3)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(type(versions), "set_model_version_tag", killed)
        roll_back("churn", "Complaints.", expected, "champion", key)
    monkeypatch.setattr("holdfast.registry.ledger.PATIENCE", 1)
    again = roll_back("churn", "Complaints.", expected, "champion", key)
    assert (again.version, again.state, champion(versions)) == (2, "done", 2)
    assert roll_back("churn", "More of them.", -1, "champion").version == 1


def killed(*arguments):
    raise KeyboardInterrupt


def test_who_judged_a_champion_of_yesterday_rolls_back_nothing(versions):
    promote_all(1, 2, 3)
    with pytest.raises(GateError, match=r"is 3\. The promotion of version 3 came first"):
        roll_back("churn", "Complaints.", 2, "champion")
    assert champion(versions) == 3


def test_a_key_that_no_tag_holds_is_refused(versions):
    with pytest.raises(InputError, match="`key` must have at most 500 letters"):
        roll_back("churn", "Complaints.", -1, "champion", "k" * 501)


def moved(kind, version, previous, state="done"):
    return Record(1, kind, version, previous, "", {}, state, "", "", 0, "champion")


def test_the_succession_leaves_out_what_was_taken_back_and_knows_what_was_done_by_hand():
    records = [moved("promotion", 1, 0), moved("promotion", 2, 1)]
    assert succession(records) == [0, 1, 2]
    assert succession([*records, moved("rollback", 1, 2)]) == [0, 1]
    assert succession([*records, moved("promotion", 3, 2, "lost")]) == [0, 1, 2]
    assert succession([*records, moved("promotion", 4, 3)]) == [0, 1, 2, 3, 4]
    assert succession([*records, moved("promotion", 4, 1)]) == [0, 1, 4]
    assert succession([*records, moved("promotion", 4, 0)]) == [0, 1, 2, 0, 4]
    assert succession([*records, moved("rollback", 2, 3)]) == [0, 1, 2]
    assert succession([*records, moved("promotion", 2, 2)]) == [0, 1, 2]
