"""Conditions, placeholders and tries that kfp.local does not know, or takes in another way."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from kfp import compiler, dsl
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineTaskSpec

from holdfast import presets
from holdfast.images import image
from holdfast.local.answers import waits
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


def test_waits_grow_by_the_factor_up_to_the_longest():
    policy = PipelineTaskSpec.RetryPolicy(max_retry_count=4, backoff_factor=3)
    policy.backoff_duration.FromSeconds(10)
    policy.backoff_max_duration.FromSeconds(100)
    assert waits(policy) == [10, 30, 90, 100]


def test_without_a_policy_nothing_is_tried_again():
    assert waits(PipelineTaskSpec.RetryPolicy()) == []
