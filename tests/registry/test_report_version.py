"""report_version and compare_versions on a real MLflow store."""

import json
import math

import pytest

from holdfast.errors import InputError
from holdfast.registry.compare_versions import logic as compare_versions
from holdfast.registry.promote_model import logic as promote_model
from holdfast.registry.promote_model.logic import Promotion, promote
from holdfast.registry.register_model.logic import Origin, register
from holdfast.registry.report_version import logic as report_version
from holdfast.registry.roll_back_model.logic import roll_back
from holdfast.verdict import Reason, Verdict

BETTER = Verdict("pass", (Reason("better", "roc_auc", "0.91", "above 0.9", "It is better."),))


def why(version, alias="champion"):
    return report_version.report(report_version.find("churn", version, alias)).markdown()


def test_the_report_says_why_a_version_is_live(versions, tmp_path):
    promote(Promotion("churn", version=1), BETTER)
    promote(Promotion("churn", version=3, reason="Better by 0.01."), BETTER)
    found = report_version.find("churn", 0, "champion")
    page = report_version.report(found)
    assert "It is live since the promotion of" in page.markdown()
    assert "in place of version 1: Better by 0.01." in page.markdown()
    assert "0.9" in page.html()
    report_version.write_json(found, tmp_path / "lineage.json")
    document = json.loads((tmp_path / "lineage.json").read_text())
    assert (document["version"], document["live"]) == (3, ["champion"])
    assert document["metrics"] == {"roc_auc": 0.9}
    assert document["origin"]["holdfast.git_commit"] == "c0.9"
    assert document["records"][0]["evidence"]["decision"] == "pass"
    assert "It is not live, and never was by the ledger." in why(2)


def test_what_a_promotion_rests_on_is_told_with_what_was_expected(versions):
    record = promote(Promotion("churn", version=1), BETTER)
    assert "| 1 | better | roc\\_auc | 0.91 | above 0.9 |" in why(1)
    text = promote_model.report("churn", record).markdown()
    assert text.startswith("# Promotion of churn: champion is version 1: pass")
    assert "in place of none: It is better." in text
    assert "| better | roc\\_auc | 0.91 | above 0.9 |" in text


def test_a_version_that_was_champion_says_until_when_and_why_no_longer(versions):
    promote(Promotion("churn", version=1), BETTER)
    promote(Promotion("churn", version=2, reason="Cheaper."), BETTER)
    assert ", to version 2: Cheaper." in why(1)
    roll_back("churn", "Complaints.", -1, "champion")
    assert "It is not live since the rollback of" in why(2)
    assert ", in place of version 2: Complaints." in why(1)


def test_each_alias_has_its_own_reasons(versions):
    promote(Promotion("churn", version=2, reason="Better."), BETTER)
    promote(Promotion("churn", version=1, alias="champion_eu", reason="The first."), BETTER)
    promote(Promotion("churn", version=2, alias="champion_eu", reason="Good for all."), BETTER)
    assert "It is live as champion_eu since" in why(2).replace("\\_", "_")
    roll_back("churn", "Complaints.", -1, "champion_eu")
    told = next(line for line in why(2).splitlines() if line.startswith("It is"))
    assert told.startswith("It is live since the promotion of")
    assert told.endswith("as the first champion: Better.")


def test_an_alias_that_was_moved_by_hand_is_told_on_both_sides(versions):
    promote(Promotion("churn", version=1), BETTER)
    versions.set_registered_model_alias("churn", "champion", "2")
    assert "It is live, but no record says why: the alias was moved by hand" in why(2)
    assert "It is not live, though the ledger has it as the champion" in why(1)


def test_what_people_wrote_is_shown_and_not_run(versions):
    hostile = "<script>alert(1)</script> [x](javascript:alert(1)) | `"
    reason = Reason(hostile, hostile, hostile, hostile, hostile)
    versions.set_model_version_tag("churn", "1", "holdfast.git_commit", hostile)
    record = promote(Promotion("churn", 1, reason=hostile), Verdict("pass", (reason,)))
    found = report_version.find("churn", 1, "")
    pair = compare_versions.compare("churn", "1", "2")
    for page in (
        promote_model.report("churn", record),
        report_version.report(found),
        compare_versions.report(pair),
    ):
        assert "<script" not in page.html()
        assert "<script" not in page.markdown()
        assert "[x](" not in page.markdown()
    assert "&lt;script&gt;" in report_version.report(found).html()


def test_a_version_of_a_runs_folder_is_promoted_and_told_with_its_runs_finite_metrics(
    client, model, tmp_path
):
    # As MLflow 2 registered models, and other tools do.
    run = client.create_run("0").info.run_id
    client.log_artifacts(run, str(model), "model")
    client.log_metric(run, "auc", 0.5)
    client.log_metric(run, "loss", math.nan)
    client.create_registered_model("churn")
    client.create_model_version("churn", f"runs:/{run}/model", run_id=run)
    assert promote(Promotion("churn", version=1), BETTER).state == "done"
    report_version.write_json(report_version.find("churn", 1, ""), tmp_path / "lineage.json")
    text = (tmp_path / "lineage.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["metrics"] == {"auc": 0.5}


def test_a_version_of_the_ledger_that_is_no_record_is_named(versions):
    promote(Promotion("churn", version=1), BETTER)
    source = versions.get_model_version("churn", "2").source
    versions.create_model_version("churn.champions", source)
    with pytest.raises(InputError, match=r"Found: version 2 .* Delete that version in MLflow"):
        report_version.find("churn", 1, "")


def test_metrics_that_one_version_lacks_are_told_as_none(client, model):
    register(model, "churn", "champion", {"roc_auc": 0.9, "brier": 0.25})
    register(model, "churn", "challenger", {"roc_auc": 0.8, "log_loss": 0.5})
    text = compare_versions.report(
        compare_versions.compare("churn", "champion", "challenger")
    ).markdown()
    assert "| brier | 0.25 | none | none |" in text
    assert "| log\\_loss | none | 0.5 | none |" in text
    assert "| roc\\_auc | 0.9 | 0.8 | -0.1 |" in text


def test_two_versions_are_put_side_by_side(versions):
    promote(Promotion("churn", version=1), BETTER)
    pair = compare_versions.compare("churn", "champion", "challenger")
    assert (pair.champion_version, pair.challenger_version) == (1, 3)
    text = compare_versions.report(pair).markdown()
    assert "| roc\\_auc | 0.7 | 0.9 | 0.2 |" in text
    assert "| holdfast.git\\_commit | c0.7 | c0.9 |" in text
    assert "max\\_depth" not in text


def test_without_a_champion_the_comparison_has_one_side(versions):
    pair = compare_versions.compare("churn", "champion", "2")
    assert (pair.champion_version, pair.challenger_version) == (0, 2)
    assert "Champion: version none." in compare_versions.report(pair).markdown()


@pytest.mark.parametrize(
    ("sides", "found"),
    [
        (("champoin", "2"), "a version with the alias 'champoin'. Found: the aliases challenger"),
        (("champion", "chalenger"), "a version with the alias 'chalenger'"),
        (("champion", "9"), r"a version 9. Found: .*\(version 3\); the versions 1, 2, 3. Name"),
        (("0", "1"), "a version 0. Found"),
        (("99999999999999999999", "1"), "a version 99999999999999999999. Found"),
    ],
)
def test_a_side_that_is_misspelt_is_refused(versions, sides, found):
    with pytest.raises(InputError, match=found):
        compare_versions.compare("churn", *sides)


def test_a_model_that_is_misspelt_is_refused(versions):
    with pytest.raises(InputError, match="'churm', which is none; a name like it is 'churn'"):
        compare_versions.compare("churm", "champion", "challenger")
    with pytest.raises(InputError, match=r"'xyz', which is none; there are churn. Check"):
        report_version.find("xyz", 0, "champion")
    with pytest.raises(InputError, match="'churm', which is none"):
        roll_back("churm", "Complaints.", -1, "champion")


def test_one_side_at_least_must_be_there(client):
    client.create_registered_model("churn")
    with pytest.raises(
        InputError, match=r"alias 'champion'. Found: no alias; no version. Register"
    ):
        compare_versions.compare("churn", "champion", "challenger")


def test_an_alias_that_nothing_carries_is_told_with_those_there_are(versions):
    with pytest.raises(
        InputError,
        match=r"a version with the alias 'champion'. Found: the aliases challenger \(version 3\); "
        "the versions 1, 2, 3.",
    ):
        report_version.find("churn", 0, "champion")


def test_the_image_that_trained_it_is_told_and_compared(client, model):
    for tag in ("1", "2"):
        register(model, "churn", "champion", {}, Origin(image=f"localhost/holdfast-training:{tag}"))
    found = report_version.find("churn", 2, "")
    assert found.origin["holdfast.image"] == "localhost/holdfast-training:2"
    assert "| holdfast.image | localhost/holdfast-training:2 |" in unescaped(
        report_version.report(found).markdown()
    )
    told = compare_versions.report(compare_versions.compare("churn", "1", "2")).markdown()
    assert (
        "| holdfast.image | localhost/holdfast-training:1 | localhost/holdfast-training:2 |"
    ) in unescaped(told)


def unescaped(markdown):
    return markdown.replace("\\", "")


def test_a_read_makes_no_store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/none/mlflow.db")
    with pytest.raises(InputError, match=f"Found: no file {tmp_path}/none/mlflow.db"):
        report_version.find("churn", 0, "champion")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("begins", [b"junk", b"SQLite format 3\0"])
def test_a_store_that_is_broken_is_told_in_a_sentence(tmp_path, monkeypatch, begins):
    (tmp_path / "mlflow.db").write_bytes(begins + b"junk" * 1000)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(InputError, match=r"Found: .*mlflow.db: .* (database|malformed)\. Restore"):
        report_version.find("churn", 0, "champion")
