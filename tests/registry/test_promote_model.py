"""promote_model on a real MLflow store."""

import subprocess
import sys

import pytest

from holdfast.errors import GateError, InputError
from holdfast.registry import ledger
from holdfast.registry.promote_model.logic import Promotion, promote, read_verdicts, replaced
from holdfast.registry.records import read_ledger
from holdfast.registry.roll_back_model.logic import roll_back
from holdfast.verdict import Reason, Verdict

BETTER = Verdict("pass", (Reason("better", "roc_auc", "0.91", "above 0.9", "It is better."),))
WORSE = Verdict("fail", (Reason("worse", "roc_auc", "0.8", "above 0.9", "It is worse."),))


def champion(client):
    return client.get_model_version_by_alias("churn", "champion").version


def test_the_challenger_becomes_champion_and_the_reason_is_recorded(versions):
    record = promote(Promotion("churn"), BETTER)
    assert champion(versions) == 3
    assert (record.version, record.previous, record.state) == (3, 0, "done")
    assert record.reason == "It is better."
    assert record.evidence == {
        "decision": "pass",
        "reasons": [
            {"code": "better", "subject": "roc_auc", "observed": "0.91", "expected": "above 0.9"}
        ],
        "left_out": 0,
    }
    assert read_ledger(versions, "churn") == [record]


def test_a_failed_verdict_promotes_nothing(versions):
    with pytest.raises(GateError, match=r"verdict is fail\. It is worse\."):
        promote(Promotion("churn"), WORSE)
    assert read_ledger(versions, "churn") == []


def test_who_compared_with_a_champion_of_yesterday_is_told_who_came_first(versions):
    promote(Promotion("churn", version=1), BETTER)
    promote(Promotion("churn", version=2, expected_champion=1, reason="Spring campaign."), BETTER)
    with pytest.raises(GateError) as told:
        promote(Promotion("churn", version=3, expected_champion=1), BETTER)
    assert "expected to be version 1, and is 2" in str(told.value)
    assert "promotion of version 2 came first" in str(told.value)
    assert "Spring campaign." in str(told.value)
    assert champion(versions) == 2


def test_of_many_promotions_at_once_exactly_one_wins(versions, tmp_path):
    program = (
        "import sys\n"
        "import mlflow\n"
        "from holdfast.errors import GateError\n"
        "from holdfast.registry.promote_model.logic import Promotion, promote\n"
        "from holdfast.verdict import Verdict\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "try:\n"
        "    promotion = Promotion('churn', int(sys.argv[1]), 0, f'by {sys.argv[1]}')\n"
        "    print('won', promote(promotion, Verdict('pass')).version)\n"
        "except GateError as error:\n"
        "    print('lost', error)\n"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(version)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for version in (1, 2, 3)
    ]  # fmt: skip
    for run in runs:
        run.stdout.readline()
    for run in runs:
        run.stdin.write("go\n")
        run.stdin.flush()
    said = [run.communicate()[0] for run in runs]
    won = [line for line in said if line.startswith("won")]
    lost = [line for line in said if line.startswith("lost")]
    assert (len(won), len(lost)) == (1, 2)
    winner = int(won[0].split()[1])
    assert champion(versions) == winner
    assert all(f"by {winner}" in line for line in lost)
    states = [record.state for record in read_ledger(versions, "churn")]
    assert states.count("done") == 1


def test_who_comes_between_looking_and_writing_wins(versions, monkeypatch):
    ensure = ledger.ensure_registered

    def come_between(client, name):
        monkeypatch.setattr(ledger, "ensure_registered", ensure)
        promote(Promotion("churn", version=2, expected_champion=0, reason="Faster."), BETTER)
        ensure(client, name)

    monkeypatch.setattr(ledger, "ensure_registered", come_between)
    with pytest.raises(GateError, match="Faster"):
        promote(Promotion("churn", version=1, expected_champion=0), BETTER)
    assert champion(versions) == 2
    assert [record.state for record in read_ledger(versions, "churn")] == ["done", "lost"]


def test_a_promotion_that_broke_off_is_settled_by_the_next(versions, monkeypatch):
    monkeypatch.setattr(ledger, "PATIENCE", 1)
    promote(Promotion("churn", version=1), BETTER)
    # A step that died after its claim: before it moved the alias, and after.
    for alias_moved, version in ((False, "2"), (True, "3")):
        tags = {
            "kind": "promotion",
            "version": version,
            "previous": "1",
            "reason": "died",
            "evidence": "{}",
            "state": "claimed",
            "time": "2026-11-21T12:00:00+00:00",
        }
        source = versions.get_model_version("churn", version).source
        made = versions.create_model_version("churn.champions", source, tags=tags)
        if alias_moved:
            versions.set_registered_model_alias("churn", "champion", version)
        promote(Promotion("churn", version=1), BETTER)
        settled = versions.get_model_version("churn.champions", made.version).tags["state"]
        assert settled == ("done" if alias_moved else "lost")
        assert champion(versions) == 1


@pytest.mark.parametrize("expected", [-1, 1])
def test_a_second_try_finds_the_promotion_of_the_first(versions, expected):
    promote(Promotion("churn", version=1), BETTER)
    first = promote(Promotion("churn", version=2, expected_champion=expected), BETTER)
    again = promote(
        Promotion("churn", version=2, expected_champion=expected, reason="Again."), BETTER
    )
    assert again == first
    assert len(read_ledger(versions, "churn")) == 2
    roll_back("churn", "It was worse.", -1, "champion")
    assert champion(versions) == 1


def test_what_was_champion_already_replaced_none_for_a_key(versions):
    promote(Promotion("churn", version=1), BETTER)
    for key, previous in (("run1", 1), ("run1", 1), ("run2", 0), ("", 1)):
        record = promote(Promotion("churn", version=2, key=key), BETTER)
        assert (record.previous, replaced(record, key)) == (1, previous)
    # Champion by hand: the promotion is a record, and moves nothing.
    versions.set_registered_model_alias("churn", "champion", "3")
    record = promote(Promotion("churn", version=3, key="run3"), BETTER)
    assert replaced(record, "run3") == 0
    with pytest.raises(InputError, match="`key`"):
        promote(Promotion("churn", version=2, key="k" * 501), BETTER)


def test_a_champion_is_promoted_again_after_it_was_rolled_back_to(versions):
    promote(Promotion("churn", version=1), BETTER)
    promote(Promotion("churn", version=2), BETTER)
    roll_back("churn", "It was worse.", -1, "champion")
    assert promote(Promotion("churn", version=1), BETTER).number == 1
    assert promote(Promotion("churn", version=2), BETTER).previous == 1


@pytest.mark.parametrize(
    ("promotion", "found"),
    [
        (Promotion("churn", version=9), "must have a version 9. Found: the aliases challenger"),
        (Promotion("churn", challenger="chalenger"), "the alias 'chalenger'. Found: the aliases"),
        (Promotion("chrun"), "'chrun', which is none; a name like it is 'churn'"),
        (Promotion("chrun", version=1), "'chrun', which is none; a name like it is 'churn'"),
    ],
)
def test_a_version_that_is_not_there_is_refused(versions, promotion, found):
    with pytest.raises(InputError, match=found):
        promote(promotion, BETTER)


def append(client, version, state, after):
    """Append a record to the ledger, as a step does that stops there."""
    tags = {
        "kind": "promotion",
        "alias": "champion",
        "version": version,
        "previous": "1",
        "reason": "In between.",
        "evidence": "{}",
        "state": state,
        "time": "2026-11-21T12:00:00+00:00",
        "claim": f"of {version}",
        "after": after,
    }
    source = client.get_model_version("churn", version).source
    return client.create_model_version("churn.champions", source, tags=tags).version


def test_a_claim_that_is_being_carried_out_is_waited_for_though_another_lost_to_it(
    versions, monkeypatch
):
    promote(Promotion("churn", version=1), BETTER)
    winner = append(versions, "2", "claimed", "1")
    append(versions, "3", "lost", "1")

    def carry_out(_):
        versions.set_registered_model_alias("churn", "champion", "2")
        versions.set_model_version_tag("churn.champions", str(winner), "state", "done")

    monkeypatch.setattr(ledger.time, "sleep", carry_out)
    with pytest.raises(GateError, match=r"promotion of version 2 came first .* In between"):
        promote(Promotion("churn", version=3, expected_champion=1), BETTER)
    assert champion(versions) == 2


def test_who_lost_already_takes_no_win_from_who_comes_after(versions, monkeypatch):
    promote(Promotion("churn", version=1), BETTER)
    promote(Promotion("churn", version=2), BETTER)
    claim = ledger._claim

    def late(*arguments):
        # Its step knew of the first promotion only.
        append(versions, "1", "claimed", "1")
        return claim(*arguments)

    monkeypatch.setattr(ledger, "_claim", late)
    assert promote(Promotion("churn", version=3, expected_champion=2), BETTER).state == "done"
    assert champion(versions) == 3


def test_a_claim_that_others_took_for_broken_off_moves_nothing(versions, monkeypatch):
    monkeypatch.setattr(ledger, "PATIENCE", 1)
    create = type(versions).create_model_version

    def stalled(self, name, *arguments, **more):
        made = create(self, name, *arguments, **more)
        monkeypatch.setattr(type(versions), "create_model_version", create)
        promote(Promotion("churn", version=2, reason="Meanwhile."), BETTER)
        return made

    monkeypatch.setattr(type(versions), "create_model_version", stalled)
    with pytest.raises(GateError, match=r"promotion of version 2 came first .* Meanwhile"):
        promote(Promotion("churn", version=1), BETTER)
    assert champion(versions) == 2
    assert [record.state for record in read_ledger(versions, "churn")] == ["lost", "done"]


@pytest.mark.parametrize(
    ("call", "told", "left"),
    [("_won", "is not moved: this step stood still", 0), ("_require_claimed", "too late", 1)],
)
def test_who_stood_still_until_others_settled_its_claim_is_told(
    versions, monkeypatch, call, told, left
):
    late = getattr(ledger, call)

    def settled(*arguments):
        (record,) = read_ledger(versions, "churn")
        versions.set_model_version_tag("churn.champions", str(record.number), "state", "lost")
        return late(*arguments)

    monkeypatch.setattr(ledger, call, settled)
    with pytest.raises(GateError, match=told):
        promote(Promotion("churn", version=1), BETTER)
    assert int(versions.get_registered_model("churn").aliases.get("champion", 0)) == left
    assert [record.state for record in read_ledger(versions, "churn")] == ["lost"]


def test_who_finds_the_alias_moved_by_hand_is_told_that_no_record_says_who(versions):
    promote(Promotion("churn", version=1), BETTER)
    versions.set_registered_model_alias("churn", "champion", "3")
    with pytest.raises(GateError, match=r"to be version 1, and is 3\. No record says who"):
        promote(Promotion("churn", version=2, expected_champion=1), BETTER)


def test_a_verdict_of_more_findings_than_a_tag_holds_is_cut_short(versions):
    long = tuple(Reason("drift", "\u00df" * 400, "1", "0", "It drifts.") for _ in range(90))
    evidence = promote(Promotion("churn", version=1), Verdict("warn", long)).evidence
    assert evidence["left_out"] == 90 - len(evidence["reasons"])
    assert len(evidence["reasons"]) > 3
    assert read_ledger(versions, "churn")[0].evidence == evidence


def test_a_promotion_without_any_reason_says_what_its_verdict_is(versions):
    assert promote(Promotion("churn", version=1), Verdict("pass")).reason == "Its verdict is pass."


def test_the_record_keeps_all_verdicts_that_allowed_it(versions, tmp_path):
    given = {"verdict": BETTER, "parity": Verdict("pass"), "load": Verdict("warn")}
    for role, verdict in given.items():
        verdict.write(tmp_path / role)
    paths = {role: str(tmp_path / role) for role in given} | {"endpoint": ""}
    evidence = promote(Promotion("churn"), read_verdicts(paths)).evidence
    assert evidence["decision"] == "warn"
    found = [(reason["code"], reason["subject"]) for reason in evidence["reasons"]]
    assert found == [
        *((reason.code, reason.subject) for reason in BETTER.reasons),
        ("pass", "parity"), ("warn", "load"),
    ]  # fmt: skip


def test_one_verdict_of_several_stops_it(versions, tmp_path):
    BETTER.write(tmp_path / "verdict")
    WORSE.write(tmp_path / "endpoint")
    paths = {"verdict": str(tmp_path / "verdict"), "endpoint": str(tmp_path / "endpoint")}
    with pytest.raises(GateError, match="its verdict is fail"):
        promote(Promotion("churn"), read_verdicts(paths))
