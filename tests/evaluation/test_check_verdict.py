"""check_verdict: which decisions stop a run, and what the message says."""

import pytest

from holdfast.errors import GateError, InputError
from holdfast.evaluation.check_verdict import logic
from holdfast.verdict import Reason, Verdict

DECISIONS = ["pass", "warn", "fail", "no_baseline"]


def check(verdict, stop_on, role="verdict"):
    """Return what is printed where the run may go on."""
    outcome = logic.check({role: verdict}, stop_on)
    outcome.go_on()
    return "\n".join(outcome.lines)


def reasons(count, effect=""):
    return tuple(
        Reason("below_minimum", f"metric{n}", "0.4", "at least 0.5", f"Finding {n}.", effect)
        for n in range(1, count + 1)
    )


def verdicts(**decisions):
    return {
        role: Verdict(decision, (Reason("c", role, "o", "e", f"About {role}."),))
        for role, decision in decisions.items()
    }


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_that_is_listed_stops_the_run(decision):
    with pytest.raises(GateError, match=f"The verdict is {decision}"):
        check(Verdict(decision), [decision])


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_that_is_not_listed_lets_the_run_go_on(decision):
    others = [other for other in DECISIONS if other != decision]
    assert check(Verdict(decision), others) == f"The verdict is {decision}."


def test_an_empty_list_never_stops_a_run():
    assert check(Verdict("fail"), []) == "The verdict is fail."


def test_the_message_gives_subject_and_message_of_each_reason():
    expected = "The verdict is fail. [metric1] Finding 1. [metric2] Finding 2."
    with pytest.raises(GateError) as error:
        check(Verdict("fail", reasons(2)), ["fail"])
    assert str(error.value) == expected


def test_a_run_that_goes_on_is_told_the_reasons_too(capsys):
    outcome = logic.check({"verdict": Verdict("warn", reasons(1))}, ["fail"])
    assert outcome.go_on() == "warn"
    assert capsys.readouterr().out == "The verdict is warn. [metric1] Finding 1.\n"


def test_ten_reasons_are_all_shown():
    line = check(Verdict("pass", reasons(10)), [])
    assert line.endswith("[metric10] Finding 10.")


def test_of_more_than_ten_reasons_the_rest_is_counted():
    with pytest.raises(GateError) as error:
        check(Verdict("fail", reasons(13)), ["fail"])
    assert "[metric10]" in str(error.value)
    assert "[metric11]" not in str(error.value)
    assert str(error.value).endswith("And 3 more; see the report of the gate.")


def test_the_reason_that_made_the_decision_is_told_first():
    mixed = (*reasons(12, "warn"), Reason("leak", "id", "1", "0", "It leaks.", "fail"))
    with pytest.raises(GateError, match=r"^The verdict is fail\. \[id\] It leaks\."):
        check(Verdict("fail", mixed), ["fail"])


def test_an_unknown_decision_in_the_list_is_refused_even_if_the_verdict_passes():
    with pytest.raises(InputError, match=r"`stop_on` .*'no_baseline'\]\. Found: \['failed'\]"):
        check(Verdict("pass"), ["fail", "failed"])


def test_the_first_line_is_of_the_verdict_that_stops_the_run():
    given = verdicts(data="no_baseline", evaluation="warn", fairness="fail", robustness="pass")
    with pytest.raises(GateError) as error:
        logic.check(given, ["fail"]).go_on()
    first, *others = str(error.value).splitlines()
    assert first == "The verdict on fairness is fail. [fairness] About fairness."
    assert [line.split()[3] for line in others] == ["evaluation", "data", "robustness"]


def test_what_stops_the_run_comes_before_what_is_worse_and_does_not():
    outcome = logic.check(verdicts(data="fail", comparison="no_baseline"), ["no_baseline"])
    assert outcome.stopped
    assert outcome.lines[0].startswith("The verdict on comparison is no_baseline.")
    assert outcome.decision == "fail"


@pytest.mark.parametrize(
    ("decisions", "worst"),
    [
        (("pass", "pass"), "pass"),
        (("pass", "no_baseline"), "no_baseline"),
        (("warn", "no_baseline"), "warn"),
        (("fail", "warn"), "fail"),
    ],
)
def test_the_decision_is_the_worst_one(decisions, worst):
    given = verdicts(data=decisions[0], evaluation=decisions[1])
    assert logic.check(given, []).go_on() == worst


def test_the_first_line_of_the_markdown_is_the_reason_of_the_stop(tmp_path):
    given = verdicts(evaluation="pass", fairness="fail")
    outcome = logic.check(given, ["fail"])
    outcome.write(tmp_path / "summary.md")
    first, *rest = (tmp_path / "summary.md").read_text().splitlines()
    told = r"The verdict on fairness is fail. \[fairness\] About fairness."
    assert first == f"# Stopped: {told}"
    assert "| fairness | fail | yes | 1 |" in rest
    assert "| evaluation | pass | no | 1 |" in rest


def test_text_from_the_data_is_no_markdown_and_one_line(tmp_path):
    evil = Reason("c", "a\n# b", "o", "e", "<script>alert(1)</script>\n# heading")
    outcome = logic.check({"data": Verdict("fail", (evil,))}, ["fail"])
    outcome.write(tmp_path / "summary.md")
    assert "<script" not in (tmp_path / "summary.md").read_text()
    assert len(outcome.lines) == 1
    assert "\n" not in outcome.lines[0]


def test_verdicts_are_read_by_their_roles(tmp_path):
    Verdict("warn").write(tmp_path / "a")
    Verdict("pass").write(tmp_path / "b")
    paths = ["", str(tmp_path / "a"), "", "", str(tmp_path / "b"), ""]
    found = logic.read_verdicts(*paths)
    assert {role: verdict.decision for role, verdict in found.items()} == {
        "data": "warn",
        "fairness": "pass",
    }


def test_no_verdict_at_all_is_refused():
    with pytest.raises(InputError, match="check_verdict must be given a verdict at least"):
        logic.read_verdicts(*[""] * 6)
