"""Conditions and placeholders that a cluster knows and kfp.local does not."""

from datetime import UTC, datetime
from typing import NamedTuple

from kfp import compiler, dsl

from holdfast.images import image
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


def run(pipeline, folder, *more):
    """Compile a pipeline and run it."""
    path = folder / "pipeline.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    result = holdfast("run", path, "--json", "--output", folder / "output", *more)
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
