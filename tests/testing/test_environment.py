"""Our own components in a test: in their family's environment, from files and data frames."""

import json
import subprocess
import sysconfig

import pytest
from kfp import dsl

from holdfast import catalog
from holdfast.testing.errors import ComponentError
from holdfast.testing.running import RunComponent
from tests.support import ROOT, family_python

ROWS = "x,label\n" + "".join(f"{n},{'ab'[n % 2]}\n" for n in range(40))


@pytest.fixture
def run(tmp_path):
    """Run a component in its environment."""
    runs = RunComponent(tmp_path / "runs")
    return lambda component, **given: runs(component, mode="environment", **given)


def test_one_component_takes_what_another_wrote(run, tmp_path):
    (tmp_path / "rows.csv").write_text(ROWS)
    table = run(catalog.ingest_table, uri=tmp_path / "rows.csv", target="label").table
    assert (table.metadata["rows"], table.metadata["target"]) == (40, "label")
    shares = run(catalog.split_table, table=table, test_size=0.25)
    assert (shares.train.metadata["rows"], shares.test.metadata["rows"]) == (30, 10)


def test_a_file_of_another_team_is_a_table(run, tmp_path):
    (tmp_path / "rows.csv").write_text(ROWS)
    shares = run(catalog.split_table, table=tmp_path / "rows.csv", method="random")
    assert shares.test.metadata["rows"] == 8


def test_an_answer_of_ours_is_the_end_of_what_is_told(run, tmp_path):
    with pytest.raises(ComponentError, match="InputError: `uri`") as failed:
        run(catalog.ingest_table, uri=tmp_path / "none.csv")
    assert failed.value.exit_code == 2


def test_a_pipeline_runs_each_step_in_its_environment(run, tmp_path):
    @dsl.pipeline(name="split-only")
    def split_only(table: dsl.Input[dsl.Dataset]) -> dsl.Dataset:
        """Split a table."""
        return catalog.split_table(table=table, method="random").outputs["test"]

    (tmp_path / "rows.csv").write_text(ROWS)
    test = run(split_only, table=tmp_path / "rows.csv").Output
    assert test.metadata["rows"] == 8


FRAMES = '''
import json
from pathlib import Path

import pandas as pd
from kfp import dsl

from holdfast import catalog
from holdfast.errors import InputError

FRAME = pd.DataFrame({"x": range(40), "label": list("ab") * 20})


@dsl.component(base_image="python:3.11-slim")
def read(table: dsl.Input[dsl.Dataset]) -> int:
    """Read one file, as most do."""
    import pandas as pd

    assert Path(table.path).is_file()
    return len(pd.read_parquet(table.path))


def test_other_teams_get_a_parquet_file(run_component):
    assert run_component(read, table=FRAME).Output == 40


def test_components_of_ours_get_a_table_with_its_target(run_component):
    frame = FRAME.copy()
    frame.attrs["target"] = "label"
    shares = run_component(catalog.split_table, table=frame, test_size=0.25)
    assert shares.train.metadata["target"] == "label"
    assert shares.train.metadata["rows"] == 30


def test_a_frame_is_no_model(run_component):
    try:
        run_component(catalog.evaluate_model, model=FRAME, test=FRAME)
    except InputError as error:
        assert str(error).startswith("`model` must be a system.Model. Found: a data frame")
    else:
        raise AssertionError("not refused")
'''


def test_data_frames_are_handed_over_as_files(tmp_path):
    # Where pandas is, kfp and pytest are added, as in the environment of a user who has both.
    (tmp_path / "test_frames.py").write_text(FRAMES)
    beside = [sysconfig.get_path("purelib"), str(ROOT / "components")]
    start = (
        f"import sys; sys.path += {json.dumps(beside)}; import pytest; "
        "sys.exit(pytest.main(['-q', '-p', 'holdfast.testing.plugin', 'test_frames.py']))"
    )
    python = family_python("training")
    done = subprocess.run([python, "-c", start], cwd=tmp_path, capture_output=True, text=True)
    assert "3 passed" in done.stdout, done.stdout + done.stderr
