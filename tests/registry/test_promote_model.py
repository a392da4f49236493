"""promote_model, roll_back_model, compare_versions and report_version on a real MLflow store."""

import json
import subprocess
import sys

import pytest

from holdfast.errors import GateError, InputError
from holdfast.registry import ledger
from holdfast.registry.compare_versions import logic as compare_versions
from holdfast.registry.promote_model.logic import Wish, promote
from holdfast.registry.register_model.logic import Origin, register
from holdfast.registry.report_version import logic as report_version
from holdfast.registry.roll_back_model.logic import roll_back
from holdfast.verdict import Reason, Verdict

BETTER = Verdict("pass", (Reason("better", "roc_auc", "0.91", "above 0.9", "It is better."),))
WORSE = Verdict("fail", (Reason("worse", "roc_auc", "0.8", "above 0.9", "It is worse."),))


@pytest.fixture
def versions(client, model):
    """Three versions of a model; the third is the challenger."""
    for auc in (0.7, 0.8, 0.9):
        register(model, "churn", "challenger", {"roc_auc": auc}, Origin(git_commit=f"c{auc}"))
    return client


def champion(client):
    return client.get_model_version_by_alias("churn", "champion").version


def test_the_challenger_becomes_champion_and_the_reason_is_recorded(versions):
    record = promote(Wish("churn"), BETTER)
    assert champion(versions) == 3
    assert (record.version, record.previous, record.state) == (3, 0, "done")
    assert record.reason == "It is better."
    assert record.evidence == {
        "decision": "pass",
        "reasons": [{"code": "better", "subject": "roc_auc", "observed": "0.91"}],
    }
    assert ledger.read_ledger(versions, "churn") == [record]


def test_a_failed_verdict_promotes_nothing(versions):
    with pytest.raises(GateError, match=r"verdict is fail\. It is worse\."):
        promote(Wish("churn"), WORSE)
    assert ledger.read_ledger(versions, "churn") == []


def test_who_compared_with_a_champion_of_yesterday_is_told_who_came_first(versions):
    promote(Wish("churn", version=1), BETTER)
    promote(Wish("churn", version=2, expected_champion=1, reason="Spring campaign."), BETTER)
    with pytest.raises(GateError) as told:
        promote(Wish("churn", version=3, expected_champion=1), BETTER)
    assert "expected to be version 1, and is 2" in str(told.value)
    assert "promotion of version 2 came first" in str(told.value)
    assert "Spring campaign." in str(told.value)
    assert champion(versions) == 2


def test_of_many_promotions_at_once_exactly_one_wins(versions, tmp_path):
    program = (
        "import sys\n"
        "from holdfast.errors import GateError\n"
        "from holdfast.registry.promote_model.logic import Wish, promote\n"
        "from holdfast.verdict import Verdict\n"
        "sys.stdin.readline()\n"
        "try:\n"
        "    wish = Wish('churn', int(sys.argv[1]), 0, f'by {sys.argv[1]}')\n"
        "    print('won', promote(wish, Verdict('pass')).version)\n"
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
        run.stdin.write("go\n")
        run.stdin.flush()
    said = [run.communicate()[0] for run in runs]
    won = [line for line in said if line.startswith("won")]
    lost = [line for line in said if line.startswith("lost")]
    assert (len(won), len(lost)) == (1, 2)
    winner = int(won[0].split()[1])
    assert champion(versions) == winner
    assert all(f"by {winner}" in line for line in lost)
    states = [record.state for record in ledger.read_ledger(versions, "churn")]
    assert states.count("done") == 1


def test_who_comes_between_looking_and_writing_wins(versions, monkeypatch):
    ensure = ledger.ensure_registered

    def come_between(client, name):
        monkeypatch.setattr(ledger, "ensure_registered", ensure)
        promote(Wish("churn", version=2, expected_champion=0, reason="Faster."), BETTER)
        ensure(client, name)

    monkeypatch.setattr(ledger, "ensure_registered", come_between)
    with pytest.raises(GateError, match="Faster"):
        promote(Wish("churn", version=1, expected_champion=0), BETTER)
    assert champion(versions) == 2
    assert [record.state for record in ledger.read_ledger(versions, "churn")] == ["done", "lost"]


def test_a_promotion_that_broke_off_is_settled_by_the_next(versions, monkeypatch):
    monkeypatch.setattr(ledger, "PATIENCE", 1)
    promote(Wish("churn", version=1), BETTER)
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
        promote(Wish("churn", version=1), BETTER)
        settled = versions.get_model_version("churn.champions", made.version).tags["state"]
        assert settled == ("done" if alias_moved else "lost")
        assert champion(versions) == 1


@pytest.mark.parametrize("expected", [-1, 1])
def test_a_second_try_finds_the_promotion_of_the_first(versions, expected):
    promote(Wish("churn", version=1), BETTER)
    first = promote(Wish("churn", version=2, expected_champion=expected), BETTER)
    again = promote(Wish("churn", version=2, expected_champion=expected, reason="Again."), BETTER)
    assert again == first
    assert len(ledger.read_ledger(versions, "churn")) == 2
    roll_back("churn", "It was worse.", -1, "champion")
    assert champion(versions) == 1


def test_a_champion_is_promoted_again_after_it_was_rolled_back_to(versions):
    promote(Wish("churn", version=1), BETTER)
    promote(Wish("churn", version=2), BETTER)
    roll_back("churn", "It was worse.", -1, "champion")
    assert promote(Wish("churn", version=1), BETTER).number == 1
    assert promote(Wish("churn", version=2), BETTER).previous == 1


def test_a_rollback_goes_one_champion_back_each_time(versions):
    for version in (1, 2, 3):
        promote(Wish("churn", version=version), BETTER)
    assert roll_back("churn", "Complaints.", -1, "champion").version == 2
    assert champion(versions) == 2
    assert roll_back("churn", "More of them.", -1, "champion").version == 1
    assert champion(versions) == 1
    with pytest.raises(InputError, match="must have had a champion before this one"):
        roll_back("churn", "Still.", -1, "champion")


def test_a_promotion_after_a_rollback_is_rolled_back_to_what_was_before_it(versions):
    for version in (1, 2):
        promote(Wish("churn", version=version), BETTER)
    roll_back("churn", "Complaints.", -1, "champion")
    promote(Wish("churn", version=3), BETTER)
    assert roll_back("churn", "Again.", -1, "champion").version == 1


def test_a_champion_that_was_set_by_hand_can_be_gone_back_to(versions):
    versions.set_registered_model_alias("churn", "champion", "1")
    promote(Wish("churn", version=2), BETTER)
    assert roll_back("churn", "Complaints.", -1, "champion").version == 1


def test_what_was_rolled_back_for_a_window_is_not_rolled_back_for_it_again(versions):
    for version in (1, 2, 3):
        promote(Wish("churn", version=version), BETTER)
    first = roll_back("churn", "Complaints.", -1, "champion", "2026-11-20")
    assert roll_back("churn", "Complaints.", -1, "champion", "2026-11-20") == first
    assert champion(versions) == 2
    assert roll_back("churn", "More of them.", -1, "champion", "2026-11-21").version == 1


def test_a_rollback_needs_a_reason(versions):
    with pytest.raises(InputError, match="`reason` must say why"):
        roll_back("churn", " ", -1, "champion")


@pytest.mark.parametrize("wish", [Wish("churn", version=9), Wish("nobody")])
def test_a_version_that_is_not_there_is_refused(versions, wish):
    with pytest.raises(InputError, match="`version` must"):
        promote(wish, BETTER)


def test_the_report_says_why_a_version_is_live(versions, tmp_path):
    promote(Wish("churn", version=1), BETTER)
    promote(Wish("churn", version=3, reason="Better by 0.01."), BETTER)
    found = report_version.find("churn", 0, "champion")
    page = report_version.report(found)
    assert "It is live since the promotion of" in page.markdown()
    assert "in place of version 1: Better by 0.01." in page.markdown()
    assert "0.9" in page.html()
    report_version.write_json(found, tmp_path / "lineage.json")
    document = json.loads((tmp_path / "lineage.json").read_text())
    assert (document["version"], document["live"]) == (3, True)
    assert document["metrics"] == {"roc_auc": 0.9}
    assert document["origin"]["holdfast.git_commit"] == "c0.9"
    assert (
        "It is not the champion."
        in report_version.report(report_version.find("churn", 2, "")).markdown()
    )


def test_two_versions_are_put_side_by_side(versions):
    promote(Wish("churn", version=1), BETTER)
    pair = compare_versions.compare("churn", "champion", "challenger")
    assert (pair.champion_version, pair.challenger_version) == (1, 3)
    text = compare_versions.report(pair).markdown()
    assert "| roc\\_auc | 0.7 | 0.9 |" in text
    assert "| holdfast.git\\_commit | c0.7 | c0.9 |" in text
    assert "max\\_depth" not in text


def test_without_a_champion_the_comparison_has_one_side(versions):
    pair = compare_versions.compare("churn", "champion", "2")
    assert (pair.champion_version, pair.challenger_version) == (0, 2)
    assert "Champion: version none." in compare_versions.report(pair).markdown()
