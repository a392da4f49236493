"""The verdict contract: what is written is read, and nothing else is."""

import json
from dataclasses import replace

import pytest

from holdfast.errors import InputError
from holdfast.verdict import Reason, Verdict, read_verdict

REASON = Reason("unseen", "größe", 'saw "x"', "one of 2", "A value\nthat was not there.")


def refused(path, match):
    with pytest.raises(InputError, match=rf"(?s)`verdict` .*{match}.*Pass the `verdict` output"):
        read_verdict(path)


@pytest.mark.parametrize("decision", ["pass", "warn", "fail", "no_baseline"])
def test_a_verdict_survives_its_file(tmp_path, decision):
    verdict = Verdict(decision, (REASON, REASON))
    verdict.write(tmp_path / "verdict")
    assert read_verdict(tmp_path / "verdict") == verdict


def test_effect_share_and_examples_survive_the_file(tmp_path):
    told = replace(REASON, effect="quarantine", share=0.25, examples=("a", "<b>", "é"))
    Verdict("warn", (told, REASON)).write(tmp_path / "verdict")
    assert read_verdict(tmp_path / "verdict") == Verdict("warn", (told, REASON))


def test_a_verdict_of_before_the_examples_is_read(tmp_path):
    old = {name: getattr(REASON, name) for name in ("code", "subject", "observed", "expected")}
    document = {"decision": "fail", "reasons": [{**old, "message": REASON.message}]}
    (tmp_path / "verdict").write_text(json.dumps(document))
    assert read_verdict(tmp_path / "verdict") == Verdict("fail", (REASON,))


def test_a_verdict_without_reasons_survives_its_file(tmp_path):
    Verdict("pass").write(tmp_path / "verdict")
    assert read_verdict(tmp_path / "verdict") == Verdict("pass", ())


def test_the_file_is_json_with_the_fields_of_the_contract(tmp_path):
    Verdict("fail", (REASON,)).write(tmp_path / "verdict")
    assert json.loads((tmp_path / "verdict").read_text(encoding="utf-8")) == {
        "decision": "fail",
        "reasons": [
            {
                "code": "unseen",
                "subject": "größe",
                "observed": 'saw "x"',
                "expected": "one of 2",
                "message": "A value\nthat was not there.",
                "effect": "",
                "share": None,
                "examples": [],
            }
        ],
    }


def test_the_metadata_tells_the_decision_and_the_number_of_reasons():
    assert Verdict("fail", (REASON, REASON)).metadata() == {
        "holdfast_contract": "verdict/1",
        "decision": "fail",
        "reasons": 2,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '"pass"',
        "{}",
        '{"decision": "pass"}',
        '{"decision": "pass", "reasons": [{"code": "x"}]}',
        '{"decision": "pass", "reasons": ["x"]}',
        '{"decision": "pass", "reasons": null}',
        "\xff",
    ],
)
def test_what_is_no_verdict_is_refused(tmp_path, text):
    (tmp_path / "verdict").write_bytes(text.encode("latin-1"))
    refused(tmp_path / "verdict", "could not be read")


def test_a_verdict_that_is_not_there_is_refused(tmp_path):
    refused(tmp_path / "absent", "FileNotFoundError")


@pytest.mark.parametrize("decision", ["PASS", "", None, ["pass"]])
def test_an_unknown_decision_is_refused(tmp_path, decision):
    (tmp_path / "verdict").write_text(json.dumps({"decision": decision, "reasons": []}))
    refused(tmp_path / "verdict", "must hold a decision out of .*'no_baseline'.*Found: ")
