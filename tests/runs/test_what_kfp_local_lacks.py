"""Conditions, placeholders and tries that kfp.local does not know, or takes in another way."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from kfp import compiler, dsl
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineTaskSpec

from holdfast import presets
from holdfast.images import image
from holdfast.local.answers import is_answer, waits
from holdfast.local.pipeline import last_first
from tests.support import holdfast, tasks


@dsl.component(base_image=image("data"), install_kfp_package=False)
def decide(summary: dsl.Output[dsl.Markdown]) -> NamedTuple("Outputs", decision=str, rows=int):
    """Return two outputs with names, beside an artifact."""
    from pathlib import Path

    Path(summary.path).write_text("Decided.")
    return ("retrain", 3)


@dsl.component(base_image=image("data"), install_kfp_package=False)
def tell(what: str) -> str:
    """Return what is given."""
    return what


@dsl.pipeline(name="branches")
def branches(wanted: str = "retrain"):
    """Branch on outputs with names, at the root and within a branch."""
    decided = decide()
    with dsl.If(decided.outputs["decision"] == wanted, name="named"):
        tell(what="named").set_display_name("named")
        with dsl.If(decided.outputs["rows"] > 2, name="number"):
            tell(what="number")
    with dsl.If(decided.outputs["decision"] != wanted, name="otherwise"):
        tell(what="otherwise")


@dsl.pipeline(name="times")
def times() -> str:
    """Return when the run was due."""
    return tell(what=dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER).output


@dsl.component(base_image=image("data"), install_kfp_package=False)
def fail(how: str, tries: str):
    """Note the try, and fail: with an answer, by a defect, or killed; the third time not."""
    import os
    import signal
    from pathlib import Path

    from holdfast import errors

    with Path(tries).open("a") as notes:
        notes.write("x")
    if len(Path(tries).read_text()) == 3:
        return
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    raise getattr(errors, how, RuntimeError)(f"It is {how}.")


@dsl.pipeline(name="tried-again")
def tried_again(how: str, tries: str):
    """Fail, with two more tries and all that kfp.local says it ignores."""
    presets.apply(fail(how=how, tries=tries), presets.small, presets.retry(2, seconds=0))


def finish(pipeline, folder, *more):
    """Compile a pipeline and run it to its end."""
    path = folder / "pipeline.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    return holdfast("run", path, "--json", "--output", folder / "output", *more)


def run(pipeline, folder, *more):
    """Compile a pipeline and run it."""
    result = finish(pipeline, folder, *more)
    assert result.code == 0, result.stderr
    return result


def told(result):
    """Return what the tasks of a run told."""
    return sorted(
        t["outputs"]["Output"] for t in tasks(result).values() if "Output" in t["outputs"]
    )


def test_a_condition_on_an_output_with_a_name_is_not_taken_for_false(tmp_path):
    assert told(run(branches, tmp_path)) == ["named", "number"]


def test_the_other_branch_runs_when_it_should(tmp_path):
    assert told(run(branches, tmp_path, "-p", "wanted=wait")) == ["otherwise"]


def test_the_scheduled_time_of_a_local_run_is_now(tmp_path):
    (due,) = told(run(times, tmp_path))
    assert abs(datetime.fromisoformat(due) - datetime.now(UTC)).total_seconds() < 60


def test_tasks_have_one_order_whatever_the_order_they_are_known_in():
    waits_for = {"read": [], "split": ["read"], "fit": ["split"], "check": ["split"],
                 "train": ["fit", "elsewhere"], "alone": []}  # fmt: skip
    known = {name: PipelineTaskSpec(dependent_tasks=of) for name, of in waits_for.items()}
    turned = dict(reversed(known.items()))
    order = last_first(known)[::-1]
    assert order == last_first(turned)[::-1]
    assert sorted(order) == sorted(known)
    assert all(order.index(of) < order.index(name)
               for name, needed in waits_for.items() for of in needed if of in known)  # fmt: skip
    # What can be checked early is: level by level.
    assert order.index("check") < order.index("train")


@pytest.mark.parametrize("how", ["killed", "a defect"])
def test_an_accident_is_tried_again_as_the_policy_says(tmp_path, how):
    tries = tmp_path / "tries"
    result = run(tried_again, tmp_path, "-p", f"how={how}", "-p", f"tries={tries}")
    assert tries.read_text() == "xxx"
    assert "Warning" not in result.stderr


@pytest.mark.parametrize(
    ("how", "code"), [("GateError", 1), ("InputError", 2), ("MachineError", 3)]
)
def test_an_answer_is_not_asked_for_twice(tmp_path, how, code):
    tries = tmp_path / "tries"
    result = finish(tried_again, tmp_path, "-p", f"how={how}", "-p", f"tries={tries}")
    assert tries.read_text() == "x"
    assert (result.code, result.document["error"]) == (code, f"fail: It is {how}.")


@pytest.mark.parametrize(
    ("exit_code", "said", "answered"),
    [
        (1, "GateError: bad\n", True),
        (2, "reading\nInputError: none such\nPass another.\n", True),
        (3, "MachineError: no room\n", True),
        # Got over, and then a defect, or another error of ours.
        (1, "InputError: none such\nTraceback (most recent call last):\nKeyError: 'a'\n", False),
        (1, "InputError: none such\nGateError: bad\n", True),
        (2, "InputError: none such\nGateError: bad\n", False),
        (1, "no GateError: of ours\n", False),
        (137, "MachineError: killed\n", False),
        (2, "", False),
    ],
)
def test_an_answer_is_the_last_error_told_and_ends_with_its_code(
    tmp_path, exit_code, said, answered
):
    log = tmp_path / "log"
    log.write_text(said)
    assert is_answer(exit_code, log, 0) == answered


def test_what_an_earlier_try_told_is_no_answer_of_this_one(tmp_path):
    log = tmp_path / "log"
    log.write_text("GateError: bad\nTraceback\n")
    assert not is_answer(1, log, len("GateError: bad\n"))


def test_waits_grow_by_the_factor_up_to_the_longest():
    policy = PipelineTaskSpec.RetryPolicy(max_retry_count=4, backoff_factor=3)
    policy.backoff_duration.FromSeconds(10)
    policy.backoff_max_duration.FromSeconds(100)
    assert waits(policy) == [10, 30, 90, 100]


def test_without_a_policy_nothing_is_tried_again():
    assert waits(PipelineTaskSpec.RetryPolicy()) == []
