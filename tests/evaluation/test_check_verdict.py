"""check_verdict: which decisions stop a run, and what the message says."""

import pytest

from holdfast.errors import GateError, InputError
from holdfast.evaluation.check_verdict.logic import check
from holdfast.verdict import Reason, Verdict

DECISIONS = ["pass", "warn", "fail", "no_baseline"]


def reasons(count):
    return tuple(
        Reason("below_minimum", f"metric{n}", "0.4", "at least 0.5", f"Finding number {n}.")
        for n in range(1, count + 1)
    )


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
    expected = "The verdict is fail. [metric1] Finding number 1. [metric2] Finding number 2."
    with pytest.raises(GateError) as error:
        check(Verdict("fail", reasons(2)), ["fail"])
    assert str(error.value) == expected


def test_a_run_that_goes_on_is_told_the_reasons_too():
    expected = "The verdict is warn. [metric1] Finding number 1."
    assert check(Verdict("warn", reasons(1)), ["fail"]) == expected


def test_ten_reasons_are_all_shown():
    line = check(Verdict("pass", reasons(10)), [])
    assert line.endswith("[metric10] Finding number 10.")


def test_of_more_than_ten_reasons_the_rest_is_counted():
    with pytest.raises(GateError) as error:
        check(Verdict("fail", reasons(13)), ["fail"])
    assert "[metric10]" in str(error.value)
    assert "[metric11]" not in str(error.value)
    assert str(error.value).endswith("And 3 more; see the report of the gate.")


def test_an_unknown_decision_in_the_list_is_refused_even_if_the_verdict_passes():
    with pytest.raises(InputError, match=r"`stop_on` .*'no_baseline'\]\. Found: \['failed'\]"):
        check(Verdict("pass"), ["fail", "failed"])
